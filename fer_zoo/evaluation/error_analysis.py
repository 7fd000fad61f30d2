"""Which faces tell most about a model: its surest mistakes, its doubts, and what people saw there."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_zoo.data.ferplus import NO_MAJORITY
from fer_zoo.evaluation.metrics import wilson_interval

Probabilities = NDArray[np.float64]  # (N, 7)
Labels = NDArray[np.int64]  # (N,)


def most_confident_errors(probabilities: Probabilities, labels: Labels, count: int) -> Labels:
    """Places of wrong answers, the most confident first."""
    return _surest(probabilities, probabilities.argmax(1) != labels, count)


def shared_errors(probabilities: Probabilities, labels: Labels, majority: Labels, count: int) -> Labels:
    """Places where the model contradicts the label and the FER+ raters' majority is with the model."""
    answers = probabilities.argmax(1)
    return _surest(probabilities, (answers != labels) & (answers == majority), count)


def most_uncertain(probabilities: Probabilities, count: int) -> Labels:
    """Places of the most uncertain answers: those whose probabilities have the highest entropy."""
    return np.argsort(-entropy(probabilities), kind="stable")[:count]


def find_examples(probabilities: Probabilities, labels: Labels, *, right: bool) -> Labels:
    """For each emotion that has one, the place of the most confident right answer, or of the most confident
    wrong one among the faces labeled so.
    """
    correct = probabilities.argmax(1) == labels
    chosen = [
        _surest(probabilities, (labels == emotion) & (correct == right), 1)
        for emotion in range(probabilities.shape[1])
    ]
    return np.concatenate(chosen)


def find_disagreements(first: Probabilities, second: Probabilities, labels: Labels, count: int) -> Labels:
    """Places where `first` is right and `second` wrong, those first where they are surest of it: by the
    product of the probabilities that each gives its own answer.
    """
    chosen = (first.argmax(1) == labels) & (second.argmax(1) != labels)
    surest = first.max(1) * second.max(1)
    places = np.flatnonzero(chosen)
    return places[np.argsort(-surest[places], kind="stable")][:count]


def entropy(probabilities: Probabilities) -> NDArray[np.float64]:
    """(N,), in bits: 0 for one certain emotion, 2.81 for seven equal ones."""
    safe = np.maximum(probabilities, np.finfo(float).tiny)
    return -(safe * np.log2(safe)).sum(1)


def describe_errors(probabilities: Probabilities, labels: Labels, majority: Labels) -> dict[str, int]:
    """With whom the FER+ raters' majority stands in the model's mistakes, in numbers of faces."""
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
    """Accuracy on all faces, on those that also stand in Training, and on the others: n, accuracy and its
    95 % interval. A part without a face is left out.
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


def _surest(probabilities: Probabilities, chosen: NDArray[np.bool_], count: int) -> Labels:
    places = np.flatnonzero(chosen)
    return places[np.argsort(-probabilities[places].max(1), kind="stable")][:count]
