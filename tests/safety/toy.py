"""A tiny run in a process of its own that can be killed at any moment, also in the middle of a write."""

import builtins
import json
import multiprocessing
import os
import resource
import signal
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import fer_zoo.training.epoch_files as epoch_files
import fer_zoo.training.trainer as trainer
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.errors import TrainingError
from fer_zoo.models.registry import ARCHITECTURES, Architecture
from fer_zoo.recipes.recipe import build_recipe
from fer_zoo.training.optim import build_optimizer, find_head
from fer_zoo.training.run_dir import lock_run_dir

EPOCHS = 3
RECIPE = {
    "epochs": EPOCHS,
    "batch_size": 16,
    "learning_rate": 0.03,
    "ema_decay": 0.9,
    "precision": "float32",
    "augment": {"rotate": 10, "mixup": 0.2},
}
WRITES: tuple[
    tuple[Any, str], ...
] = (  # every way in which a run changes files, but TensorBoard's own thread
    *((Path, name) for name in ("mkdir", "open", "write_bytes", "write_text", "chmod", "replace", "unlink")),
    (tempfile, "mkstemp"),
    (os, "fsync"),
    (builtins, "open"),
)


class Toy(nn.Module):
    """Gray faces (N, 1, 48, 48) to logits, with what makes resuming hard: statistics and dropout."""

    def __init__(self, num_classes: int = 7) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 5, stride=4)
        # so slow that a run ends with re-estimated statistics: they are the better ones
        self.norm = nn.BatchNorm2d(4, momentum=0.02)
        self.dropout = nn.Dropout(0.3)
        self.classifier = nn.Linear(4, num_classes)

    def forward(self, faces: Tensor) -> Tensor:
        features = self.norm(self.convolution(faces)).relu().mean((2, 3))
        return self.classifier(self.dropout(features))


def add_toy() -> None:
    row = Architecture(
        "toy", family="cnn", recipe="baseline", parameters=153, note="", builder=f"{__name__}:Toy"
    )
    ARCHITECTURES["toy"] = row


def make_faces() -> FER2013:
    generator = np.random.default_rng(0)

    def draw(count: int) -> Faces:
        labels = np.arange(count) % 7
        noise = generator.integers(0, 60, (count, 1, 48, 48))
        return Faces((noise + labels[:, None, None, None] * 25).astype(np.uint8), labels)

    return FER2013(draw(96), draw(49), draw(7), fingerprint="toy", source="toy")


def train_toy(folder: Path, resume: bool = False, **options: object) -> None:
    add_toy()
    recipe = build_recipe({**RECIPE, **options})
    data = make_faces()
    trainer.fit(
        "toy",
        data.training,
        data.public_test,
        recipe,
        out=folder,
        device="cpu",
        resume=resume,
        show_progress=False,
        data=data.info,
    )


def count_writes(folder: Path, kill_at: int | None) -> None:
    """Train; leave the number of file operations in `folder`/writes, and of the first and the last of each
    save of the best weights in `folder`/saves; or die in the middle of one of them.

    An operation is halved: of a write half arrives, anything else is done or not by turns.
    """
    done = 0

    def guard(work: Callable[..., object]) -> Callable[..., object]:
        def guarded(*arguments: Any, **options: Any) -> object:
            nonlocal done
            reads = work.__name__ == "open" and "r" in options.get("mode", [*arguments, "r"][1])
            if reads or threading.current_thread() is not threading.main_thread():
                return work(*arguments, **options)
            done += 1
            if done == kill_at:
                if work.__name__.startswith("write_"):
                    path, content = arguments
                    work(path, content[: len(content) // 2], **options)
                elif done % 2:
                    work(*arguments, **options)
                os.kill(os.getpid(), signal.SIGKILL)
            return work(*arguments, **options)

        return guarded

    saves: list[tuple[int, int]] = []
    save_best = trainer.save_best

    def count_save(*arguments: Any) -> None:
        begin = done + 1
        save_best(*arguments)
        saves.append((begin, done))

    trainer.save_best = epoch_files.save_best = count_save
    for owner, name in WRITES:
        setattr(owner, name, guard(getattr(owner, name)))
    train_toy(folder)
    (folder / "writes").write_text(str(done))
    (folder / "saves").write_text(json.dumps(saves))


def make_state() -> tuple[nn.Module, nn.Module, torch.optim.Optimizer]:
    """What a checkpoint of the toy fills: model, average, optimizer."""
    model, average = create_model("toy"), create_model("toy")
    return model, average, build_optimizer(model, build_recipe(RECIPE), find_head(model), 1.0)


def train_on_small_disk(folder: Path, most_bytes: int) -> None:
    """Train until the system refuses a longer file; exit code 0 where the error is ours and says so."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    try:
        train_toy(folder)
    except TrainingError as error:
        assert "cannot be written" in str(error) and "--resume" in str(error), error
    else:
        raise AssertionError("every file found room")


def hold_until_killed(folder: Path) -> None:
    with lock_run_dir(folder, resume=False):
        (folder / "held").touch()
        signal.pause()


def start(work: Callable[..., None], *arguments: object) -> multiprocessing.process.BaseProcess:
    """A new process forked from one that has imported torch and done nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["fer_zoo.training.trainer", "timm", "matplotlib.figure"])
    process = context.Process(target=work, args=arguments)
    process.start()
    return process
