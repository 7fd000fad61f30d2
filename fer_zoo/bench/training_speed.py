"""Training speed of the tutorial's own loop and of our trainer, interleaved, on the same faces."""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fer_zoo.bench.peak_memory import read_peak_mb
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.errors import FerZooError, one_line
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import Recipe, load_recipe
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.progress import track

TRAINING_FACES = 28_709  # of FER2013: what an epoch is counted as


@dataclass(frozen=True)
class Benchmark:
    """What both runners are given."""

    architecture: str
    faces: Faces  # of a round
    recipe: Recipe  # of our trainer, for one epoch
    workers: int  # processes that augment in the tutorial's loop
    device: str


def make_faces(faces: Faces | None, count: int) -> Faces:
    """`count` faces of a split, repeated if it has fewer; noise without a split: the speed is the same."""
    if faces is None:
        generator = np.random.default_rng(0)
        pixels = generator.integers(0, 256, (count, 1, 48, 48), dtype=np.uint8)
        return Faces(pixels, np.arange(count) % 7)
    indices = np.arange(count) % len(faces)
    return Faces(faces.pixels[indices], faces.labels[indices], faces.classes)


def build_benchmark(
    architecture: str,
    faces: Faces | None = None,
    *,
    recipe: str | Path | None = None,
    steps: int = 40,
    workers: int = 2,
    device: str = "auto",
) -> Benchmark:
    """Build a benchmark from names; raises for wrong ones. faces: default noise. recipe: a name or TOML
    file, without its teachers; default the architecture's own.
    """
    row, device = find_architecture(architecture), str(pick_device(device))
    ours = load_recipe(recipe or row.recipe, ["epochs=1", "freeze_epochs=0", "distill.teachers=[]"])
    return Benchmark(row.name, make_faces(faces, steps * ours.batch_size), ours, workers, device)


def compare_training(benchmark: Benchmark, *, rounds: int = 3) -> dict[str, Any]:
    """Measure images a second of both runners: the median of `rounds` rounds after one that warms up.

    Each runner has a process of its own, which waits while the other works. An epoch has FER2013's 28,709
    faces. Memory is that of the process that trains, without its workers, or of the GPU's allocator. If the
    recipe asks for compilation, each round compiles anew.

    Raises:
        FerZooError: a process ended early.
    """
    seconds, peaks = _run_interleaved(benchmark, rounds)
    speeds = {name: len(benchmark.faces) / median(times[1:]) for name, times in seconds.items()}
    ratios = [a / b for a, b in zip(seconds["tutorial"][1:], seconds["ours"][1:], strict=True)]
    return {
        "architecture": benchmark.architecture,
        "device": benchmark.device,
        "batch_size": benchmark.recipe.batch_size,
        "steps": len(benchmark.faces) // benchmark.recipe.batch_size,
        "rounds": rounds,
        "workers": benchmark.workers,
        "images_per_s": round(speeds["ours"], 1),
        "tutorial_images_per_s": round(speeds["tutorial"], 1),
        "ratio": round(speeds["ours"] / speeds["tutorial"], 2),
        "ratio_of_rounds": [round(ratio, 2) for ratio in ratios],
        "epoch_s": round(TRAINING_FACES / speeds["ours"], 2),
        "tutorial_epoch_s": round(TRAINING_FACES / speeds["tutorial"], 2),
        "peak_memory_mb": round(peaks["ours"]),
        "tutorial_peak_memory_mb": round(peaks["tutorial"]),
    }


def format_training(result: dict[str, Any]) -> str:
    """Three lines for people."""
    lines = [
        f"{result['architecture']} on {result['device']}, {result['batch_size']} faces a step, median of "
        f"{result['rounds']} rounds of {result['steps']} steps",
    ]
    for title, prefix in (("the tutorial's loop", "tutorial_"), ("fer-zoo train", "")):
        speed, epoch, memory = (result[prefix + key] for key in ("images_per_s", "epoch_s", "peak_memory_mb"))
        lines.append(f"  {title:<20}{speed:>9,.0f} images/s {epoch:>8.1f} s an epoch {memory:>7,} MB")
    return "\n".join([*lines, f"  {result['ratio']:.2f} times as fast"])


