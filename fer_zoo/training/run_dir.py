"""A run's folder belongs to one run at a time, and what a killed run left half written in it is removed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fer_zoo.artifacts.artifact import CONFIG_NAME
from fer_zoo.errors import TrainingError
from fer_zoo.training.best import finish_save
from fer_zoo.training.checkpoint import CHECKPOINT_NAME, PREVIOUS_NAME
from fer_zoo.utils.files import remove_partial_files

LOCK_NAME = ".lock"  # it stays; the system frees it when its process ends, however that ends


@contextmanager
def lock_run_dir(folder: Path, resume: bool) -> Iterator[bool]:
    """Make the folder and keep other runs out of it. Gives whether there is a checkpoint to resume from: a
    run that was killed in its first epoch has none, and so has a folder that is new; both begin.

    Raises TrainingError for a folder that holds a run already, unless it is to be resumed, for one that holds
    a model without a checkpoint, that another run is using, or that cannot be written, also later and by a
    full disk.
    """
    saved = any((folder / name).exists() for name in (CHECKPOINT_NAME, PREVIOUS_NAME))
    if not saved and (folder / CONFIG_NAME).exists():
        raise TrainingError(
            f"{str(folder)!r} holds a model, and no checkpoint to resume from: choose another --out."
        )
    if saved and not resume:
        raise TrainingError(
            f"{str(folder)!r} already holds a run: add --resume to continue it, or choose another --out."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK_NAME, timeout=0):
            remove_partial_files(folder)
            finish_save(folder)
            yield saved
    except Timeout:
        raise TrainingError(
            f"Another run is writing to {str(folder)!r}: wait until it ends, or choose another --out."
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise TrainingError(
            f"The folder {str(folder)!r} cannot be written ({reason}). Finished epochs that were saved are "
            "kept: make room and continue with --resume, or choose another --out."
        ) from error
