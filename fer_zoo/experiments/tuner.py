"""Search for a better recipe with Optuna: many short runs, of which the hopeless ones are pruned.

The best is chosen by PublicTest accuracy alone. Workers share a study through its database.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from optuna import Study, Trial, TrialPruned
from optuna.trial import FrozenTrial, TrialState

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.errors import RecipeError, TrainingError
from fer_zoo.experiments.search_space import STRENGTH, STRENGTHENED, Dimension, Space, build_point
from fer_zoo.experiments.tune_display import SKIPPED, TrialTable, count_done, name_state, read_progress
from fer_zoo.experiments.tune_plots import draw_study
from fer_zoo.experiments.tune_storage import check_identity, open_study
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import Recipe, describe_recipe, format_recipe
from fer_zoo.training.trainer import FitResult, fit
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.files import write_csv, write_text

MAX_FAILURES = 3  # in a row


@dataclass(frozen=True)
class TuneResult:
    """What a search found."""

    folder: Path
    best: int  # number of the best trial, from 0
    accuracy: float  # its PublicTest accuracy
    parameters: dict[str, Any]
    finished: int
    pruned: int  # stopped early


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
    search_seed: int | None = None,
    show_progress: bool = True,
) -> TuneResult:
    """Run `fit` with recipes of `space`, in all `trials` times or for `minutes`; an old study is resumed.

    out: gets trials/NUMBER/ (weights of the best alone), best.toml, trials.csv and the plots.
    storage: URL of a database as SQLAlchemy takes it; default SQLite in `out`.
    seed: of every run. search_seed: makes the choices repeatable as well, for one worker.

    space: of `load_space`. A draw whose settings clash is skipped and counts as no trial.

    Raises TrainingError: no database, another search in it, three failed runs in a row.
    """
    pick_device(device)
    row, folder = find_architecture(architecture), Path(out)
    identity = {
        "recipe": describe_recipe(recipe),
        "space": [asdict(dimension) for dimension in space],
        "seed": seed,
        "data": dataset.fingerprint,
        "pretrained": False,  # earlier versions could start from weights
    }
    study = open_study(row.name, folder, storage, recipe.epochs, search_seed)
    check_identity(study, identity)
    deadline = float("inf") if minutes is None else time.monotonic() + 60 * minutes
    table = TrialTable(study, row.name, recipe.epochs, trials, is_visible=show_progress)
    options: dict[str, Any] = {"seed": seed, "device": device, "data": dataset.info}
    train = partial(fit, row.name, dataset.training, dataset.public_test, show_progress=False, **options)
    worker = _Worker(study, folder, recipe, space, train, table)
    try:
        with table:
            while not _is_enough(study, trials, deadline):
                study.optimize(worker.run_trial, n_trials=1, callbacks=[worker.finish_trial])
    finally:
        _write_results(study, folder, recipe)
    return _summarize(study, folder)


@dataclass
class _Worker:
    """The trials of this process. train: `fit` without its recipe and folder."""

    study: Study
    folder: Path
    recipe: Recipe
    space: Space
    train: Callable[..., FitResult]
    table: TrialTable
    failures: int = 0  # in a row

    def run_trial(self, trial: Trial) -> float:
        point = {dimension.name: _suggest(trial, dimension) for dimension in self.space}
        try:
            recipe = build_point(self.recipe, point)
        except RecipeError as error:  # two settings that are valid alone, such as mixup and cutmix
            trial.set_user_attr(SKIPPED, str(error))
            raise TrialPruned(str(error)) from error
        trial_dir = self.folder / "trials" / f"{trial.number:04d}"
        shutil.rmtree(trial_dir, ignore_errors=True)
        start, promising = time.perf_counter(), [True]

        def watch(row: dict[str, float]) -> bool:
            trial.report(row["public_accuracy"], int(row["epoch"]))
            self.table.refresh()
            promising.append(not trial.should_prune())
            return promising[-1]

        try:
            result = self.train(recipe=recipe, out=trial_dir, on_epoch=watch)
        except TrainingError as error:
            self.failures += 1
            if self.failures == MAX_FAILURES:
                raise
            raise TrialPruned(str(error)) from error  # a loss that is not finite is a bad result
        except KeyboardInterrupt:
            self.study.enqueue_trial(trial.params)  # it comes first when the search is resumed
            raise
        finally:
            trial.set_user_attr("seconds", time.perf_counter() - start)
        self.failures = 0
        if not promising[-1]:
            raise TrialPruned
        return result.public_accuracy

    def finish_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Drop weights, so that a long search fits on a disk: those of the best trial stay."""
        complete = {one.number for one in _list_complete(study)}
        best = study.best_trial.number if complete else None
        for number in {trial.number, *complete}:
            for path in (self.folder / "trials" / f"{number:04d}").glob("*.safetensors"):
                if number != best or path.name != "model.safetensors":
                    path.unlink(missing_ok=True)
        self.table.finish(trial)


def _suggest(trial: Trial, dimension: Dimension) -> Any:
    if dimension.choices:
        return trial.suggest_categorical(dimension.name, list(dimension.choices))
    if dimension.whole:
        return trial.suggest_int(dimension.name, int(dimension.low), int(dimension.high), log=dimension.log)
    return trial.suggest_float(dimension.name, dimension.low, dimension.high, log=dimension.log)


def _is_enough(study: Study, trials: int | None, deadline: float) -> bool:
    done = trials is not None and count_done(study.get_trials(deepcopy=False)) >= trials
    return done or time.monotonic() >= deadline


def _list_complete(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _write_results(study: Study, folder: Path, recipe: Recipe) -> None:
    if not _list_complete(study):
        return
    trials = study.get_trials(deepcopy=False)
    write_csv(folder / "trials.csv", _list_trials(trials))
    best = study.best_trial
    heading = (
        f"Found by fer-zoo tune: trial {best.number} of {len(trials)}, PublicTest {best.value:.2%}, "
        "which is also what the choice was made on."
    )
    strengthened = {f"augment.{name}" for name in STRENGTHENED} if STRENGTH in best.params else set()
    text = format_recipe(build_point(recipe, best.params), heading, {*best.params, *strengthened})
    write_text(folder / "best.toml", text)
    draw_study(study, folder)


def _list_trials(trials: list[FrozenTrial]) -> Iterator[list[Any]]:
    names = sorted({name for trial in trials for name in trial.params})
    yield ["trial", "state", "public_accuracy", "epochs", "minutes", *names]
    for trial in trials:
        epoch, accuracy = read_progress(trial)
        duration = trial.duration.total_seconds() if trial.duration else 0.0
        minutes = round(trial.user_attrs.get("seconds", duration) / 60, 2)
        head = [trial.number, name_state(trial).lower(), accuracy, epoch, minutes]
        yield [*head, *(trial.params.get(name) for name in names)]


def _summarize(study: Study, folder: Path) -> TuneResult:
    complete = _list_complete(study)
    if not complete:
        raise TrainingError("No run was finished: give more --trials or --minutes.")
    best = study.best_trial
    pruned = sum(name_state(trial) == "PRUNED" for trial in study.get_trials(deepcopy=False))
    accuracy = float(best.value or 0.0)
    return TuneResult(folder, best.number, accuracy, best.params, finished=len(complete), pruned=pruned)
