"""Scores by FER+'s raters, over the faces for which they have a majority."""

import numpy as np

from fer_zoo.data.ferplus import NO_MAJORITY, OTHERS, majority_labels
from fer_zoo.emotions import EMOTIONS
from fer_zoo.evaluation.calibration import macro_recall
from fer_zoo.evaluation.metrics import FerplusScores, score_predictions

RATED_CLASSES = (*EMOTIONS, OTHERS[0])  # what a majority may be; the models lack contempt


def select_rated(votes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For votes (N, 10): which faces have a majority, bool (N,), and theirs, indices in RATED_CLASSES."""
    majority = majority_labels(votes, with_contempt=True)
    rated = majority != NO_MAJORITY
    return rated, majority[rated]


def add_contempt(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities (N, 7) as (N, 8) of RATED_CLASSES: 0 for contempt."""
    return np.pad(probabilities, ((0, 0), (0, len(RATED_CLASSES) - len(EMOTIONS))))


def ferplus_agreement(
    probabilities: np.ndarray, labels: np.ndarray, votes: np.ndarray, duplicate: np.ndarray | None = None
) -> FerplusScores:
    """Score probabilities (N, 7) by FER+'s votes (N, 10), over the faces that have a majority among the
    raters.

    Over FER+'s eight classes, as its authors do it: a face of contempt is wrong for a model that has seven.
    labels: FER2013's own. duplicate: bool (N,), true where a face is duplicated in Training. Raises
    FerZooError where no face has a majority.
    """
    rated, truth = select_rated(votes)
    table = add_contempt(probabilities[rated])
    scores = score_predictions(
        table,
        truth,
        duplicate=None if duplicate is None else duplicate[rated],
        classes=RATED_CLASSES,
    )
    return {
        "n": scores["n"],
        "agreement": scores["accuracy"],
        "agreement_ci95": scores["accuracy_ci95"],
        "agreement_no_duplicates": scores["accuracy_no_duplicates"],
        "macro_recall": macro_recall(table.argmax(axis=1) == truth, truth),
        "macro_f1": scores["macro_f1"],
        "ece": scores["ece"],
        "labels_agreement": float((labels[rated] == truth).mean()),
        "per_class": scores["per_class"],
        "confusion": scores["confusion"],
        "reliability": scores["reliability"],
    }
