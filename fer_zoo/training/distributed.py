"""Several processes as one run, by torch's DistributedDataParallel: each computes the gradients of its shard
of every batch, and all of them hold equal weights. torchrun starts the processes.

The order of the faces and their augmentation are those of one process; dropout is drawn by each for its own
shard. On GPUs batch normalization sees the whole batch, on a CPU each process's shard.
"""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from timm.layers import convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from fer_zoo.errors import TrainingError
from fer_zoo.utils.devices import read_world

SEED_STEP = 1 << 32  # between the dropout draws of two processes: beyond any run's own epoch seeds


@dataclass(frozen=True)
class Group:
    """The processes of a run. rank: of this one, from 0; the first one writes the files."""

    rank: int = 0
    size: int = 1

    @property
    def is_writer(self) -> bool:
        return self.rank == 0

    def shard(self, count: int) -> slice:
        """The indices below `count` that are this process's; equally many each where size divides it."""
        if self.size == 1:
            return slice(None)
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def parallelize(self, model: nn.Module) -> nn.Module:
        """The module whose backward pass averages the gradients of the parameters that are not frozen now."""
        return model if self.size == 1 else DistributedDataParallel(model)

    def all_reduce(self, values: Tensor) -> None:
        """Replace values by their sum over the processes."""
        if self.size > 1:
            with self.explain_loss():
                dist.all_reduce(values)

    def broadcast(self, value: Any) -> Any:
        """What the writer has for `value`; the others wait for it."""
        if self.size == 1:
            return value
        values = [value]
        with self.explain_loss():
            dist.broadcast_object_list(values, src=0)
        return values[0]

    def broadcast_buffers(self, *models: nn.Module | None) -> None:
        """Give all processes the writer's batch-norm statistics."""
        if self.size > 1:
            with self.explain_loss():
                for buffer in (one for model in models if model is not None for one in model.buffers()):
                    dist.broadcast(buffer, src=0)

    @contextmanager
    def explain_loss(self) -> Iterator[None]:
        """Raises TrainingError where another process has gone, in place of what its connection says then."""
        try:
            yield
        except RuntimeError as error:  # gloo raises a plain one
            if self.size == 1 or not (isinstance(error, dist.DistError) or "gloo" in str(error)):
                raise
            raise TrainingError(
                "Another process of this run has ended, so this one cannot continue: its message says why. "
                "Finished epochs that were saved are kept for --resume."
            ) from error


def join_group(device: torch.device, batch_size: int) -> Group:
    """The group that torchrun names, else one process. Raises TrainingError for a batch in unequal shards."""
    size = read_world().size
    if size == 1:
        return Group()
    if batch_size % size:
        raise TrainingError(
            f"A batch of {batch_size} cannot be split into {size} equal shards: "
            f"--set batch_size={max(1, round(batch_size / size)) * size} can."
        )
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(dist.destroy_process_group)
    return Group(dist.get_rank(), size)


def sync_batchnorm(model: nn.Module, group: Group, device: torch.device) -> None:
    """On GPUs: let batch normalization in training see the whole batch. torch's SyncBatchNorm, and timm's for
    its layers with an activation; the tensors keep their names. There is none for a CPU.
    """
    if group.size > 1 and device.type == "cuda":
        convert_sync_batchnorm(model)
