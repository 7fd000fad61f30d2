"""FER+ (Barsoum et al. 2016, arXiv:1608.01041): the votes of ten raters for each face of FER2013."""

import csv
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_zoo.data.class_map import require_emotions
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.labels_and_splits import SPLIT_USAGES, USAGES
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError, UnknownNameError

# The file's columns, in EMOTIONS order; the three others have no counterpart in FER2013.
VOTE_COLUMNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
OTHERS = ("contempt", "unknown", "NF")
NO_MAJORITY = -1
CONTEMPT = len(EMOTIONS)  # the index of OTHERS[0] among the columns
RIDGE = 1e-4  # L2 penalty; keeps the regression's weights finite for votes that never occur


def read_votes(
    path: str | Path, dataset: FER2013, splits: Sequence[str] = tuple(SPLIT_USAGES)
) -> dict[str, NDArray[np.int64]]:
    """Read the votes (N, 10) of the splits, columns VOTE_COLUMNS then OTHERS, from FER+'s fer2013new.csv.

    The file has no images: its rows correspond to FER2013's by order. Raises DataError if the file cannot be
    read, or its rows do not match `dataset` (an image folder does not preserve the order).
    """
    require_emotions(dataset.classes, "FER+")
    usages, votes = _read_rows(path)
    tables = {split: votes[usages == SPLIT_USAGES[split]] for split in splits}
    for split, table in tables.items():
        faces = dataset.split(split)
        whole, kept = dataset.before_exclusion.get(USAGES.index(SPLIT_USAGES[split]), (faces, np.zeros(0)))
        if whole is not faces and len(whole) == len(table):
            tables[split] = table = table[kept]
        agree = majority_labels(table) == faces.labels if len(table) == len(faces.labels) else np.zeros(1)
        if agree.mean() < 0.4:  # 0.6 in the right order
            raise DataError(
                f"The votes of {str(path)!r} are not for these faces: {len(table):,} for the "
                f"{len(faces.labels):,} of {split}, in another order or from other data. FER+ has votes for "
                "FER2013's faces alone: give those as CSV, without --merge or --drop."
            )
    return tables


