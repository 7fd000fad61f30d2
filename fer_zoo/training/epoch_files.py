"""What a run writes after each epoch."""

from fer_zoo.data.labels_and_splits import PUBLIC, TRAINING
from fer_zoo.data.stratified_split import SPLIT_NAME, read_split, write_split
from fer_zoo.training.best import describe_run, find_best_epoch, is_stored, save_best
from fer_zoo.training.checkpoint import Progress, save_checkpoint
from fer_zoo.training.context import TrainContext
from fer_zoo.training.history import write_history


def save_epoch(context: TrainContext, progress: Progress) -> None:
    save_checkpoint(context.folder, context.model, context.average, context.optimizer, progress, context.run)
    if find_best_epoch(progress) == len(progress.history):
        save_best(context.folder, context.evaluated, describe_run(context.run, progress))
    write_history(context.folder, progress.history)


def save_split(context: TrainContext, is_saved: bool) -> None:
    """Keep a split that was drawn: `fer-zoo eval` of the run scores the faces that are not in this list, and
    none that were excluded. is_saved: whether there is a checkpoint; without one, a list is of another run,
    stopped in its first epoch. Raises DataError for a file of that name that no run wrote.
    """
    data, path = context.data, context.folder / SPLIT_NAME
    if path.exists():
        if is_saved:
            return
        read_split(path)
        path.unlink()
    if data.split_seed is not None:
        splits = {TRAINING: data.training, PUBLIC: data.public_test}
        whole = {code: data.before_exclusion.get(code, (faces,))[0] for code, faces in splits.items()}
        write_split(path, {code: (faces.pixels, faces.names) for code, faces in whole.items()})


def restore_files(context: TrainContext, progress: Progress) -> None:
    """What a kill after an epoch's checkpoint kept from being written."""
    best = find_best_epoch(progress)
    if best == len(progress.history) and not is_stored(context.folder, best):
        save_best(context.folder, context.evaluated, describe_run(context.run, progress))
    write_history(context.folder, progress.history)
