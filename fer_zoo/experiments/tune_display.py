"""What a person sees while a search goes on: the best runs and those under way, of every worker (stderr)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

ROWS = 10


class TrialTable:
    """A table that changes with every epoch, and one line that stays for each finished run."""

    def __init__(self, study: "optuna.Study", name: str, epochs: int, trials: int | None) -> None:
        from rich.console import Console
        from rich.live import Live

        self.study, self.name, self.epochs, self.trials = study, name, epochs, trials
        self.console = Console(stderr=True)
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

    def finish(self, trial: "optuna.trial.FrozenTrial") -> None:
        self.console.print(
            f"trial {' '.join(_describe(trial, self.epochs))}", highlight=False, soft_wrap=True
        )
        self.refresh()

    def _draw(self) -> Any:
        from rich.table import Table

        trials = self.study.get_trials(deepcopy=False)
        done = sum(trial.state.is_finished() for trial in trials)
        table = Table(
            title=f"{self.name}: {done} of {self.trials or 'any number of'} trials", title_justify="left"
        )
        for column in ("trial", "state", "epoch", "PublicTest", "settings"):
            table.add_column(column, overflow="fold")
        for trial in _choose_rows(trials):
            table.add_row(*_describe(trial, self.epochs))
        return table


def _choose_rows(trials: "list[optuna.trial.FrozenTrial]") -> "list[optuna.trial.FrozenTrial]":
    running = [trial for trial in trials if trial.state.name == "RUNNING"]
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    return sorted(complete, key=lambda trial: -(trial.value or 0.0))[:ROWS] + running[:ROWS]


def _describe(trial: "optuna.trial.FrozenTrial", epochs: int) -> list[str]:
    """Number, state, epoch, PublicTest accuracy and settings, as text."""
    epoch = max(trial.intermediate_values, default=0)
    accuracy = trial.value if trial.value is not None else trial.intermediate_values.get(epoch)
    settings = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in trial.params.items()
    )
    state = {"COMPLETE": "done", "PRUNED": "stopped"}.get(trial.state.name, trial.state.name.lower())
    return [
        str(trial.number),
        state,
        f"{epoch}/{epochs}",
        "" if accuracy is None else f"{accuracy:.2%}",
        settings,
    ]
