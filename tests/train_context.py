"""A context of one linear layer or of a model given, as `prepare` makes it."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fer_zoo.artifacts.classifier import FaceClassifier
from fer_zoo.recipes.recipe import Recipe
from fer_zoo.training.context import TrainContext
from fer_zoo.training.display import TrainingDisplay
from fer_zoo.training.optim import build_optimizer


def make_context(
    model: FaceClassifier, recipe: Recipe, pixels: Tensor, labels: Tensor, **parts: Any
) -> TrainContext:
    given = {
        "architecture": None,
        "recipe": recipe,
        "seed": 0,
        "device": torch.device("cpu"),
        "folder": Path(),
        "data": None,
        "run": {"pretrained": False},
        "model": model,
        "average": None,
        "init_state": None,
        "head": [],
        "optimizer": build_optimizer(model, recipe, [], 1.0),
        "autocast": nullcontext(),
        "teachers": [],
        "train_pixels": pixels,
        "train_labels": labels,
        "val_pixels": pixels,
        "val_labels": labels,
        "display": TrainingDisplay("test", recipe.epochs, len(labels), [], visible=False),
    }
    return TrainContext(**{**given, **parts})
