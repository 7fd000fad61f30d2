"""The state of a run between two epochs, as safetensors: weights, their average, the optimizer's moments,
history.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from fer_zoo.errors import ArtifactError
from fer_zoo.files import write_atomically

CHECKPOINT_NAME = "checkpoint.safetensors"


@dataclass
class Progress:
    """What a run has done so far. history: one row an epoch, as in history.csv."""

    history: list[dict[str, float]] = field(default_factory=list)
    step: int = 0

    @property
    def accuracies(self) -> list[float]:
        return [row["public_accuracy"] for row in self.history]


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    run: dict[str, Any],
) -> None:
    """run: what identifies the run (architecture, recipe, seed, data fingerprint); a resume checks it."""
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{key}": value for key, value in average.state_dict().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in moments.items() if value is not None}
    tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    metadata = {"history": json.dumps(progress.history), "step": str(progress.step), "run": json.dumps(run)}
    write_atomically(folder / CHECKPOINT_NAME, lambda path: save_file(tensors, path, metadata=metadata))


def load_checkpoint(
    folder: Path,
    model: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
    run: dict[str, Any],
) -> Progress:
    """Put a saved state back. Raises ArtifactError if there is none, or if it is of another run."""
    path = folder / CHECKPOINT_NAME
    if not path.is_file():
        raise ArtifactError(f"Nothing to resume in {str(folder)!r}: start the run without --resume.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        saved = json.loads(metadata["run"])
        progress = Progress(json.loads(metadata["history"]), int(metadata["step"]))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"{str(path)!r} is damaged ({error}): start again in another folder.") from error
    different = [key for key in run if saved.get(key) != json.loads(json.dumps(run[key]))]
    if different:
        raise ArtifactError(
            f"{str(folder)!r} holds another run: its {', '.join(different)} differ. Use another --out."
        )
    model.load_state_dict(_select(tensors, "model."))
    if average is not None:
        average.load_state_dict(_select(tensors, "average."))
    state = optimizer.state_dict()
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in _select(tensors, "optimizer.").items():
        index, name = key.split(".", 1)
        moments.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": moments, "param_groups": state["param_groups"]})
    return progress


def _select(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
