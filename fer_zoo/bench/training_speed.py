"""Training speed: the tutorial's own loop and our trainer, on the same faces, taking turns."""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fer_zoo.bench.peak_memory import read_peak_mb
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.errors import FerZooError
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import Recipe, load_recipe
from fer_zoo.utils.devices import pick_device

TRAINING_FACES = 28_709  # of FER2013: what an epoch is counted as


@dataclass(frozen=True)
class Benchmark:
    """What both sides are given. faces: the training faces of a round. workers: processes that augment in the
    tutorial's loop. recipe: of our trainer, for one epoch.
    """

    architecture: str
    faces: Faces
    recipe: Recipe
    workers: int
    device: str


def make_faces(faces: Faces | None, count: int) -> Faces:
    """`count` faces of a split, over and over if it has fewer; without a split, of noise: the speed does not
    depend on what they show.
    """
    if faces is None:
        generator = np.random.default_rng(0)
        pixels = generator.integers(0, 256, (count, 1, 48, 48), dtype=np.uint8)
        return Faces(pixels, np.arange(count) % 7)
    places = np.arange(count) % len(faces)
    return Faces(faces.pixels[places], faces.labels[places])


def build_benchmark(
    architecture: str,
    faces: Faces | None = None,
    *,
    recipe: str | Path | None = None,
    steps: int = 40,
    workers: int = 2,
    device: str = "auto",
) -> Benchmark:
    """faces: without them, noise. recipe: a name or TOML file in place of the architecture's; its teachers
    are left out. Raises UnknownNameError, RecipeError, TrainingError.
    """
    row, place = find_architecture(architecture), pick_device(device)
    ours = load_recipe(recipe or row.recipe, ["epochs=1", "freeze_epochs=0", "distill.teachers=[]"])
    return Benchmark(row.name, make_faces(faces, steps * ours.batch_size), ours, workers, str(place))


def compare_training(
    contest: Benchmark,
    *,
    rounds: int = 3,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> dict[str, Any]:
    """Images a second of both, the median of `rounds` rounds after one that warms up. Where the recipe asks
    for compilation, each round compiles anew.

    Each side has a process of its own, which waits while the other works, so that neither the processor, nor
    the peak memory, nor a setting of the one touches the other. An epoch is counted as FER2013's 28,709
    faces. Memory is that of the process that trains (of the GPU's allocator, where it is one); workers come
    on top of it.
    """
    seconds = _take_turns(contest, rounds, progress)
    peaks = {name: times.pop() for name, times in seconds.items()}
    speeds = {name: len(contest.faces) / median(times[1:]) for name, times in seconds.items()}
    return {
        "architecture": contest.architecture,
        "device": contest.device,
        "batch_size": contest.recipe.batch_size,
        "steps": len(contest.faces) // contest.recipe.batch_size,
        "rounds": rounds,
        "workers": contest.workers,
        "images_per_s": round(speeds["ours"], 1),
        "tutorial_images_per_s": round(speeds["tutorial"], 1),
        "ratio": round(speeds["ours"] / speeds["tutorial"], 2),
        "ratio_of_rounds": [
            round(theirs / ours, 2)
            for ours, theirs in zip(seconds["ours"][1:], seconds["tutorial"][1:], strict=True)
        ],
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


def _take_turns(
    contest: Benchmark, rounds: int, progress: Callable[[int, int], object]
) -> dict[str, list[float]]:
    """For each side the seconds of its rounds, the one that warms up first; last its peak memory in MB."""
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Any] = {}
    processes = []
    for name in SIDES:
        pipes[name], theirs = context.Pipe()
        processes.append(context.Process(target=_work, args=(name, contest, theirs)))
        processes[-1].start()
        theirs.close()  # so that a process that dies is an end of file here
    seconds: dict[str, list[float]] = {name: [] for name in SIDES}
    total = (rounds + 1) * len(SIDES)
    try:
        for turn in range(total + len(SIDES)):  # the last turn of each asks for its memory
            name = list(SIDES)[turn % len(SIDES)]
            pipes[name].send(turn < total)
            seconds[name].append(pipes[name].recv())
            progress(min(turn + 1, total), total)
    except (EOFError, BrokenPipeError):
        raise FerZooError(
            f"The process of {name!r} ended early; its error is above. "
            "If memory is short, use fewer --workers."
        ) from None
    finally:
        for name, process in zip(SIDES, processes, strict=True):
            pipes[name].close()
            process.join()
    return seconds


def _work(name: str, contest: Benchmark, pipe: Connection) -> None:
    """A side's process: a round for each True that comes, then its peak memory, then the end."""
    import torch

    run_round = SIDES[name](contest)
    try:
        while pipe.recv():
            pipe.send(run_round())
        on_gpu = contest.device != "cpu"
        pipe.send(torch.cuda.max_memory_allocated() / 1e6 if on_gpu else read_peak_mb())
    except (EOFError, KeyboardInterrupt):
        return


def prepare_ours(contest: Benchmark) -> Callable[[], float]:
    """A round of `fer-zoo train`, which returns its seconds; without the calibration that follows."""
    import torch

    from fer_zoo.training.distributed import Group
    from fer_zoo.training.trainer import prepare, train_epochs

    few = make_faces(contest.faces, 64)
    dataset = FER2013(contest.faces, few, few, fingerprint="bench", source="bench")
    row, device = find_architecture(contest.architecture), torch.device(contest.device)

    def run_round() -> float:
        with tempfile.TemporaryDirectory() as folder:
            context, progress = prepare(
                row,
                contest.recipe,
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
        return len(contest.faces) / progress.history[0]["images_per_s"]

    return run_round


def _prepare_tutorial(contest: Benchmark) -> Callable[[], float]:
    """The tutorial's loop as published: a sample is augmented by albumentations in a worker, float32, Adam,
    loss and accuracy are read after each step.
    """
    import torch
    import torch.nn.functional as F

    from fer_zoo.artifacts.classifier import create_model
    from fer_zoo.data.dataset import build_loader

    recipe, device = load_recipe("tutorial"), torch.device(contest.device)
    torch.manual_seed(0)
    model = create_model(contest.architecture).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    loader = build_loader(
        contest.faces, contest.recipe.batch_size, recipe.augment, shuffle=True, workers=contest.workers
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


SIDES: dict[str, Callable[[Benchmark], Callable[[], float]]] = {
    "tutorial": _prepare_tutorial,
    "ours": prepare_ours,
}
