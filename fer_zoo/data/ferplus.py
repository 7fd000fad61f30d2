"""FER+ (Barsoum et al. 2016, arXiv:1608.01041): what ten people saw in each face of FER2013."""

import csv
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError, UnknownNameError

USAGES = {"train": "Training", "public": "PublicTest", "private": "PrivateTest"}
# The file's columns, in EMOTIONS order; the last three have no counterpart in FER2013.
VOTE_COLUMNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
OTHERS = ("contempt", "unknown", "NF")
NO_MAJORITY = -1
RIDGE = 1e-4  # keeps the regression's weights finite where no face has such votes


def read_votes(
    path: str | Path, dataset: FER2013, splits: Sequence[str] = tuple(USAGES)
) -> dict[str, NDArray[np.int64]]:
    """Votes (N, 10) of the splits, columns VOTE_COLUMNS then OTHERS, from FER+'s fer2013new.csv.

    The file has no pictures: its rows belong to FER2013's by their order. Raises DataError where the file
    cannot be read, or its rows are not those of `dataset` (an image folder has lost the order).
    """
    try:
        with Path(path).expanduser().open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        usages = np.array([row["Usage"] for row in rows])
        votes = np.array([[int(row[name]) for name in (*VOTE_COLUMNS, *OTHERS)] for row in rows])
    except FileNotFoundError:
        raise DataError(
            f"{str(path)!r}: no such file. FER+'s fer2013new.csv is in github.com/microsoft/FERPlus."
        ) from None
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read ({error.strerror or error}).") from None
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(
            f"{str(path)!r} is not FER+'s fer2013new.csv ({type(error).__name__}: {error})."
        ) from error
    tables = {split: votes[usages == USAGES[split]] for split in splits}
    for split, table in tables.items():
        faces = dataset.split(split)
        agree = majority_labels(table) == faces.labels if len(table) == len(faces.labels) else np.zeros(1)
        if agree.mean() < 0.4:  # in the right order it is 0.6
            raise DataError(
                f"The votes of {str(path)!r} are not for these faces: {len(table):,} for the "
                f"{len(faces.labels):,} of {split}, in another order or of other data. Give FER2013 as CSV."
            )
    return tables


def majority_labels(votes: NDArray[np.int64]) -> NDArray[np.int64]:
    """For votes (N, 10) the emotion with most of them, in EMOTIONS order; NO_MAJORITY for a tie or where
    most people saw something else.
    """
    ranked = np.sort(votes, axis=1)
    top = votes.argmax(axis=1)
    clear = (ranked[:, -1] > ranked[:, -2]) & (top < len(EMOTIONS))
    return np.where(clear, top, NO_MAJORITY)


