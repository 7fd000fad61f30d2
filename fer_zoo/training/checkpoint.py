"""The state of a run between two epochs, as safetensors: weights, their average, the optimizer's moments,
history. The last two are kept: should the newest be damaged, the run resumes from the one before.
"""

import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fer_zoo.errors import ArtifactError, FerZooError
from fer_zoo.recipes.recipe import build_recipe, describe_recipe
from fer_zoo.training.optim import match_memory_format
from fer_zoo.utils.tensors import hash_tensors, read_tensors, write_tensors

CHECKPOINT_NAME = "checkpoint.safetensors"
PREVIOUS_NAME = "checkpoint-previous.safetensors"


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
        tensors |= {
            f"optimizer.{index}.{key}": value for key, value in moments.items() if isinstance(value, Tensor)
        }
    metadata = {
        "history": json.dumps(progress.history),
        "step": str(progress.step),
        "run": json.dumps(run),
        "sha256": hash_tensors(tensors),  # a power cut can leave a file of the right length with zeros in it
    }
    write_tensors(folder / CHECKPOINT_NAME, tensors, metadata, backup=folder / PREVIOUS_NAME)


def load_checkpoint(
    folder: Path,
    model: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
    run: dict[str, Any],
) -> Progress:
    """Put the newest whole state back, with a warning if it is not the newest there was.

    Raises ArtifactError if none is whole, or if it is of another run.
    """
    path, tensors, saved, progress = _find_whole(folder)
    different = [key for key in run if saved.get(key) != json.loads(json.dumps(run[key]))]
    if different:
        raise ArtifactError(
            f"{str(folder)!r} holds another run: its {', '.join(different)} differ. Use another --out."
        )
    if path.name == PREVIOUS_NAME:
        warnings.warn(
            f"{CHECKPOINT_NAME} in {str(folder)!r} is damaged or missing: continuing from the one before it, "
            f"after epoch {len(progress.history)}.",
            stacklevel=3,
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
    match_memory_format(optimizer)
    return progress


def _find_whole(folder: Path) -> tuple[Path, dict[str, Tensor], dict[str, Any], Progress]:
    """The newest checkpoint that is as it was written: its path, tensors, run and progress."""
    found = [path for name in (CHECKPOINT_NAME, PREVIOUS_NAME) if (path := folder / name).is_file()]
    errors = []
    for path in found:
        try:
            tensors, metadata, _ = read_tensors(path)
            if metadata.get("sha256") not in (None, hash_tensors(tensors)):  # older ones have none
                raise ArtifactError(f"{str(path)!r} is damaged: it is not what was written.")
            progress = Progress(json.loads(metadata["history"]), int(metadata["step"]))
            run = json.loads(metadata["run"])
            # a run started before the recipe had some setting had that setting's default
            run["recipe"] = json.loads(json.dumps(describe_recipe(build_recipe(run["recipe"]))))
            return path, tensors, run, progress
        except (FerZooError, KeyError, TypeError, ValueError) as error:
            errors.append(f"{path.name} ({error})")
    raise ArtifactError(
        f"No intact checkpoint in {str(folder)!r}: {'; '.join(errors)}. Start again in another folder."
    )


def _select(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
