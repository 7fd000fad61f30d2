"""What a run leaves behind of each epoch: history.csv and, where it is installed, TensorBoard's events."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.training.checkpoint import Progress
from fer_zoo.training.context import TrainContext
from fer_zoo.training.distributed import Group
from fer_zoo.training.epoch import count_steps
from fer_zoo.training.schedule import batch_size_at
from fer_zoo.utils.files import write_csv

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def describe_epoch(
    context: TrainContext,
    epoch: int,
    trained: tuple[float, float],
    validated: tuple[float, float],
    seconds: float,
) -> dict[str, float]:
    """A row of history.csv. seconds: of the training alone."""
    faces, size = len(context.train_labels), batch_size_at(context.recipe, epoch)
    fastest = max(context.optimizer.param_groups, key=lambda group: group["lr_scale"])  # others may have 0
    return {
        "epoch": epoch + 1,
        "train_loss": trained[0],
        "train_accuracy": trained[1],
        "public_loss": validated[0],
        "public_accuracy": validated[1],
        "learning_rate": fastest["lr"] / fastest["lr_scale"],
        "batch_size": size,
        "images_per_s": count_steps(faces, size) * min(size, faces) / seconds,
    }


def open_events(folder: Path, progress: Progress, group: Group) -> Any:
    """TensorBoard's writer in the process that writes; a context of None in the others, and without it."""
    if not group.is_writer:
        return nullcontext()
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # it comes with the extra `tensorboard`
        return nullcontext()
    return SummaryWriter(str(folder), purge_step=len(progress.history) + 1)


def write_events(row: dict[str, float], events: "SummaryWriter | None") -> None:
    """One epoch, a row of history.csv. events: of `open_events`."""
    if events is None:
        return
    for name, value in row.items():
        if name != "epoch":
            events.add_scalar(name.replace("_", "/", 1), value, int(row["epoch"]))
    events.flush()


def write_history(folder: Path, history: list[dict[str, float]]) -> None:
    """history.csv, anew."""
    names = list(history[-1])
    write_csv(folder / "history.csv", [names, *([row.get(name, "") for name in names] for row in history)])
