"""Labels that cross-validated predictions contradict, the most suspicious first."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Suspect(NamedTuple):
    """A label that is probably wrong."""

    row: int  # of the given labels
    suggested: int  # the most probable other class
    label_probability: float
    suggested_probability: float


def find_suspects(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> list[Suspect]:
    """Find labels (N,) that are probably wrong by the probabilities (N, C) of a model that was not trained on
    the face's own label.

    With cleanlab installed, by confident learning (Northcutt, Jiang and Chuang 2021, "Confident Learning:
    Estimating Uncertainty in Dataset Labels", doi.org/10.1613/jair.1.12125), which also estimates how many
    there are; else where another class is more probable than faces of that class are on average. The order is
    by normalized margin: the label's probability less that of the most probable other class.
    """
    rows = np.arange(len(labels))
    others = probabilities.copy()
    others[rows, labels] = -1
    suggested = others.argmax(axis=1)
    margin = probabilities[rows, labels] - others[rows, suggested]
    try:
        chosen = _find_by_confident_learning(labels, probabilities)
    except ImportError:
        chosen = _find_by_margin(labels, probabilities, suggested)
    ranked = chosen[np.argsort(margin[chosen], kind="stable")]
    return [
        Suspect(
            row,
            int(suggested[row]),
            float(probabilities[row, labels[row]]),
            float(probabilities[row, suggested[row]]),
        )
        for row in ranked.tolist()
    ]


def has_cleanlab() -> bool:
    from importlib.util import find_spec

    return find_spec("cleanlab") is not None


def _find_by_confident_learning(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> NDArray[np.int64]:
    from cleanlab.filter import find_label_issues

    # Processes of their own would import the caller's main module again.
    issues = find_label_issues(labels, probabilities, filter_by="prune_by_noise_rate", n_jobs=1)
    return np.flatnonzero(issues)


def _find_by_margin(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], suggested: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Another class is the most probable, and as probable as it is in the mean where it is the label."""
    rows = np.arange(len(labels))
    own = probabilities[rows, labels]
    count = np.bincount(labels, minlength=probabilities.shape[1])
    threshold = np.bincount(labels, own, minlength=probabilities.shape[1]) / count.clip(min=1)
    other = probabilities[rows, suggested]
    return np.flatnonzero((other > own) & (other >= threshold[suggested]))
