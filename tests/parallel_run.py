"""Runs for tests of several processes: `python -m parallel_run FOLDER` trains there as one process of a
group, which the environment names; with `memory` behind it, until one of them runs out of memory.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from small_network import SMALL
from torch import Tensor, nn

import fer_zoo.training.initialize as start
import fer_zoo.training.trainer as trainer
from fer_zoo.artifacts.classifier import FaceClassifier, create_model
from fer_zoo.cli.main import main
from fer_zoo.data.fer2013 import Faces
from fer_zoo.models.registry import ARCHITECTURES
from fer_zoo.recipes.recipe import build_recipe
from fer_zoo.utils.devices import read_world

SETTINGS = {
    "epochs": 2,
    "batch_size": 16,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "ema_decay": 0.9,
    "clip_norm": 1.0,
    "precision": "float32",
    "augment": {"rotate": 15, "erase": 0.5, "mixup": 0.2},
}


def create_exact(name: str, *_: object, options: object = None, classes: Sequence[str]) -> FaceClassifier:
    """In double precision, so that rounding hides no difference; without dropout, of which each process
    draws its own.
    """
    model = create_model(name, classes=classes).double()
    model.backbone.register_forward_pre_hook(lambda _, inputs: (inputs[0].double(),))
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def create_fixed(*arguments: object, **options: object) -> FaceClassifier:
    """As above, and batch normalization keeps to its running statistics in training too."""
    model = create_exact(*arguments, **options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.train = lambda *_: None
    return model


def train(folder: Path, resume: bool = False) -> trainer.FitResult:
    return fit(folder, create_exact, SETTINGS, resume=resume)


def train_fixed(folder: Path) -> None:
    """From random weights, and a finetuning whose first epoch is the head's alone."""
    fit(folder / "fixed", create_fixed, SETTINGS)
    tuned = {**SETTINGS, "freeze_epochs": 1, "backbone_lr_mult": 0.1}
    fit(folder / "tuned", create_fixed, tuned, init=str(folder / "fixed"))


def fit(folder: Path, create: Callable[..., FaceClassifier], settings: dict, **how: Any) -> trainer.FitResult:
    generator = np.random.default_rng(0)
    faces = Faces(generator.integers(0, 256, (48, 1, 48, 48), dtype=np.uint8), np.arange(48) % 7)
    recipe = build_recipe(settings)
    with mock.patch.object(start, "create_model", create), mock.patch.dict(ARCHITECTURES, small=SMALL):
        return trainer.fit(
            "small", faces, faces, recipe, out=folder, device="cpu", show_progress=False, **how
        )


def interrupt(folder: Path) -> None:
    """Train as above, and lose the second epoch."""
    epochs: list[int] = []
    train_epoch = trainer.train_epoch

    def stop_in_second(*arguments: object) -> object:
        epochs.append(1)
        result = train_epoch(*arguments)
        if len(epochs) == 2:
            raise KeyboardInterrupt
        return result

    with mock.patch.object(trainer, "train_epoch", stop_in_second):
        try:
            train(folder)
        except KeyboardInterrupt:
            return
    raise AssertionError("the run was not interrupted")


def run_out_of_memory(folder: Path) -> None:
    """The command, whose second process has memory for few faces."""

    def create_large(*arguments: object, **options: object) -> FaceClassifier:
        model = create_model(*arguments, **options)
        model.register_forward_pre_hook(refuse)
        return model

    def refuse(model: FaceClassifier, faces: tuple[Tensor]) -> None:
        if model.training and read_world().rank == 1 and len(faces[0]) > 4:
            raise torch.OutOfMemoryError

    data = ["--data", str(folder / "drawn.csv"), "--out", str(folder / "run"), "--device", "cpu"]
    with mock.patch.object(start, "create_model", create_large), mock.patch.dict(ARCHITECTURES, small=SMALL):
        main(["train", "--arch", "small", "--set", "batch_size=16", "--epochs", "1", *data])


if __name__ == "__main__":
    out = Path(sys.argv[1])
    if "memory" in sys.argv:
        run_out_of_memory(out)
    else:
        result = train(out / "whole")
        (out / f"{read_world().rank}.json").write_text(json.dumps(asdict(result), default=str))
        interrupt(out / "parts")
        train(out / "parts", resume=True)
        train_fixed(out)
