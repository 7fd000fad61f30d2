"""What a person sees while a run goes on, on stderr: a header, a line for each finished epoch, and a bar for
the epoch; where nobody watches, in a pipe or a log, one line about the pace in place of the bar.
"""

import time
from collections.abc import Sequence
from typing import Any

from torch import Tensor

PACE_STEPS, PACE_SECONDS = 100, 60.0  # the pace is shown after so many steps, or after that time


class TrainingDisplay:
    """A rich progress bar with loss, accuracy, images per second and time left of the whole run. processes:
    of a run under torchrun, each of which trains on its part of every batch.
    """

    def __init__(
        self,
        name: str,
        epochs: int,
        images: int,
        history: list[dict[str, float]],
        visible: bool,
        processes: int = 1,
    ) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.epochs, self.images, self.done = epochs, images, len(history)
        self.console = Console(stderr=True, quiet=not visible)
        watched = self.console.is_terminal or self.console.is_jupyter
        self.bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=8),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not (visible and watched),
        )
        self.task = self.bar.add_task(name, total=epochs * images, completed=self.done * images, numbers="")
        self.name, self.processes = name, processes
        self.pace_is_due = visible and not watched
        self.steps, self.first, self.began = 0, 0, 0.0

    def __enter__(self) -> "TrainingDisplay":
        self.bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()

    def print_lines(self, lines: Sequence[str]) -> None:
        for line in lines:
            self.console.print(line, highlight=False, soft_wrap=True, markup=False)

    def advance(self, seen: int, totals: Tensor) -> None:
        """seen: images of this epoch so far, in this process. The running loss is shown on the CPU, where
        reading it costs nothing.
        """
        if self.pace_is_due:
            self._tell_pace(seen, totals)
        if self.bar.disable:
            return
        numbers = self.bar.tasks[0].fields["numbers"]
        if totals.device.type == "cpu":
            loss, correct = (totals / seen).tolist()
            speed = self.bar.tasks[0].speed or 0.0
            numbers = f"loss {loss:.3f} accuracy {correct:.1%} {speed:,.0f} img/s left"
        description = f"{self.name} {self.done + 1}/{self.epochs}"
        completed = self.done * self.images + seen * self.processes
        self.bar.update(self.task, completed=completed, description=description, numbers=numbers)

    def _tell_pace(self, seen: int, totals: Tensor) -> None:
        """Once, without the first step, which takes longer than others."""
        self.steps += 1
        if self.steps == 1:
            self.first, self.began = seen, time.perf_counter()
            return
        if self.steps < PACE_STEPS and time.perf_counter() - self.began < PACE_SECONDS:
            return
        totals.tolist()  # a GPU's queue is worked off
        speed = (seen - self.first) * self.processes / (time.perf_counter() - self.began)
        epoch, rest = (_format_time(count * self.images / speed) for count in (1, self.epochs - self.done))
        self.print_lines(
            [f"after {self.steps} steps: {speed:,.0f} img/s, about {epoch} an epoch and {rest} for all left"]
        )
        self.pace_is_due = False

    def finish_epoch(self, history: list[dict[str, float]]) -> None:
        self.done, self.pace_is_due = len(history), False  # the epoch's line has the pace too
        row = history[-1]
        best = row["public_accuracy"] >= max(past["public_accuracy"] for past in history)
        self.bar.update(self.task, completed=self.done * self.images)
        self.console.print(
            f"epoch {self.done:3d}/{self.epochs}  train loss {row['train_loss']:.3f} accuracy "
            f"{row['train_accuracy']:.1%}  "
            f"PublicTest loss {row['public_loss']:.3f} accuracy {row['public_accuracy']:.2%}  "
            f"{row['images_per_s']:,.0f} img/s{'  [green]best[/green]' if best else ''}",
            highlight=False,
            soft_wrap=True,
        )


def _format_time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"
