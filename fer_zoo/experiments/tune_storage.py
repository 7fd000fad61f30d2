"""The database of one search, which any number of workers may open at a time."""

import json
import time
import warnings
from pathlib import Path
from typing import Any

import optuna
from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError

from fer_zoo.errors import TrainingError, one_line
from fer_zoo.recipes.recipe import build_recipe, describe_recipe

FILE_NAME = "study.db"
HEARTBEAT_S = 30  # a worker without four of these is considered dead, and its trial is repeated
TRIALS_BEFORE_PRUNING = 4  # that many curves make the first median
OPENING_S = 20  # workers that start together collide while the first creates the tables


def open_study(
    name: str, folder: Path, storage: str | None, epochs: int, search_seed: int | None
) -> optuna.Study:
    """Open the study of an architecture, or create it. storage: URL of the database; default SQLite in the
    folder. Raises TrainingError where the database cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = storage or f"sqlite:///{folder.resolve() / FILE_NAME}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return optuna.create_study(
            study_name=f"fer_zoo {name}",
            storage=_open_database(url),
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(seed=search_seed),
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=TRIALS_BEFORE_PRUNING, n_warmup_steps=max(1, epochs // 4)
            ),
        )
    except (SQLAlchemyError, optuna.exceptions.OptunaError, ImportError, OSError, RuntimeError) as error:
        shown = url.rpartition("@")[2]  # without a password
        raise TrainingError(
            f"The study's database {shown!r} cannot be opened ({one_line(error)}). Name another --out or "
            "--storage, such as postgresql+psycopg://user@host/name."
        ) from error


def _open_database(url: str) -> Any:
    started = time.monotonic()
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # heartbeats
                return optuna.storages.RDBStorage(
                    url,
                    engine_kwargs={"connect_args": {"timeout": 60}} if url.startswith("sqlite") else None,
                    heartbeat_interval=HEARTBEAT_S,
                    grace_period=4 * HEARTBEAT_S,
                    heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(
                        max_retry=2
                    ),
                )
        except DatabaseError as error:
            raced = isinstance(error, IntegrityError) or "already exists" in str(error)
            if not raced or time.monotonic() - started > OPENING_S:
                raise
            time.sleep(0.5)


def check_identity(study: optuna.Study, identity: dict[str, Any]) -> None:
    """Trials can be compared only if all but the point is the same. Raises TrainingError."""
    saved = study.user_attrs.get("search")
    if saved is None:
        study.set_user_attr("search", identity)
        return
    saved = {**saved, "recipe": describe_recipe(build_recipe(saved["recipe"]))}  # an older version's, too
    given, saved = json.loads(json.dumps([identity, saved]))  # tuples become lists
    different = [key for key in given if saved.get(key) != given[key]]
    if different:
        raise TrainingError(
            f"Another search is stored there: its {', '.join(different)} differ. Give its settings again to "
            "continue it, or choose another --out or --storage."
        )
