"""FER+ (Barsoum et al. 2016, arXiv:1608.01041): what ten people saw in each face of FER2013."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError

USAGES = {"train": "Training", "public": "PublicTest", "private": "PrivateTest"}
# The file's columns, in EMOTIONS order; the last three have no counterpart in FER2013.
SEVEN = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
OTHERS = ("contempt", "unknown", "NF")
NO_MAJORITY = -1


def read_votes(path: str | Path, dataset: FER2013) -> dict[str, NDArray[np.int64]]:
    """Votes (N, 10) of each split, columns SEVEN then OTHERS, from FER+'s fer2013new.csv.

    The file has no pictures: its rows belong to FER2013's by their order. Raises DataError where the file
    cannot be read, or its rows are not those of `dataset` (an image folder has lost the order).
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        usages = np.array([row["Usage"] for row in rows])
        votes = np.array([[int(row[name]) for name in (*SEVEN, *OTHERS)] for row in rows])
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(
            f"{str(path)!r} is not FER+'s fer2013new.csv ({type(error).__name__}: {error})."
        ) from error
    splits = {split: votes[usages == usage] for split, usage in USAGES.items()}
    for split, table in splits.items():
        faces = dataset.split(split)
        agree = find_majority(table) == faces.labels if len(table) == len(faces.labels) else np.zeros(1)
        if agree.mean() < 0.4:  # in the right order it is 0.6
            raise DataError(
                f"The votes of {str(path)!r} are not for these faces: {len(table):,} for the "
                f"{len(faces.labels):,} of {split}, in another order or of other data. Give FER2013 as CSV."
            )
    return splits


def find_majority(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """For votes (N, 10) the emotion with most of them, in EMOTIONS order; NO_MAJORITY for a tie or where
    most people saw something else.
    """
    ranked = np.sort(votes, axis=1)
    top = votes.argmax(axis=1)
    clear = (ranked[:, -1] > ranked[:, -2]) & (top < len(EMOTIONS))
    return np.where(clear, top, NO_MAJORITY)
