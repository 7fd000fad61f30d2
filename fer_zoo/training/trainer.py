"""One `fit` for every architecture, on a CPU or a GPU. The data lives on the device as uint8; batches are
made there.
"""

import copy
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fer_zoo.artifacts.artifact import load_artifact
from fer_zoo.artifacts.classifier import FaceClassifier, Preprocessing
from fer_zoo.artifacts.origin import describe_data
from fer_zoo.artifacts.score_plots import draw_curves
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.ferplus import apply_label_source
from fer_zoo.errors import TrainingError
from fer_zoo.evaluation.batchnorm import calibrate
from fer_zoo.evaluation.metrics import evaluate
from fer_zoo.models.registry import Architecture, find_architecture
from fer_zoo.recipes.recipe import Recipe, describe_recipe, load_recipe, network_options
from fer_zoo.training.best import describe_run, find_best_epoch, is_stored, save_best
from fer_zoo.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from fer_zoo.training.compiled import compile_forward
from fer_zoo.training.display import TrainingDisplay
from fer_zoo.training.distill import load_teachers
from fer_zoo.training.distributed import Group, convert_sync_batchnorm, join_group
from fer_zoo.training.epoch import Setup, count_steps, train_epoch, validate
from fer_zoo.training.header import describe_folder, describe_start
from fer_zoo.training.history import open_events, write_events, write_history
from fer_zoo.training.initialize import initialize_model
from fer_zoo.training.memory import out_of_memory_hint
from fer_zoo.training.optim import allow_train_crops, build_optimizer, find_head, select_precision, set_frozen
from fer_zoo.training.run_dir import lock_run_dir
from fer_zoo.training.schedule import batch_size_at, count_plateaus
from fer_zoo.utils.devices import keep_freed_memory, pick_device
from fer_zoo.utils.progress import track


@dataclass(frozen=True)
class FitResult:
    """Where the run is, and its best epoch by PublicTest accuracy (from 1)."""

    folder: Path
    best_epoch: int
    epochs: int
    public_accuracy: float
    temperature: float
    seconds: float


def fit(
    architecture: str,
    dataset: FER2013,
    recipe: Recipe | None = None,
    *,
    out: str | Path,
    seed: int = 0,
    device: str = "auto",
    pretrained: bool | str | Path = False,
    ferplus: str | Path | None = None,
    labels: str | None = None,
    resume: bool = False,
    show_progress: bool = True,
    on_epoch: Callable[[dict[str, float]], object] | None = None,
) -> FitResult:
    """Train on Training, choose the epoch and the temperature on PublicTest; PrivateTest is never looked at.

    Writes the artifact (best epoch), checkpoint.safetensors (last epoch) and the one before, history.csv,
    curves.png and TensorBoard events into `out`. The same seed on the same machine's CPU gives the same
    weights, also when killed and resumed. pretrained: as `create_model` takes it, or a trained model of the
    same network, by embedded name or folder; discriminative rates and freezing apply where it is given.
    labels: what is learned, `fer2013`; or by ferplus, FER+'s fer2013new.csv, `ferplus`: its votes in place of
    FER2013's labels, which also choose the epoch and the temperature (so where ferplus alone is given); or
    `both`: a face's target is one half its own label, one half what the votes make likely, and FER2013's
    labels choose. The metrics stored at the end are against FER2013's own labels.
    on_epoch: called after each epoch with its row of history.csv; what it raises ends the run.

    Raises TrainingError (occupied folder, full disk, missing device, too little memory on it, loss not
    finite), ArtifactError, UnknownNameError, DataError (votes that are not of these faces).
    """
    row = find_architecture(architecture)
    recipe = recipe or load_recipe(row.recipe)
    folder, place = Path(out), pick_device(device)
    taught = labels or ("ferplus" if ferplus else "fer2013")
    lesson = apply_label_source(dataset, taught, ferplus)
    group = join_group(place, min(recipe.batch_size, len(lesson.training)))
    with lock_run_dir(folder, resume) if group.is_writer else nullcontext(False) as found:
        saved = group.tell(found)  # the others wait for the folder
        return _fit(
            row,
            dataset,
            lesson,
            taught,
            recipe,
            folder,
            seed,
            place,
            pretrained,
            saved,
            resume,
            show_progress,
            group,
            on_epoch,
        )


