"""Time to accuracy: how long training takes until PublicTest's accuracy exceeds a level."""

import tempfile
import time
from itertools import pairwise
from statistics import median
from typing import Any

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.recipes.recipe import Recipe
from fer_zoo.training.trainer import fit


def time_until(
    architecture: str, dataset: FER2013, level: float, recipe: Recipe, *, device: str
) -> dict[str, Any]:
    """Train until PublicTest's accuracy exceeds `level` percent; PrivateTest is never read.

    Returns:
        `seconds` from the call of `fit` to the end of that epoch, with compilation, validation and written
        files; of the whole recipe if no epoch `passed`. `first_epoch_s` includes the start of the run;
        `later_epoch_s` is a median, or None.
    """
    accuracies: list[float] = []
    ends = [time.perf_counter()]

    def is_below(row: dict[str, float]) -> bool:
        ends.append(time.perf_counter())
        accuracies.append(row["public_accuracy"])
        return 100 * row["public_accuracy"] <= level

    with tempfile.TemporaryDirectory() as folder:
        fit(
            architecture,
            dataset.training,
            dataset.public_test,
            recipe,
            out=folder,
            device=device,
            on_epoch=is_below,
            show_progress=False,
            data=dataset.info,
        )
    seconds = [end - begin for begin, end in pairwise(ends)]
    return {
        "level": level,
        "passed": 100 * accuracies[-1] > level,
        "seconds": round(ends[-1] - ends[0], 2),
        "epochs": len(accuracies),
        "epochs_of_recipe": recipe.epochs,
        "public_accuracy": round(max(accuracies), 4),
        "first_epoch_s": round(seconds[0], 2),
        "later_epoch_s": round(median(seconds[1:]), 2) if seconds[1:] else None,
        "compiled": recipe.compile,
    }


def format_until(result: dict[str, Any]) -> str:
    """Two lines for people."""
    later = "" if result["later_epoch_s"] is None else f", a later one {result['later_epoch_s']:.2f} s"
    what = "passed" if result["passed"] else "not passed"
    first = "the first epoch, compilation in it," if result["compiled"] else "the first epoch"
    return (
        f"  {result['level']:g} % on PublicTest: {what} in {result['seconds']:.1f} s, "
        f"epoch {result['epochs']} of {result['epochs_of_recipe']}, with {result['public_accuracy']:.2%}\n"
        f"    {first} took {result['first_epoch_s']:.2f} s{later}"
    )
