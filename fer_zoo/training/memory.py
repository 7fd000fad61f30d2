"""What to do when a device has too little memory: the batch size that does fit is tried out and named."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from fer_zoo.emotions import SIDE
from fer_zoo.errors import TrainingError
from fer_zoo.training.context import TrainContext


@contextmanager
def out_of_memory_hint(context: TrainContext) -> Iterator[None]:
    """Raises TrainingError instead of torch's out-of-memory error.

    The batch is not halved silently: batch normalization would see half the faces, and the run would no
    longer be the one that its recipe describes.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        fits = None  # looked for outside of the handler, which holds on to the failed step's tensors
    else:
        return
    device, size, group = context.device, context.recipe.batch_size, context.group
    if group.size > 1:  # one process alone cannot try out what fits: a step needs all of them
        half = size // 2 // group.size * group.size
        advice = f"start again with --set batch_size={half} and learning_rate scaled alike, or with"
        raise TrainingError(
            f"{device} ran out of memory with {size // group.size} faces, its shard of batch_size {size}; "
            f"{advice if half else 'choose a smaller --arch, or'} more processes."
        )
    context.optimizer.zero_grad(set_to_none=True)
    fits = find_fitting_batch(context)
    advice = (
        f"{fits} fits: start again with --set batch_size={fits} and learning_rate scaled alike"
        if fits
        else "not even 1 fits: choose a smaller --arch or another --device"
    )
    raise TrainingError(f"{device} ran out of memory with batch_size {size}; {advice}.")


def find_fitting_batch(context: TrainContext) -> int:
    """The first of the halves of the recipe's batch size with which a step goes through; 0 if none does."""
    size = context.recipe.batch_size // 2
    while size:
        try:
            _step(context, torch.zeros((size, 1, SIDE, SIDE), device=context.device))
            return size
        except torch.OutOfMemoryError:
            size //= 2
    return 0


def _step(context: TrainContext, faces: torch.Tensor) -> None:
    """As much memory as a step of `train_epoch` takes. The optimizer's moments are as large as the weights,
    and are made here if the first step was the one that failed.
    """
    with context.autocast:
        logits = context.model(faces)
        for teacher in context.teachers:
            teacher.soft_targets(faces, 1.0)
    logits.float().sum().backward()
    context.optimizer.step()
    context.optimizer.zero_grad(set_to_none=True)
