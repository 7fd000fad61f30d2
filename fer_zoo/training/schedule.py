"""Learning rate as a pure function of the step, as a fraction of the recipe's highest rate."""

import math

from fer_zoo.errors import RecipeError
from fer_zoo.recipes.recipe import Recipe

ONE_CYCLE_RISE = 0.3  # fraction of the steps that rise; arXiv:1708.07120
ONE_CYCLE_START = 1 / 25
ONE_CYCLE_END = 1e-4


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def check_warmup(recipe: Recipe) -> None:
    """Raises RecipeError where the rate would rise to its peak, drop and rise again. Runs and models of
    earlier versions may have such a recipe, so it is checked before a new run, not when it is read.
    """
    if recipe.warmup_epochs and recipe.schedule == "one-cycle":
        raise RecipeError(
            f"warmup_epochs is {recipe.warmup_epochs:g}, and the one-cycle schedule has a warm-up of its "
            "own: set warmup_epochs=0, or schedule=cosine."
        )


def lr_multiplier(recipe: Recipe, step: int, steps_per_epoch: int, plateaus: int = 0) -> float:
    """Multiplier of `recipe.learning_rate` at a step (from 0). plateaus: how often PublicTest stood still."""
    total = recipe.epochs * steps_per_epoch
    warmup = recipe.warmup_epochs * steps_per_epoch
    if step < warmup:
        return (step + 1) / warmup
    if recipe.schedule == "constant":
        return 1.0
    if recipe.schedule == "plateau":
        return 0.1**plateaus
    if recipe.schedule == "cosine":
        return _cosine(1, 0, (step - warmup) / max(total - warmup, 1))
    peak = ONE_CYCLE_RISE * total
    if step < peak:
        return _cosine(ONE_CYCLE_START, 1, step / peak)
    return _cosine(1, ONE_CYCLE_END, (step - peak) / max(total - peak, 1))


def batch_size_at(recipe: Recipe, epoch: int) -> int:
    """Faces in a batch of that epoch (from 0). A growing batch does what a falling rate does, with fewer
    steps: Smith et al. 2018 (arXiv:1711.00489).
    """
    if not recipe.batch_growth:
        return recipe.batch_size
    # as a logarithm, since the power itself may be beyond any float
    growth = epoch // recipe.growth_epochs * math.log(recipe.batch_growth)
    largest = max(recipe.max_batch_size, recipe.batch_size)
    return round(recipe.batch_size * math.exp(min(growth, math.log(largest / recipe.batch_size))))


def count_plateaus(accuracies: list[float], patience: int) -> int:
    """How many times in a run of public accuracies `patience` epochs went by without a better one."""
    best, waited, plateaus = -math.inf, 0, 0
    for accuracy in accuracies:
        waited = 0 if accuracy > best else waited + 1
        best = max(best, accuracy)
        if waited >= patience:
            plateaus, waited = plateaus + 1, 0
    return plateaus
