"""The search for a better recipe, by Optuna: many short runs, of which the hopeless ones are stopped early.

Choice is by PublicTest accuracy alone. Workers share a study through its database.
"""

import csv
import shutil
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.errors import TrainingError
from fer_zoo.experiments.search_space import Dimension, Space, build_point
from fer_zoo.experiments.tune_display import TrialTable
from fer_zoo.experiments.tune_plots import draw_study
from fer_zoo.experiments.tune_storage import check_identity, import_optuna, open_study
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import Recipe, describe_recipe, format_recipe
from fer_zoo.training.trainer import fit
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.files import write_atomically, write_text

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

FAILURES_IN_A_ROW = 3  # that many runs that break down are no bad luck of the search


@dataclass(frozen=True)
class TuneResult:
    """best: number of the trial (from 0). accuracy: its PublicTest accuracy. pruned: stopped early."""

    folder: Path
    best: int
    accuracy: float
    parameters: dict[str, Any]
    finished: int
    pruned: int


def tune(
    architecture: str,
    dataset: FER2013,
    recipe: Recipe,
    space: Space,
    *,
    out: str | Path,
    trials: int | None = None,
    minutes: float | None = None,
    storage: str | None = None,
    seed: int = 0,
    device: str = "auto",
    init: bool | str | Path | None = None,
    search_seed: int | None = None,
    show_progress: bool = True,
) -> TuneResult:
    """Runs of `fit` with `recipe`, changed within `space`, until the study holds `trials` of them or
    `minutes` have gone by (the run of that moment is finished). A study that is there is gone on with.

    storage: URL of a database as SQLAlchemy takes it; else SQLite in `out`. seed: of every run; a
    search_seed makes the choices repeatable as well, for one worker. Writes trials/NUMBER/ (weights of the
    best alone), best.toml, trials.csv, history.png, importance.png and slices.png into `out`.

    Raises TrainingError (no Optuna, no database, another search in it, three broken runs in a row).
    """
    optuna = import_optuna()
    row, folder = find_architecture(architecture), Path(out)
    pick_device(device)
    identity = {
        "recipe": describe_recipe(recipe),
        "space": [asdict(dimension) for dimension in space],
        "seed": seed,
        "data": dataset.fingerprint,
        "pretrained": _describe_init(init),
    }
    study = open_study(optuna, row.name, folder, storage, recipe.epochs, search_seed)
    check_identity(study, identity)
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    table = TrialTable(study, row.name, recipe.epochs, trials) if show_progress else nullcontext()
    broken: list[TrainingError] = []

    def run_trial(trial: "Trial") -> float:
        point = {dimension.name: _suggest(trial, dimension) for dimension in space}
        trial_dir = folder / "trials" / f"{trial.number:04d}"
        shutil.rmtree(trial_dir, ignore_errors=True)
        watch, began = _Watch(trial, table), time.perf_counter()
        try:
            result = fit(
                row.name,
                dataset.training,
                dataset.public_test,
                build_point(recipe, point),
                out=trial_dir,
                init=init,
                seed=seed,
                device=device,
                on_epoch=watch,
                show_progress=False,
                data=dataset.info,
            )
        except TrainingError as error:
            broken.append(error)
            if len(broken) == FAILURES_IN_A_ROW:
                raise
            raise optuna.TrialPruned(str(error)) from error  # a loss that is not finite is a bad result
        except KeyboardInterrupt:
            study.enqueue_trial(trial.params)  # it comes first when the search is resumed
            raise
        finally:
            trial.set_user_attr("seconds", time.perf_counter() - began)
        broken.clear()
        if not watch.is_promising:
            raise optuna.TrialPruned  # so Optuna wants to be told
        return result.public_accuracy

    def tidy(study: "Study", trial: "FrozenTrial") -> None:
        _drop_weights(study, folder, trial.number)
        if not isinstance(table, nullcontext):
            table.finish(trial)

    try:
        with table:
            while not _is_enough(study, trials, deadline):
                study.optimize(run_trial, n_trials=1, callbacks=[tidy])
    finally:
        _write_results(optuna, study, folder, recipe)
    return _summarize(optuna, study, folder)


