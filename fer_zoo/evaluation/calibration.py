"""Calibration: how well confidence matches accuracy, and temperature scaling."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15  # Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv:1706.04599)
TEMPERATURE_RANGE = (0.1, 10.0)


@dataclass(frozen=True)
class ReliabilityCurve:
    """Equal-width bins of the top probability, from 0 to 1. Arrays (bins,); an empty bin is nan."""

    confidence: NDArray[np.float64]  # mean top probability
    accuracy: NDArray[np.float64]  # 0 to 1
    count: NDArray[np.int64]


def reliability_curve(probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS) -> ReliabilityCurve:
    """Mean confidence and accuracy in each bin, for probabilities (N, classes) and labels (N,).

    Bin m of M holds confidences in ((m - 1) / M, m / M], as in Guo et al. 2017.
    """
    table = np.asarray(probabilities, dtype=np.float64)
    confidence = table.max(axis=1)
    right = table.argmax(axis=1) == np.asarray(labels)
    indices = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(indices, minlength=bins)
    divisor = np.where(count > 0, count, np.nan)
    return ReliabilityCurve(
        confidence=np.bincount(indices, weights=confidence, minlength=bins) / divisor,
        accuracy=np.bincount(indices, weights=right, minlength=bins) / divisor,
        count=count,
    )


def expected_calibration_error(probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS) -> float:
    """Mean distance of confidence and accuracy, each bin weighted by its count, 0 to 1 (Guo et al. 2017)."""
    curve = reliability_curve(probabilities, labels, bins)
    gaps = np.nan_to_num(np.abs(curve.confidence - curve.accuracy))
    return float(np.average(gaps, weights=curve.count))


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Temperature T by which to divide logits (N, classes) so that labels (N,) become most likely.

    Minimizes the mean negative log-likelihood (Guo et al. 2017, section 4.2), which is convex in 1 / T. T
    stays within 0.1 to 10: without that bound, faces that are all predicted right would give 0, and a model
    no better than chance infinity. Arrays or CPU tensors.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    table = np.asarray(logits, dtype=np.float64)
    indices = np.asarray(labels)[:, None]

    def measure_loss(log_temperature: float) -> float:
        scores = log_softmax(table / np.exp(log_temperature), axis=1)
        return -float(np.take_along_axis(scores, indices, axis=1).mean())

    solution = minimize_scalar(measure_loss, bounds=np.log(TEMPERATURE_RANGE), method="bounded")
    return float(np.exp(solution.x))