def soft_labels(votes: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """For votes (N, 10): which faces have a label, and the shares (kept, 7) of those in EMOTIONS order.

    As in FER+'s own training code (github.com/microsoft/FERPlus): a single vote for something counts as a
    slip, and a face that most people saw nothing in, or no face, is left out. So is one that most people
    found contemptuous: FER2013 has no word for it. The shares are those among the seven emotions.
    """
    counted = np.where(votes > 1, votes, 0)
    seven = counted[:, : len(EMOTIONS)]
    kept = (counted.argmax(axis=1) < len(EMOTIONS)) & (seven.sum(axis=1) > 0)
    return kept, (seven[kept] / seven[kept].sum(axis=1, keepdims=True)).astype(np.float32)


def use_ferplus_labels(dataset: FER2013, path: str | Path) -> FER2013:
    """The same faces with FER+'s labels, to learn from: those of Training are shares float32 (N, 7), those of
    PublicTest the clear majorities; faces without are left out. PrivateTest stays as it is, unread.

    The fingerprint says that the labels are others. Raises DataError as `read_votes`.
    """
    votes = read_votes(path, dataset, ("train", "public"))
    kept, shares = soft_labels(votes["train"])
    majority = majority_labels(votes["public"])
    clear = majority != NO_MAJORITY
    return replace(
        dataset,
        training=Faces(dataset.training.pixels[kept], shares),
        public_test=Faces(dataset.public_test.pixels[clear], majority[clear]),
        fingerprint=_name_votes(dataset, votes),
        label_source="ferplus",
    )


def _name_votes(dataset: FER2013, votes: dict[str, NDArray[np.int64]]) -> str:
    digest = hashlib.sha256(b"".join(table.tobytes() for table in votes.values())).hexdigest()[:16]
    return f"{dataset.fingerprint} with votes {digest}"


def predict_label_probabilities(votes: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """How probable each of FER2013's labels is for faces with such votes: (N, 7), from votes (N, 10) and the
    labels (N,) of the same faces.

    A multinomial logistic regression on the shares of the votes and their square roots. It learns the habits
    of FER2013's labels: which of them raters rarely repeat, and what stands for faces that they call
    contemptuous or no face at all.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    shares = votes / votes.sum(axis=1, keepdims=True).clip(min=1)
    seen = np.hstack([shares, np.sqrt(shares), np.ones((len(shares), 1))])
    wanted = np.eye(len(EMOTIONS))[labels]

    def measure(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(-1, len(EMOTIONS))
        logs = log_softmax(seen @ weights, axis=1)
        slope = seen.T @ (np.exp(logs) - wanted) / len(seen) + 2 * RIDGE * weights
        return float(-(wanted * logs).sum() / len(seen) + RIDGE * (weights**2).sum()), slope.ravel()

    found = minimize(measure, np.zeros(seen.shape[1] * len(EMOTIONS)), jac=True, method="L-BFGS-B")
    logs = log_softmax(seen @ found.x.reshape(-1, len(EMOTIONS)), axis=1)
    return np.exp(logs).astype(np.float32)


def mix_ferplus_labels(dataset: FER2013, path: str | Path) -> FER2013:
    """The same faces, with shares float32 (N, 7) to learn from on Training: one half is FER2013's own label,
    the other what `predict_label_probabilities` makes of the votes. PublicTest and PrivateTest stay as
    they are; no vote on them is used.

    The fingerprint says that the labels are others. Raises DataError as `read_votes`.
    """
    votes = read_votes(path, dataset, ("train",))
    labels = dataset.training.labels
    expected = predict_label_probabilities(votes["train"], labels)
    shares = (np.eye(len(EMOTIONS), dtype=np.float32)[labels] + expected) / 2
    return replace(
        dataset,
        training=Faces(dataset.training.pixels, shares),
        fingerprint=_name_votes(dataset, votes),
        label_source="both",
    )


# What a run can learn in place of FER2013's own labels.
LABEL_SOURCES: dict[str, Callable[[FER2013, str | Path], FER2013]] = {
    "ferplus": use_ferplus_labels,
    "both": mix_ferplus_labels,
}


def check_label_source(labels: str, path: str | Path | None) -> None:
    """Raises UnknownNameError for labels that are none of `fer2013`, `ferplus` and `both`, DataError where
    they and FER+'s file do not go together.
    """
    known = ["fer2013", *LABEL_SOURCES]
    if labels not in known:
        raise UnknownNameError("kind of labels", labels, known)
    if (labels == "fer2013") == bool(path):
        raise DataError(
            "--labels ferplus or --labels both, and --ferplus-csv FILE (FER+'s fer2013new.csv), go together: "
            "give both or neither."
        )


def apply_label_source(dataset: FER2013, labels: str, path: str | Path | None) -> FER2013:
    """The data set to learn from: as it is for `fer2013`, else as `use_ferplus_labels`
    (`ferplus`) or `mix_ferplus_labels` (`both`) makes it. Raises as they do, and as `check_label_source`.
    """
    check_label_source(labels, path)
    return LABEL_SOURCES[labels](dataset, path) if path else dataset