def _read_rows(path: str | Path) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Usage (N,) and votes (N, 10) of all rows. Raises DataError with file, row and reason."""
    shown, columns = repr(str(path)), (*VOTE_COLUMNS, *OTHERS)
    usages, votes = [], []
    try:
        with Path(path).expanduser().open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file, restval="")
            if missing := [name for name in ("Usage", *columns) if name not in (table.fieldnames or ())]:
                raise DataError(
                    f"{shown} is not FER+'s fer2013new.csv: it lacks the columns {', '.join(missing)}."
                )
            for number, row in enumerate(table, start=2):
                counts = {name: row[name].strip() for name in columns}
                for name, count in counts.items():
                    if not (count.isascii() and count.isdigit() and len(count) <= 3):
                        raise DataError(
                            f"{shown}, row {number} (the header is row 1): {name} is {count!r:.60}; "
                            "votes are whole numbers. Get fer2013new.csv again."
                        )
                usages.append(row["Usage"])
                votes.append([int(count) for count in counts.values()])
    except FileNotFoundError:
        raise DataError(
            f"{shown}: no such file. FER+'s fer2013new.csv is in github.com/microsoft/FERPlus."
        ) from None
    except OSError as error:
        raise DataError(f"{shown} cannot be read ({error.strerror or error}).") from None
    except (UnicodeDecodeError, csv.Error):
        raise DataError(f"{shown} is not FER+'s fer2013new.csv: it is no CSV in UTF-8.") from None
    if not votes:
        raise DataError(f"{shown} has no row: it is not FER+'s fer2013new.csv.")
    return np.array(usages), np.array(votes)


def majority_labels(votes: NDArray[np.int64], *, with_contempt: bool = False) -> NDArray[np.int64]:
    """The emotion of more than half of the votes (N, 10), as index in EMOTIONS; or NO_MAJORITY.

    As FER+'s authors do it (github.com/microsoft/FERPlus, mode `majority`): a single vote counts as noise
    and is dropped first. A face that most raters call `unknown` or `NF` (not a face) has no majority.

    Args:
        votes: columns VOTE_COLUMNS, then OTHERS.
        with_contempt: give CONTEMPT, which none of EMOTIONS equals, where most raters see contempt: scores
            are over eight classes then, and our seven are wrong there. Else such a face has no majority.
    """
    counted = np.where(votes > 1, votes, 0)
    top = counted.argmax(axis=1)
    clear = 2 * counted.max(axis=1) > counted.sum(axis=1)
    return np.where(clear & (top < len(EMOTIONS) + with_contempt), top, NO_MAJORITY)


def soft_labels(votes: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """For votes (N, 10): which faces have a label, bool (N,), and their soft labels (labeled, 7).

    As in FER+'s own training code (github.com/microsoft/FERPlus), a single vote counts as noise, and faces
    with most votes for `unknown` or `NF` (not a face) are excluded. So are those for `contempt`, which
    FER2013 does not have. A soft label is the vote distribution over the seven emotions.
    """
    counted = np.where(votes > 1, votes, 0)
    emotions = counted[:, : len(EMOTIONS)]
    labeled = (counted.argmax(axis=1) < len(EMOTIONS)) & (emotions.sum(axis=1) > 0)
    return labeled, (emotions[labeled] / emotions[labeled].sum(axis=1, keepdims=True)).astype(np.float32)


def use_ferplus_labels(dataset: FER2013, path: str | Path) -> FER2013:
    """Replace the labels by FER+'s: soft labels float32 (N, 7) for Training, majority labels for PublicTest.

    Faces without such a label are excluded. PrivateTest is unchanged, and its votes are not read. The
    fingerprint includes the votes. Raises DataError as `read_votes`.
    """
    votes = read_votes(path, dataset, ("train", "public"))
    labeled, labels = soft_labels(votes["train"])
    majority = majority_labels(votes["public"])
    clear = majority != NO_MAJORITY
    return replace(
        dataset,
        training=Faces(dataset.training.pixels[labeled], labels),
        public_test=Faces(dataset.public_test.pixels[clear], majority[clear]),
        fingerprint=_add_to_fingerprint(dataset, votes),
        label_source="ferplus",
    )


def _add_to_fingerprint(dataset: FER2013, votes: dict[str, NDArray[np.int64]]) -> str:
    digest = hashlib.sha256(b"".join(table.tobytes() for table in votes.values())).hexdigest()[:16]
    return f"{dataset.fingerprint} with votes {digest}"


def predict_label_probabilities(votes: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Probabilities (N, 7) of FER2013's labels given FER+'s votes (N, 10), fitted to the labels (N,).

    A multinomial logistic regression on the vote fractions and their square roots. It models the bias of
    FER2013's labels: which of them raters rarely confirm, and which label faces have that raters call
    contempt or not a face.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    fractions = votes / votes.sum(axis=1, keepdims=True).clip(min=1)
    features = np.hstack([fractions, np.sqrt(fractions), np.ones((len(fractions), 1))])
    targets = np.eye(len(EMOTIONS))[labels]

    def loss_and_gradient(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(-1, len(EMOTIONS))
        log_p = log_softmax(features @ weights, axis=1)
        loss = -(targets * log_p).sum() / len(features) + RIDGE * (weights**2).sum()
        gradient = features.T @ (np.exp(log_p) - targets) / len(features) + 2 * RIDGE * weights
        return float(loss), gradient.ravel()

    start = np.zeros(features.shape[1] * len(EMOTIONS))
    weights = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B").x.reshape(-1, len(EMOTIONS))
    return np.exp(log_softmax(features @ weights, axis=1)).astype(np.float32)


def mix_ferplus_labels(dataset: FER2013, path: str | Path) -> FER2013:
    """Replace Training's labels by soft labels float32 (N, 7): the mean of FER2013's label and of
    `predict_label_probabilities` for its votes.

    PublicTest and PrivateTest are unchanged, and their votes are not read. The fingerprint includes the
    votes. Raises DataError as `read_votes`.
    """
    votes = read_votes(path, dataset, ("train",))
    labels = dataset.training.labels
    expected = predict_label_probabilities(votes["train"], labels)
    soft = (np.eye(len(EMOTIONS), dtype=np.float32)[labels] + expected) / 2
    return replace(
        dataset,
        training=Faces(dataset.training.pixels, soft),
        fingerprint=_add_to_fingerprint(dataset, votes),
        label_source="both",
    )


# Labels to train on in place of FER2013's own.
LABEL_SOURCES: dict[str, Callable[[FER2013, str | Path], FER2013]] = {
    "ferplus": use_ferplus_labels,
    "both": mix_ferplus_labels,
}


def check_label_source(labels: str, path: str | Path | None) -> None:
    """Raise UnknownNameError unless `labels` is `fer2013`, `ferplus` or `both`, and DataError if exactly the
    latter two do not come with FER+'s file.
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
    """The data set to train on: unchanged for `fer2013`, else by `use_ferplus_labels` (`ferplus`) or
    `mix_ferplus_labels` (`both`). Raises as these and as `check_label_source`.
    """
    check_label_source(labels, path)
    return LABEL_SOURCES[labels](dataset, path) if path else dataset
