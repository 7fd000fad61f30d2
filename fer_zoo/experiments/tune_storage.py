"""The database of a search: opened by any number of workers at once, and of one search alone."""

import json
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.errors import TrainingError
from fer_zoo.recipes.recipe import build_recipe, describe_recipe

if TYPE_CHECKING:
    from optuna import Study

FILE_NAME = "study.db"
HEARTBEAT_S = 30  # a worker that is silent for four of these is taken for dead, and its trial done again
TRIALS_BEFORE_PRUNING = 4  # that many curves make the first median
OPENING_S = 20  # workers that begin together are in each other's way while the first makes the tables


def import_optuna() -> Any:
    """Raises TrainingError where the extra is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise TrainingError("The search needs Optuna. Run: pip install 'fer-zoo[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def open_study(
    optuna: Any, name: str, folder: Path, storage: str | None, epochs: int, search_seed: int | None
) -> "Study":
    """The study of that name, made if it is not there. storage: a URL, or None for SQLite in the folder.

    Raises TrainingError for a database that cannot be opened.
    """
    from sqlalchemy.exc import SQLAlchemyError

    url = storage or f"sqlite:///{folder.resolve() / FILE_NAME}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return optuna.create_study(
            study_name=f"fer_zoo {name}",
            storage=_open_database(optuna, url),
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(seed=search_seed),
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=TRIALS_BEFORE_PRUNING, n_warmup_steps=max(1, epochs // 4)
            ),
        )
    except (SQLAlchemyError, optuna.exceptions.OptunaError, ImportError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        shown = url.rpartition("@")[2]  # without a password
        raise TrainingError(
            f"The study's database {shown!r} cannot be opened ({reason}). Name another --out or --storage, "
            "such as postgresql+psycopg://user@host/name."
        ) from error


def _open_database(optuna: Any, url: str) -> Any:
    from sqlalchemy.exc import DatabaseError, IntegrityError

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


def check_identity(study: "Study", identity: dict[str, Any]) -> None:
    """Trials can be compared only if all but the point is the same. Raises TrainingError."""
    identity = json.loads(json.dumps(identity))
    saved = study.user_attrs.get("search")
    if saved is None:
        study.set_user_attr("search", identity)
        return
    saved = {**saved, "recipe": describe_recipe(build_recipe(saved["recipe"]))}  # an older version's, too
    saved = json.loads(json.dumps(saved))
    different = [key for key in identity if saved.get(key) != identity[key]]
    if different:
        raise TrainingError(
            f"Another search is stored there: its {', '.join(different)} differ. Give its settings again to "
            "continue it, or choose another --out or --storage."
        )