class _Watch:
    """The `on_epoch` of a trial: tells Optuna, and ends the run where that says so."""

    def __init__(self, trial: "Trial", table: Any) -> None:
        self.trial, self.table, self.is_promising = trial, table, True

    def __call__(self, row: dict[str, float]) -> bool:
        self.trial.report(row["public_accuracy"], int(row["epoch"]))
        if isinstance(self.table, TrialTable):
            self.table.refresh()
        self.is_promising = not self.trial.should_prune()
        return self.is_promising


def _describe_init(init: bool | str | Path | None) -> bool | str:
    return Path(init).name if isinstance(init, (str, Path)) else bool(init)


def _suggest(trial: "Trial", dimension: Dimension) -> Any:
    if dimension.choices:
        return trial.suggest_categorical(dimension.name, list(dimension.choices))
    if dimension.whole:
        return trial.suggest_int(dimension.name, int(dimension.low), int(dimension.high), log=dimension.log)
    return trial.suggest_float(dimension.name, dimension.low, dimension.high, log=dimension.log)


def _is_enough(study: "Study", trials: int | None, deadline: float | None) -> bool:
    from optuna.trial import TrialState

    done = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)))
    return (trials is not None and done >= trials) or (deadline is not None and time.monotonic() >= deadline)


def _drop_weights(study: "Study", folder: Path, number: int) -> None:
    """Curves of every trial stay; weights stay of the best alone, so that a long search fits on a disk."""
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    best = study.best_trial.number if complete else None
    for done in {number, *(trial.number for trial in complete)}:
        trial_dir = folder / "trials" / f"{done:04d}"
        for path in trial_dir.glob("*.safetensors"):
            if done != best or path.name != "model.safetensors":
                path.unlink(missing_ok=True)


def _write_results(optuna: Any, study: "Study", folder: Path, recipe: Recipe) -> None:
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not complete:
        return
    _write_trials(folder / "trials.csv", trials)
    best = study.best_trial
    heading = (
        f"Found by fer-zoo tune: trial {best.number} of {len(trials)}, PublicTest {best.value:.2%}, "
        "which is also what the choice was made on."
    )
    text = format_recipe(build_point(recipe, best.params), heading, _searched(best.params))
    write_text(folder / "best.toml", text)
    draw_study(study, folder)


def _searched(parameters: dict[str, Any]) -> set[str]:
    from fer_zoo.experiments.search_space import STRENGTH, STRENGTHENED

    strengthened = {f"augment.{name}" for name in STRENGTHENED} if STRENGTH in parameters else set()
    return {*parameters, *strengthened}


def _write_trials(path: Path, trials: "list[FrozenTrial]") -> None:
    names = sorted({name for trial in trials for name in trial.params})

    def write(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["trial", "state", "public_accuracy", "epochs", "minutes", *names])
            for trial in trials:
                seconds = trial.user_attrs.get("seconds")
                if (
                    seconds is None
                ):  # of an older version, by the system's clock, which may have been set back
                    seconds = max(0.0, trial.duration.total_seconds()) if trial.duration else 0.0
                last = max(trial.intermediate_values, default=0)
                # of a trial that was stopped early, the accuracy so far
                accuracy = trial.value if trial.value is not None else trial.intermediate_values.get(last)
                head = [trial.number, trial.state.name.lower(), accuracy, last, round(seconds / 60, 2)]
                writer.writerow([*head, *(trial.params.get(name) for name in names)])

    write_atomically(path, write)


def _summarize(optuna: Any, study: "Study", folder: Path) -> TuneResult:
    from optuna.trial import TrialState

    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    if TrialState.COMPLETE not in states:
        raise TrainingError("No run was finished: give more --trials or --minutes.")
    best = study.best_trial
    return TuneResult(
        folder=folder,
        best=best.number,
        accuracy=float(best.value or 0.0),
        parameters=best.params,
        finished=states.count(TrialState.COMPLETE),
        pruned=states.count(TrialState.PRUNED),
    )
