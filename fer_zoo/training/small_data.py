"""What a run makes of its data before it begins: classes and splits checked, small batches for few faces."""

import math
from dataclasses import replace

import numpy as np

from fer_zoo.data.class_map import check_class_names
from fer_zoo.data.fer2013 import Faces
from fer_zoo.emotions import check_classes
from fer_zoo.errors import DataError
from fer_zoo.recipes.recipe import Recipe

MIN_BATCH = 8  # faces: batch normalization needs some
FEW_BATCHES = 2  # an epoch of fewer batches than these gets smaller ones
STEPS = 8  # of an epoch then


def check_splits(train: Faces, val: Faces) -> None:
    """Raise DataError for splits that a model cannot be trained on, FerZooError for wrong class names."""
    check_class_names(check_classes(train.classes), "Training")
    if train.classes != val.classes:
        raise DataError(
            f"Training has the classes {', '.join(train.classes)[:200]}, PublicTest "
            f"{', '.join(val.classes)[:200]}: give splits of the same data."
        )
    for name, faces in (("Training", train), ("PublicTest", val)):
        if not len(faces):
            raise DataError(f"{name} has no face. Training takes faces for both splits: give more pictures.")
    if train.labels.ndim == 1 and len(np.unique(train.labels)) < 2:
        raise DataError(
            f"Training has faces of {train.classes[int(train.labels[0])]} alone; it takes two classes."
        )


def adapt_recipe(recipe: Recipe, faces: int) -> Recipe:
    """The recipe, with smaller batches where there are fewer than two of them in an epoch.

    The learning rate falls with the square root of the batch size, which suits adaptive optimizers (Malladi
    et al. 2022, arXiv:2205.10287).
    """
    if faces >= FEW_BATCHES * recipe.batch_size:
        return recipe
    size = min(faces, recipe.batch_size, max(MIN_BATCH, faces // STEPS))
    rate = recipe.learning_rate * math.sqrt(size / recipe.batch_size)
    return replace(recipe, batch_size=size, learning_rate=float(f"{rate:.2g}"))
