"""What stays the same through a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fer_zoo.artifacts.classifier import FaceClassifier
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.models.registry import Architecture
from fer_zoo.recipes.recipe import Recipe
from fer_zoo.training.display import TrainingDisplay
from fer_zoo.training.distill import Teacher
from fer_zoo.training.distributed import Group


@dataclass(frozen=True)
class TrainContext:
    """Everything that the loop reads and never replaces; `Progress` is what changes from epoch to epoch."""

    architecture: Architecture
    recipe: Recipe
    seed: int
    device: torch.device
    folder: Path
    data: FER2013  # with an empty PrivateTest
    run: dict[str, Any]  # what identifies the run, as checkpoints and config.json keep it
    model: FaceClassifier
    average: FaceClassifier | None  # the exponential moving average of the model's weights
    init_state: dict[str, Tensor] | None  # the initial weights, where the recipe interpolates with them
    head: Sequence[Tensor]  # parameters of the classifier layer, which is never frozen
    optimizer: torch.optim.Optimizer
    autocast: Any  # the precision's context manager
    teachers: Sequence[Teacher]
    train_pixels: Tensor  # uint8 (N, 1, 48, 48), on the device
    train_labels: Tensor  # int64 (N,), or float (N, 7) soft labels, on the device
    val_pixels: Tensor  # on the device
    val_labels: Tensor  # int64 (N,), on the CPU
    display: TrainingDisplay
    group: Group = field(default_factory=Group)

    @property
    def evaluated(self) -> FaceClassifier:
        """The weights that are validated and saved."""
        return self.model if self.average is None else self.average

    @property
    def is_finetuning(self) -> bool:
        return bool(self.run["pretrained"])
