"""What a run leaves behind of each epoch: history.csv, and TensorBoard's events."""

import csv
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from fer_zoo.training.checkpoint import Progress
from fer_zoo.training.distributed import Group
from fer_zoo.utils.files import write_atomically


def open_events(folder: Path, progress: Progress, group: Group) -> Any:
    """TensorBoard's writer in the process that writes; a context that does nothing in the others."""
    if not group.is_writer:
        return nullcontext()
    return SummaryWriter(str(folder), purge_step=len(progress.history) + 1)


def write_events(row: dict[str, float], events: SummaryWriter) -> None:
    """One epoch, a row of history.csv."""
    for name, value in row.items():
        if name != "epoch":
            events.add_scalar(name.replace("_", "/", 1), value, int(row["epoch"]))
    events.flush()


def write_history(folder: Path, history: list[dict[str, float]]) -> None:
    """history.csv, anew."""

    def write(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(history[-1]))
            writer.writeheader()
            writer.writerows(history)

    write_atomically(folder / "history.csv", write)
