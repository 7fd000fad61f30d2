"""One `fit` for every architecture, on CPU or GPU. Data lies there as uint8; batches are made there."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from fer_zoo.artifacts.card import write_card
from fer_zoo.artifacts.classifier import Preprocessing, load_artifact
from fer_zoo.artifacts.origin import describe_data
from fer_zoo.artifacts.score_plots import draw_curves
from fer_zoo.data.fer2013 import FER2013, Faces, join_splits
from fer_zoo.errors import DataError, TrainingError
from fer_zoo.evaluation.batchnorm import calibrate
from fer_zoo.evaluation.metrics import evaluate
from fer_zoo.models.registry import Architecture, find_architecture
from fer_zoo.recipes.recipe import Recipe, load_recipe, network_options
from fer_zoo.training.best import describe_run, identify_run, save_best
from fer_zoo.training.checkpoint import Progress, load_checkpoint
from fer_zoo.training.compiled import compile_forward
from fer_zoo.training.context import TrainContext
from fer_zoo.training.display import TrainingDisplay
from fer_zoo.training.distill import load_teachers
from fer_zoo.training.distributed import Group, join_group, sync_batchnorm
from fer_zoo.training.epoch import train_epoch, validate
from fer_zoo.training.epoch_files import restore_files, save_epoch, save_split
from fer_zoo.training.header import describe_folder, describe_start
from fer_zoo.training.history import describe_epoch, open_events, write_events
from fer_zoo.training.initialize import Initialization, default_recipe, initialize_model
from fer_zoo.training.memory import out_of_memory_hint
from fer_zoo.training.optim import allow_train_crops, build_optimizer, find_head, select_precision, set_frozen
from fer_zoo.training.run_dir import lock_run_dir
from fer_zoo.training.schedule import check_warmup, count_plateaus
from fer_zoo.training.small_data import adapt_recipe, check_splits
from fer_zoo.utils.devices import keep_freed_memory, pick_device
from fer_zoo.utils.progress import track

OnEpoch = Callable[[dict[str, float]], object]


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
    train: Faces,
    val: Faces | None = None,
    recipe: Recipe | None = None,
    *,
    out: str | Path,
    init: bool | str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: bool = False,
    on_epoch: OnEpoch | None = None,
    show_progress: bool = True,
    data: FER2013 | None = None,
    score_on: Faces | None = None,
) -> FitResult:
    """Train on `train`; choose the epoch and the temperature on `val`. No other faces come in.

    Writes the artifact of the best epoch with its card, the last two checkpoints, history.csv, curves.png and
    TensorBoard events. The same seed on the same machine's CPU gives the same weights, also when killed and
    resumed.

    Args:
        architecture: a name of `fer-zoo list`.
        train: faces to learn from; labels int64 (N,), or soft labels float32 (N, classes). Its classes are
            the model's.
        val: faces that choose; labels int64 (N,), of the same classes.
        recipe: the architecture's own where none is given, or `finetune` where a trained model gets a new
            head. Where an epoch has fewer than two batches, they are made smaller.
        out: folder of the run.
        init: None for random weights, True for ImageNet's from the Hub, or a file of weights, or a trained
            model of the same network by name or folder, which gets a new head if its classes are others;
            then backbone_lr_mult and freeze_epochs apply.
        seed: of the weights, the order of the faces, their augmentation and dropout.
        device: `auto`, `cpu`, `cuda`, `cuda:1` ...
        resume: the run in `out`; starts it where there is none.
        on_epoch: called after each epoch with its row of history.csv. Returning False ends the run there,
            as if the recipe had no more epochs.
        show_progress: on stderr.
        data: what config.json keeps of the faces, as `dataset.info` has it.
        score_on: `val` with the data set's own labels, where `val` has others (FER+'s): the metrics that are
            stored at the end are measured there.

    Raises:
        TrainingError: an occupied folder, a full disk, a missing device, too little memory on it, a loss
            that is not finite.
        DataError: no two splits are given, or they are empty or of different classes.
        ArtifactError, UnknownNameError: weights to start from or to distill from are missing.
        RecipeError: settings that the network or the schedule does not take.
    """
    if isinstance(train, FER2013) or val is None:
        raise DataError(
            "fit takes two splits instead of the data set: fit(architecture, dataset.training, "
            "dataset.public_test, recipe, out=..., data=dataset.info)."
        )
    check_splits(train, val)
    row = find_architecture(architecture)
    recipe = recipe or load_recipe(default_recipe(row, init or False, train.classes))
    recipe = adapt_recipe(recipe, len(train))
    run_dir, torch_device = Path(out), pick_device(device)
    keep_freed_memory()
    group = join_group(torch_device, min(recipe.batch_size, len(train)))
    with lock_run_dir(run_dir, resume) if group.is_writer else nullcontext(False) as found:
        is_saved = group.broadcast(found)  # the others wait for the folder
        context, progress = prepare(
            row,
            recipe,
            join_splits(train, val, data),
            run_dir=run_dir,
            device=torch_device,
            seed=seed,
            init=init,
            group=group,
            is_saved=is_saved,
            is_visible=show_progress and group.is_writer,
        )
        lines = [*describe_start(context), describe_folder(run_dir, resume, progress)]
        context.display.print_lines(lines if show_progress and group.is_writer else [])
        train_epochs(context, progress, on_epoch)
        with track(f"calibrating {row.name}") if show_progress and group.is_writer else nullcontext():
            return group.broadcast(report(context, progress, score_on or val) if group.is_writer else None)


def prepare(
    row: Architecture,
    recipe: Recipe,
    data: FER2013,
    *,
    run_dir: Path,
    device: torch.device,
    seed: int,
    init: bool | str | Path | None,
    group: Group,
    is_saved: bool,
    is_visible: bool,
) -> tuple[TrainContext, Progress]:
    """Build all that a run needs. is_saved: whether there is a checkpoint, whose state then goes into it."""
    if not is_saved:
        check_warmup(recipe)
    torch.manual_seed(seed)
    start = _initialize(row, recipe, init, device, data.classes)
    model = start.model
    init_state = copy.deepcopy(model.state_dict()) if recipe.interpolate_init else None
    average = copy.deepcopy(model).eval().requires_grad_(False) if recipe.ema_decay else None
    sync_batchnorm(model, group, device)
    head = find_head(model)
    optimizer = build_optimizer(model, recipe, head, recipe.backbone_lr_mult if init else 1.0)
    teachers = load_teachers(recipe.distill.teachers, device, data.classes)
    if recipe.augment.train_crop:
        allow_train_crops([model, *(teacher.model for teacher in teachers)])
    run = identify_run(row, recipe, data, seed, start.source, [teacher.identity for teacher in teachers])
    progress = load_checkpoint(run_dir, model, average, optimizer, run) if is_saved else Progress()
    context = TrainContext(
        architecture=row,
        recipe=recipe,
        seed=seed,
        device=device,
        folder=run_dir,
        data=data,
        run=run,
        model=model,
        average=average,
        init_state=init_state,
        head=head,
        optimizer=optimizer,
        autocast=select_precision(row, recipe.precision, device),
        teachers=teachers,
        **_load_tensors(data, device),
        display=TrainingDisplay(
            row.name, recipe.epochs, len(data.training), progress.history, is_visible, processes=group.size
        ),
        group=group,
    )
    _prepare_files(context, progress, is_saved)
    return context, progress


def _prepare_files(context: TrainContext, progress: Progress, is_saved: bool) -> None:
    if context.group.is_writer:
        save_split(context, is_saved)
        if is_saved:
            restore_files(context, progress)


def _initialize(
    row: Architecture,
    recipe: Recipe,
    init: bool | str | Path | None,
    device: torch.device,
    classes: Sequence[str],
) -> Initialization:
    start = initialize_model(row, init or False, network_options(recipe), classes)
    if recipe.interpolate_init and not (isinstance(start.source, dict) and "head" not in start.source):
        raise TrainingError(
            "interpolate_init needs a trained model of the same classes: give --pretrained a name or folder."
        )
    if not recipe.normalize:
        start.model.preprocessing = Preprocessing(start.model.preprocessing.size, mean=0.0, std=1.0)
    start.model.to(device)
    if recipe.channels_last:
        start.model.to(memory_format=torch.channels_last)
    return start


def _load_tensors(data: FER2013, device: torch.device) -> dict[str, torch.Tensor]:
    return {
        "train_pixels": torch.from_numpy(data.training.pixels).to(device),
        "train_labels": torch.from_numpy(data.training.labels).to(device),
        "val_pixels": torch.from_numpy(data.public_test.pixels).to(device),
        "val_labels": torch.from_numpy(data.public_test.labels),
    }


def train_epochs(context: TrainContext, progress: Progress, on_epoch: OnEpoch | None) -> None:
    """Train, validate and save each epoch, until the recipe's last one, or patience or on_epoch ends it."""
    recipe, group = context.recipe, context.group
    was_frozen, forward = None, None
    with open_events(context.folder, progress, group) as events, context.display:
        while len(progress.history) < recipe.epochs and not _is_patience_over(progress, recipe):
            epoch = len(progress.history)
            began = time.perf_counter()
            frozen = context.is_finetuning and epoch < recipe.freeze_epochs
            if frozen is not was_frozen:
                was_frozen, forward = frozen, _prepare_forward(context, frozen)
            with out_of_memory_hint(context), group.explain_loss():
                trained = train_epoch(context, progress, forward)
            group.broadcast_buffers(context.model, context.average)
            seconds = time.perf_counter() - began
            validated = validate(
                context.evaluated, context.val_pixels, context.val_labels, context.autocast, group
            )
            _check_losses(trained[0], validated[0], epoch + 1, context)
            row = describe_epoch(context, epoch, trained, validated, seconds)
            row["seconds"] = time.perf_counter() - began
            progress.history.append(row)
            if group.is_writer:
                save_epoch(context, progress)
                write_events(row, events)
                context.display.finish_epoch(progress.history)
            if group.broadcast(on_epoch is not None and on_epoch(row) is False):
                break