def _fit(
    row: Architecture,
    dataset: FER2013,
    lesson: FER2013,
    taught: str,
    recipe: Recipe,
    folder: Path,
    seed: int,
    place: torch.device,
    pretrained: bool | str | Path,
    saved: bool,
    resume: bool,
    show_progress: bool,
    group: Group,
    on_epoch: Callable[[dict[str, float]], object] | None,
) -> FitResult:
    keep_freed_memory()
    torch.manual_seed(seed)
    start = initialize_model(row, pretrained, network_options(recipe))
    if recipe.interpolate_init and not isinstance(start.source, dict):
        raise TrainingError("interpolate_init needs a trained model: give --pretrained its name or folder.")
    model = start.model.to(place)
    begun = copy.deepcopy(start.model.state_dict()) if recipe.interpolate_init else None
    if not recipe.normalize:
        model.preprocessing = Preprocessing(model.preprocessing.size, mean=0.0, std=1.0)
    if recipe.channels_last:
        model = model.to(memory_format=torch.channels_last)
    average = copy.deepcopy(model).eval().requires_grad_(False) if recipe.ema_decay else None
    convert_sync_batchnorm(model, group)
    head = find_head(model)
    optimizer = build_optimizer(model, recipe, head, recipe.backbone_lr_mult if pretrained else 1.0)
    autocast = select_precision(row, recipe.precision, place)
    teachers = load_teachers(recipe.distill.teachers, place)
    if recipe.augment.cut:
        allow_train_crops([model, *(teacher.model for teacher in teachers)])
    run = {
        "architecture": row.name,
        "recipe": describe_recipe(recipe),
        "seed": seed,
        "data": lesson.fingerprint,
        "pretrained": start.source,
        "teachers": [teacher.identity for teacher in teachers],
    }
    if taught != "fer2013":  # earlier checkpoints of other runs know no such key
        run["labels"] = taught
    progress = load_checkpoint(folder, model, average, optimizer, run) if saved else Progress()
    pixels = torch.from_numpy(lesson.training.pixels).to(place)
    labels = torch.from_numpy(lesson.training.labels).to(place)
    public_pixels = torch.from_numpy(lesson.public_test.pixels).to(place)
    public_labels = torch.from_numpy(lesson.public_test.labels)
    events = open_events(folder, progress, group)
    visible = show_progress and group.is_writer
    display = TrainingDisplay(
        row.name, recipe.epochs, len(labels), progress.history, visible, processes=group.size
    )
    if visible:
        display.print_lines(
            [
                *describe_start(row, model, place, autocast, lesson, recipe, seed, group),
                describe_folder(folder, resume, progress),
            ]
        )
    forward = compile_forward(model, place) if recipe.compile else None
    setup = Setup(model, average, optimizer, recipe, seed, autocast, teachers, display, group, forward)
    chosen = model if average is None else average
    if saved and group.is_writer:
        _restore_files(folder, chosen, progress, run)
    with events, display:
        while len(progress.history) < recipe.epochs and not _is_patience_over(progress, recipe):
            epoch = len(progress.history)
            set_frozen(model, head, frozen=bool(pretrained) and epoch < recipe.freeze_epochs)
            began = time.perf_counter()
            with out_of_memory_hint(setup, place):
                loss, accuracy = train_epoch(setup, pixels, labels, progress)
            seconds = time.perf_counter() - began
            size = batch_size_at(recipe, epoch)
            public_loss, public_accuracy = validate(chosen, public_pixels, public_labels, autocast, group)
            _check_losses(loss, public_loss, epoch + 1, recipe, folder)
            progress.history.append(
                {
                    "epoch": epoch + 1,
                    "train_loss": loss,
                    "train_accuracy": accuracy,
                    "public_loss": public_loss,
                    "public_accuracy": public_accuracy,
                    "learning_rate": optimizer.param_groups[0]["lr"] / optimizer.param_groups[0]["share"],
                    "batch_size": size,
                    "images_per_s": count_steps(len(labels), size) * min(size, len(labels)) / seconds,
                    "seconds": time.perf_counter() - began,
                }
            )
            if group.is_writer:
                save_checkpoint(folder, model, average, optimizer, progress, run)
                if find_best_epoch(progress) == epoch + 1:
                    save_best(folder, chosen, describe_run(run, progress))
                write_history(folder, progress.history)
                write_events(progress.history[-1], events)
                display.finish_epoch(progress.history)
            if on_epoch:
                on_epoch(progress.history[-1])
    if not group.is_writer:
        return group.tell(None)
    with track(f"calibrating {row.name}") if show_progress else nullcontext():
        return group.tell(_finish(folder, dataset, lesson, progress, run, place, begun))


def _restore_files(folder: Path, chosen: FaceClassifier, progress: Progress, run: dict[str, Any]) -> None:
    """What a kill after an epoch's checkpoint kept from being written."""
    best = find_best_epoch(progress)
    if best == len(progress.history) and not is_stored(folder, best):
        save_best(folder, chosen, describe_run(run, progress))
    write_history(folder, progress.history)


def _check_losses(loss: float, public_loss: float, epoch: int, recipe: Recipe, folder: Path) -> None:
    """Before anything is written: so the weights on the disk are those of the last good epoch."""
    for name, value in (("training", loss), ("PublicTest", public_loss)):
        if not math.isfinite(value):
            raise TrainingError(
                f"The {name} loss is {value} in epoch {epoch}: the weights grew without bound at "
                f"learning_rate {recipe.learning_rate:g}. Start in another folder with a lower one or with "
                f"--set clip_norm=1. The weights of the epochs before are kept in {str(folder)!r}."
            )


def _is_patience_over(progress: Progress, recipe: Recipe) -> bool:
    return bool(recipe.patience) and count_plateaus(progress.accuracies, recipe.patience) > 0


def _finish(
    folder: Path,
    dataset: FER2013,
    lesson: FER2013,
    progress: Progress,
    run: dict[str, Any],
    device: torch.device,
    start: dict[str, torch.Tensor] | None,
) -> FitResult:
    """Calibrate the best epoch on the faces as they were taught, and store its metrics there; once, for what
    is mixed with its start again would be another model.
    """
    model = load_artifact(folder).to(device)
    info = describe_run(run, progress)
    info["data"] = describe_data(lesson)
    if "calibration" in model.info:
        info |= {key: model.info[key] for key in ("calibration", "metrics")}
    else:
        info["calibration"] = calibrate(model, lesson, device, start)
        info["metrics"]["public"] = evaluate(
            model, dataset.public_test, name=model.name, split="public", device=device
        )
    save_best(folder, model, info)
    draw_curves(folder / "history.csv", folder / "curves.png")
    return FitResult(
        folder=folder,
        best_epoch=info["training"]["best_epoch"],
        epochs=len(progress.history),
        public_accuracy=info["metrics"]["public"]["accuracy"],
        temperature=model.temperature,
        seconds=sum(row["seconds"] for row in progress.history),
    )
