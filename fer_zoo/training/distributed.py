"""Several processes as one: each trains on its part of every batch, and all of them hold equal weights.

torchrun starts the processes. What they compute is what one process would with the same batch: the order of
the faces, their augmentation and the batch's statistics are those of the whole batch. Dropout is the one
exception, since each process draws for its own part.
"""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from timm.layers import BatchNormAct2d
from torch import Tensor, nn

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
        """The indices below `count` that are this process's. They are equally many where size divides it."""
        if self.size == 1:
            return slice(None)
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def all_reduce(self, values: Tensor) -> None:
        """Replace values by their sum over the processes."""
        if self.size > 1:
            _add_up(values)

    def average_gradients(self, model: nn.Module) -> None:
        """In one message: at some millions of parameters there is nothing to gain from sending while the
        backward pass still runs, and frozen parts need no special care.
        """
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        _add_up(flat)
        flat /= self.size
        pieces = flat.split([gradient.numel() for gradient in gradients])
        for gradient, piece in zip(gradients, pieces, strict=True):
            gradient.copy_(piece.view_as(gradient))

    def broadcast(self, value: Any) -> Any:
        """What the writer has for `value`; the others wait for it."""
        if self.size == 1:
            return value
        box = [value]
        with _lost_process_error():
            dist.broadcast_object_list(box, src=0)
        return box[0]


def _add_up(values: Tensor) -> None:
    with _lost_process_error():
        dist.all_reduce(values)


@contextmanager
def _lost_process_error() -> Iterator[None]:
    """Raises TrainingError where another process has gone, in place of what its connection says then."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # of several kinds: gloo's is a plain one
        raise TrainingError(
            "Another process of this run has ended, so this one cannot go on: its message says why. "
            "Finished epochs that were saved are kept for --resume."
        ) from error


def join_group(device: torch.device, batch_size: int) -> Group:
    """The group that torchrun's environment tells of; one process where there is none.

    Raises TrainingError where the batch cannot be cut into equal parts.
    """
    size = read_world().size
    if size == 1:
        return Group()
    if batch_size % size:
        raise TrainingError(
            f"A batch of {batch_size} cannot be cut into {size} equal parts: "
            f"--set batch_size={max(1, round(batch_size / size)) * size} can."
        )
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(dist.destroy_process_group)
    return Group(dist.get_rank(), size)


def convert_sync_batchnorm(model: nn.Module, group: Group) -> None:
    """Let batch normalization in training see the whole batch, not this process's part of it.

    torch's SyncBatchNorm runs on GPUs only and knows no layer of timm's; this one runs everywhere. The
    tensors keep their names. Layers of a class that is not known here are left as they are.
    """
    if group.size == 1:
        return
    for module in model.modules():
        if type(module) in SHARED:
            module.__class__ = SHARED[type(module)]


def sync_batch_norm(layer: nn.BatchNorm2d, features: Tensor) -> Tensor:
    """Batch normalization of (N, C, H, W), mean and variance over the processes' equal parts."""
    if not layer.training:
        return F.batch_norm(
            features, layer.running_mean, layer.running_var, layer.weight, layer.bias, False, 0.0, layer.eps
        )
    size = dist.get_world_size()
    wide = features.to(torch.promote_types(features.dtype, torch.float32))
    mean = _sum_over_processes(wide.mean((0, 2, 3), keepdim=True)) / size
    centered = wide - mean
    variance = _sum_over_processes(centered.square().mean((0, 2, 3), keepdim=True)) / size
    _follow(layer, mean.detach().flatten(), variance.detach().flatten(), size * wide[:, 0].numel())
    scaled = centered * (variance + layer.eps).rsqrt()
    shape = (1, -1, 1, 1)
    return (scaled * layer.weight.view(shape) + layer.bias.view(shape)).to(features.dtype)


@torch.no_grad()
def _follow(layer: nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int) -> None:
    """Move the running statistics as nn.BatchNorm2d does, with the variance's unbiased estimate."""
    assert layer.running_mean is not None and layer.running_var is not None and layer.momentum is not None
    layer.running_mean.lerp_(mean, layer.momentum)
    layer.running_var.lerp_(variance * (count / (count - 1)), layer.momentum)
    if layer.num_batches_tracked is not None:
        layer.num_batches_tracked += 1


class _Sum(torch.autograd.Function):
    """Over the processes, forward and backward."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        _add_up(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _Sum.forward(ctx, gradients[0])


def _sum_over_processes(values: Tensor) -> Tensor:
    return _Sum.apply(values)


class SharedBatchNorm(nn.BatchNorm2d):
    def forward(self, features: Tensor) -> Tensor:
        return sync_batch_norm(self, features)


class SharedBatchNormAct(BatchNormAct2d):
    """timm's layer, which has an activation in it."""

    def forward(self, features: Tensor) -> Tensor:
        return self.act(self.drop(sync_batch_norm(self, features)))


SHARED: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm2d: SharedBatchNorm,
    BatchNormAct2d: SharedBatchNormAct,
}