def _prepare_forward(context: TrainContext, frozen: bool) -> Callable[[torch.Tensor], torch.Tensor]:
    """Anew where the frozen parts change: DistributedDataParallel waits for the gradients of all parameters
    that were trainable when it was made.
    """
    set_frozen(context.model, context.head, frozen)
    network = context.group.parallelize(context.model)
    return compile_forward(network, context.device) if context.recipe.compile else network


def _check_losses(loss: float, val_loss: float, epoch: int, context: TrainContext) -> None:
    """Before anything is written: so the weights on the disk are those of the last good epoch."""
    for name, value in (("training", loss), ("PublicTest", val_loss)):
        if not math.isfinite(value):
            raise TrainingError(
                f"The {name} loss is {value} in epoch {epoch}: the weights grew without bound at "
                f"learning_rate {context.recipe.learning_rate:g}. Start in another folder with a lower one "
                "or with --set clip_norm=1. The weights of the epochs before are kept in "
                f"{str(context.folder)!r}."
            )


def _is_patience_over(progress: Progress, recipe: Recipe) -> bool:
    return bool(recipe.patience) and count_plateaus(progress.accuracies, recipe.patience) > 0


def report(context: TrainContext, progress: Progress, score_on: Faces) -> FitResult:
    """Calibrate the best epoch and store its metrics and its card. Calibration is done once: what is
    interpolated with its initial weights again would be another model.
    """
    folder = context.folder
    model = load_artifact(folder).to(context.device)
    info = describe_run(context.run, progress)
    info["data"] = describe_data(context.data)
    if "calibration" in model.info:
        info |= {key: model.info[key] for key in ("calibration", "metrics", "latency") if key in model.info}
    else:
        info["calibration"] = calibrate(model, context.data, context.device, context.init_state)
        info["metrics"]["public"] = evaluate(
            model, score_on, name=model.name, split="public", device=context.device
        )
    save_best(folder, model, info)
    draw_curves(folder / "history.csv", folder / "curves.png")
    write_card(folder)
    return FitResult(
        folder=folder,
        best_epoch=info["training"]["best_epoch"],
        epochs=len(progress.history),
        public_accuracy=info["metrics"]["public"]["accuracy"],
        temperature=model.temperature,
        seconds=sum(row["seconds"] for row in progress.history),
    )
