"""The display of a search on stderr: the best runs and those in progress, of every worker."""

from collections.abc import Sequence
from typing import Any

from optuna import Study
from optuna.trial import FrozenTrial
from rich.console import Console
from rich.live import Live
from rich.table import Table

ROWS = 10
SKIPPED = "skipped"  # attribute of a trial that did not run because its settings clash: the reason


class TrialTable:
    """A table that changes with every epoch, and one line that stays for each finished run."""

    def __init__(
        self, study: Study, name: str, epochs: int, trials: int | None, is_visible: bool = True
    ) -> None:
        self.study, self.name, self.epochs, self.trials = study, name, epochs, trials
        self.reasons: set[str] = set()  # of skipped trials, each shown once
        self.console = Console(stderr=True, quiet=not is_visible)
        # `refresh` redraws: with a clock of its own the table would be built from the database all the time
        self.live = Live(console=self.console, auto_refresh=False, transient=not self.console.is_terminal)

    def __enter__(self) -> "TrialTable":
        self.live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.refresh()
        self.live.stop()

    def refresh(self) -> None:
        self.live.update(self._draw(), refresh=True)

    def finish(self, trial: FrozenTrial) -> None:
        line = f"trial {' '.join(_describe(trial, self.epochs))}"
        if reason := trial.user_attrs.get(SKIPPED):
            if reason in self.reasons:
                return
            self.reasons.add(reason)
            line = f"Draws that clash are skipped: {reason}"
        self.console.print(line, highlight=False, soft_wrap=True)
        self.refresh()

    def _draw(self) -> Table:
        trials = self.study.get_trials(deepcopy=False)
        limit = self.trials or "any number of"
        table = Table(title=f"{self.name}: {count_done(trials)} of {limit} trials", title_justify="left")
        for column in ("trial", "state", "epoch", "PublicTest", "settings"):
            table.add_column(column, overflow="fold")
        running = [trial for trial in trials if trial.state.name == "RUNNING"]
        complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
        best = sorted(complete, key=lambda trial: -(trial.value or 0.0))
        for trial in (*best[:ROWS], *running[:ROWS]):
            table.add_row(*_describe(trial, self.epochs))
        return table


def name_state(trial: FrozenTrial) -> str:
    """Optuna's name, or SKIPPED for a trial whose settings clash, which Optuna calls pruned."""
    return "SKIPPED" if SKIPPED in trial.user_attrs else trial.state.name


def count_done(trials: Sequence[FrozenTrial]) -> int:
    """Trials that ran to their end or were stopped early."""
    return sum(name_state(trial) in ("COMPLETE", "PRUNED") for trial in trials)


def read_progress(trial: FrozenTrial) -> tuple[int, float | None]:
    """The latest epoch and PublicTest accuracy: of a pruned trial, the accuracy so far."""
    epoch = max(trial.intermediate_values, default=0)
    return epoch, trial.intermediate_values.get(epoch) if trial.value is None else trial.value


def _describe(trial: FrozenTrial, epochs: int) -> list[str]:
    """Number, state, epoch, PublicTest accuracy and settings, as text."""
    epoch, accuracy = read_progress(trial)
    settings = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in trial.params.items()
    )
    state = {"COMPLETE": "done", "PRUNED": "stopped"}.get(trial.state.name, trial.state.name.lower())
    shown = "" if accuracy is None else f"{accuracy:.2%}"
    return [str(trial.number), state, f"{epoch}/{epochs}", shown, settings]
