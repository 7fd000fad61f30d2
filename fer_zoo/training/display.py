"""What a person sees while a run goes on: one bar for the epoch, one line for each finished epoch (on
stderr).
"""

from typing import Any

from torch import Tensor


class TrainingDisplay:
    """A rich progress bar with loss, accuracy, images per second and time left of the whole run."""

    def __init__(
        self, name: str, epochs: int, images: int, history: list[dict[str, float]], visible: bool
    ) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.epochs, self.images, self.done = epochs, images, len(history)
        self.console = Console(stderr=True, quiet=not visible)
        self.bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=8),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not visible,
        )
        self.task = self.bar.add_task(name, total=epochs * images, completed=self.done * images, numbers="")
        self.name = name

    def __enter__(self) -> "TrainingDisplay":
        self.bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()

    def advance(self, seen: int, totals: Tensor) -> None:
        """seen: images of this epoch so far. The running loss is shown on the CPU, where reading it costs
        nothing.
        """
        if self.bar.disable:
            return
        numbers = self.bar.tasks[0].fields["numbers"]
        if totals.device.type == "cpu":
            loss, correct = (totals / seen).tolist()
            speed = self.bar.tasks[0].speed or 0.0
            numbers = f"loss {loss:.3f} accuracy {correct:.1%} {speed:,.0f} img/s left"
        description = f"{self.name} {self.done + 1}/{self.epochs}"
        self.bar.update(
            self.task, completed=self.done * self.images + seen, description=description, numbers=numbers
        )

    def finish_epoch(self, history: list[dict[str, float]]) -> None:
        self.done = len(history)
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
