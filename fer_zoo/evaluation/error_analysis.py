"""The faces that a report shows: most confident errors, most uncertain predictions, disagreements."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_zoo.data.ferplus import NO_MAJORITY
from fer_zoo.evaluation.metrics import wilson_interval

Probabilities = NDArray[np.float64]  # (N, 7)
Labels = NDArray[np.int64]  # (N,)
Indices = NDArray[np.int64]  # of faces


def most_confident_errors(probabilities: Probabilities, labels: Labels, count: int) -> Indices:
    """Wrong predictions, the most confident first."""
    return _most_confident(probabilities, probabilities.argmax(1) != labels, count)


def shared_errors(probabilities: Probabilities, labels: Labels, majority: Labels, count: int) -> Indices:
    """Faces whose label differs from what both the model and the majority of the FER+ raters answer."""
    answers = probabilities.argmax(1)
    return _most_confident(probabilities, (answers != labels) & (answers == majority), count)


def most_uncertain(probabilities: Probabilities, count: int) -> Indices:
    """Predictions with the highest entropy."""
    return np.argsort(-entropy(probabilities), kind="stable")[:count]


def find_examples(probabilities: Probabilities, labels: Labels, *, right: bool) -> Indices:
    """For each emotion that has one, the most confident right prediction, or the most confident wrong one
    among the faces with that label.
    """
    correct = probabilities.argmax(1) == labels
    chosen = [
        _most_confident(probabilities, (labels == emotion) & (correct == right), 1)
        for emotion in range(probabilities.shape[1])
    ]
    return np.concatenate(chosen)


def find_disagreements(first: Probabilities, second: Probabilities, labels: Labels, count: int) -> Indices:
    """Faces on which `first` is right and `second` wrong, sorted by the product of their confidences."""
    indices = np.flatnonzero((first.argmax(1) == labels) & (second.argmax(1) != labels))
    confidence = (first.max(1) * second.max(1))[indices]
    return indices[np.argsort(-confidence, kind="stable")][:count]


def entropy(probabilities: Probabilities) -> NDArray[np.float64]:
    """(N,), in bits: 0 for one certain emotion, 2.81 for seven equal ones."""
    safe = np.maximum(probabilities, np.finfo(float).tiny)
    return -(safe * np.log2(safe)).sum(1)


def describe_errors(probabilities: Probabilities, labels: Labels, majority: Labels) -> dict[str, int]:
    """Whom the majority of the FER+ raters agrees with where the model is wrong, in numbers of faces."""
    answers = probabilities.argmax(1)
    wrong = answers != labels
    with_model, with_label = majority == answers, majority == labels
    unclear = majority == NO_MAJORITY
    return {
        "n": int(wrong.sum()),
        "raters_with_model": int((wrong & with_model).sum()),
        "raters_with_label": int((wrong & with_label).sum()),
        "raters_with_neither": int((wrong & ~with_model & ~with_label & ~unclear).sum()),
        "raters_unclear": int((wrong & unclear).sum()),
    }


def describe_duplicates(
    probabilities: Probabilities, labels: Labels, duplicate: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """n, accuracy and its 95 % interval on all faces, on those that are duplicated in Training, and on the
    others. A part without a face is left out.
    """
    right = probabilities.argmax(1) == labels
    parts = {"all": np.ones_like(duplicate), "also in Training": duplicate, "new to the model": ~duplicate}
    return [
        {
            "faces": title,
            "n": int(part.sum()),
            "accuracy": float(right[part].mean()),
            "accuracy_ci95": list(wilson_interval(int(right[part].sum()), int(part.sum()))),
        }
        for title, part in parts.items()
        if part.any()
    ]


def _most_confident(probabilities: Probabilities, mask: NDArray[np.bool_], count: int) -> Indices:
    indices = np.flatnonzero(mask)
    return indices[np.argsort(-probabilities[indices].max(1), kind="stable")][:count]
