"""FER+ (Barsoum et al. 2016, arXiv:1608.01041): what ten people saw in each face of FER2013."""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError

USAGES = {"train": "Training", "public": "PublicTest", "private": "PrivateTest"}
# The file's columns, in EMOTIONS order; the last three have no counterpart in FER2013.
SEVEN = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
OTHERS = ("contempt", "unknown", "NF")
NO_MAJORITY = -1


def read_votes(
    path: str | Path, dataset: FER2013, splits: Sequence[str] = tuple(USAGES)
) -> dict[str, NDArray[np.int64]]:
    """Votes (N, 10) of the splits, columns SEVEN then OTHERS, from FER+'s fer2013new.csv.

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
    tables = {split: votes[usages == USAGES[split]] for split in splits}
    for split, table in tables.items():
        faces = dataset.split(split)
        agree = find_majority(table) == faces.labels if len(table) == len(faces.labels) else np.zeros(1)
        if agree.mean() < 0.4:  # in the right order it is 0.6
            raise DataError(
                f"The votes of {str(path)!r} are not for these faces: {len(table):,} for the "
                f"{len(faces.labels):,} of {split}, in another order or of other data. Give FER2013 as CSV."
            )
    return tables


def find_majority(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """For votes (N, 10) the emotion with most of them, in EMOTIONS order; NO_MAJORITY for a tie or where
    most people saw something else.
    """
    ranked = np.sort(votes, axis=1)
    top = votes.argmax(axis=1)
    clear = (ranked[:, -1] > ranked[:, -2]) & (top < len(EMOTIONS))
    return np.where(clear, top, NO_MAJORITY)


def share_votes(votes: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """For votes (N, 10): which faces have a label, and the shares (kept, 7) of those in EMOTIONS order.

    As in FER+'s own training code (github.com/microsoft/FERPlus): a single vote for something counts as a
    slip, and a face that most people saw nothing in, or no face, is left out. So is one that most people
    found contemptuous: FER2013 has no word for it. The shares are those among the seven emotions.
    """
    counted = np.where(votes > 1, votes, 0)
    seven = counted[:, : len(EMOTIONS)]
    kept = (counted.argmax(axis=1) < len(EMOTIONS)) & (seven.sum(axis=1) > 0)
    return kept, (seven[kept] / seven[kept].sum(axis=1, keepdims=True)).astype(np.float32)


def label_by_votes(dataset: FER2013, path: str | Path) -> FER2013:
    """The same faces with FER+'s labels, to learn from: those of Training are shares float32 (N, 7), those of
    PublicTest the clear majorities; faces without are left out. PrivateTest stays as it is, unread.

    The fingerprint says that the labels are others. Raises DataError as `read_votes`.
    """
    votes = read_votes(path, dataset, ("train", "public"))
    kept, shares = share_votes(votes["train"])
    majority = find_majority(votes["public"])
    clear = majority != NO_MAJORITY
    digest = hashlib.sha256(b"".join(votes[split].tobytes() for split in votes)).hexdigest()[:16]
    return replace(
        dataset,
        training=Faces(dataset.training.pixels[kept], shares),
        public_test=Faces(dataset.public_test.pixels[clear], majority[clear]),
        fingerprint=f"{dataset.fingerprint} with votes {digest}",
    )