def _run_interleaved(benchmark: Benchmark, rounds: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """For each runner the seconds of its rounds, the warm-up first, and its peak memory in MB."""
    seconds: dict[str, list[float]] = {name: [] for name in RUNNERS}
    spawn, total = multiprocessing.get_context("spawn"), (rounds + 1) * len(RUNNERS)
    with track("interleaved rounds") as progress, ExitStack() as stack:
        pools = {
            name: stack.enter_context(ProcessPoolExecutor(1, spawn, _start_runner, (name, benchmark)))
            for name in RUNNERS
        }
        try:
            for number, name in enumerate(list(RUNNERS) * (rounds + 1), start=1):
                seconds[name].append(pools[name].submit(_run_round).result())
                progress(number, total)
            return seconds, {name: pool.submit(_read_peak_mb).result() for name, pool in pools.items()}
        except RuntimeError as error:  # BrokenProcessPool is one
            raise FerZooError(
                f"The process of {name!r} failed ({one_line(error)}). "
                "If memory is short, use fewer --workers."
            ) from error


def _start_runner(name: str, benchmark: Benchmark) -> None:
    """Prepare the runner of this process."""
    global _runner
    _runner = RUNNERS[name](benchmark)


def _run_round() -> float:
    return _runner()


def _read_peak_mb() -> float:
    import torch

    on_gpu = torch.cuda.is_available() and torch.cuda.is_initialized()
    return torch.cuda.max_memory_allocated() / 1e6 if on_gpu else read_peak_mb()


def prepare_ours(benchmark: Benchmark) -> Callable[[], float]:
    """A function that runs an epoch of `fer-zoo train`, without calibration, and returns its seconds."""
    import torch

    from fer_zoo.training.distributed import Group
    from fer_zoo.training.trainer import prepare, train_epochs

    few = make_faces(benchmark.faces, 64)
    dataset = FER2013(benchmark.faces, few, few, fingerprint="bench", source="bench")
    row, device = find_architecture(benchmark.architecture), torch.device(benchmark.device)

    def run_round() -> float:
        with tempfile.TemporaryDirectory() as folder:
            context, progress = prepare(
                row,
                benchmark.recipe,
                dataset,
                run_dir=Path(folder),
                device=device,
                seed=0,
                init=None,
                group=Group(),
                is_saved=False,
                is_visible=False,
            )
            train_epochs(context, progress, lambda row: False)
        return len(benchmark.faces) / progress.history[0]["images_per_s"]

    return run_round


def _prepare_tutorial(benchmark: Benchmark) -> Callable[[], float]:
    """The tutorial's loop as published: albumentations in workers, float32, Adam, loss and accuracy are read
    after each step.
    """
    import torch
    import torch.nn.functional as F

    from fer_zoo.artifacts.classifier import create_model
    from fer_zoo.data.dataset import build_loader

    recipe, device = load_recipe("tutorial"), torch.device(benchmark.device)
    torch.manual_seed(0)
    model = create_model(benchmark.architecture, classes=benchmark.faces.classes).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    loader = build_loader(
        benchmark.faces, benchmark.recipe.batch_size, recipe.augment, shuffle=True, workers=benchmark.workers
    )

    def run_round() -> float:
        start = time.perf_counter()
        loss_sum, correct = 0.0, 0
        for batch in loader:
            images, labels = batch["image"].to(device), batch["label"].to(device)
            optimizer.zero_grad()
            logits = model(images)
            loss = F.cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(labels)
            correct += int((logits.argmax(1) == labels).sum().item())
        return time.perf_counter() - start

    return run_round


RUNNERS = {"tutorial": _prepare_tutorial, "ours": prepare_ours}
_runner: Callable[[], float]  # of this process
