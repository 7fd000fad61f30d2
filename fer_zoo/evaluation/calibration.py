"""Calibration: how well confidence matches accuracy, and temperature scaling."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15  # Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv:1706.04599)
TEMPERATURE_RANGE = (0.1, 10.0)
TAUS = tuple(step / 10 for step in range(11))
MAX_LOSS_RISE = 0.01  # nats: what a prior correction may cost


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


def fit_temperature(logits: ArrayLike, labels: ArrayLike, offset: ArrayLike = 0.0) -> float:
    """Temperature T by which to divide logits (N, classes) so that labels (N,) become most likely.

    Minimizes the mean negative log-likelihood (Guo et al. 2017, section 4.2), which is convex in 1 / T. T
    stays within 0.1 to 10: without that bound, faces that are all predicted right would give 0, and a model
    no better than chance infinity. Arrays or CPU tensors. offset: (classes,), added after the division.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    table = np.asarray(logits, dtype=np.float64)
    indices = np.asarray(labels)[:, None]

    def measure_loss(log_temperature: float) -> float:
        scores = log_softmax(table / np.exp(log_temperature) + offset, axis=1)
        return -float(np.take_along_axis(scores, indices, axis=1).mean())

    solution = minimize_scalar(measure_loss, bounds=np.log(TEMPERATURE_RANGE), method="bounded")
    return float(np.exp(solution.x))


def macro_recall(right: NDArray[np.bool_], truth: NDArray[np.int64]) -> float:
    """Mean over the classes that occur in truth (N,) of the fraction that is right (N,), 0 to 1."""
    return float(np.mean([right[truth == label].mean() for label in np.unique(truth)]))


def class_prior(labels: ArrayLike, classes: int) -> NDArray[np.float64]:
    """Fraction of each class (classes,) in labels (N,) or soft labels (N, classes). A class without a face
    counts as one face, so that no probability is divided by zero.
    """
    table = np.asarray(labels)
    counts = table.sum(axis=0, dtype=np.float64) if table.ndim == 2 else np.bincount(table, minlength=classes)
    return np.maximum(counts, 1.0) / np.maximum(counts, 1.0).sum()


def fit_prior_correction(logits: ArrayLike, labels: ArrayLike, prior: ArrayLike) -> tuple[float, float]:
    """Temperature T and exponent tau for the probabilities softmax(logits / T) / prior ** tau.

    A network repeats the class frequencies of its training set; dividing by them (Menon et al. 2021,
    "Long-tail learning via logit adjustment", arXiv:2007.07314) makes rare classes heard. Of TAUS, each with
    its own temperature, the one with the highest macro-recall among those that cost no accuracy and at most
    MAX_LOSS_RISE of log loss.

    logits: (N, classes), of faces that the training did not see. prior: `class_prior` of the training set.
    """
    from scipy.special import log_softmax

    table, truth, log_prior = np.asarray(logits, np.float64), np.asarray(labels), np.log(np.asarray(prior))

    def measure(tau: float) -> dict[str, float]:
        temperature = fit_temperature(table, truth, -tau * log_prior)
        log_p = log_softmax(table / temperature - tau * log_prior, axis=1)
        right = log_p.argmax(axis=1) == truth
        return {
            "temperature": temperature,
            "tau": tau,
            "accuracy": float(right.mean()),
            "macro_recall": macro_recall(right, truth),
            "nll": -float(np.take_along_axis(log_p, truth[:, None], axis=1).mean()),
        }

    none, *corrected = [measure(tau) for tau in TAUS]
    allowed = [
        row
        for row in corrected
        if row["accuracy"] >= none["accuracy"] and row["nll"] <= none["nll"] + MAX_LOSS_RISE
    ]
    best = max([none, *allowed], key=lambda row: row["macro_recall"])  # the first, so the smallest tau
    return best["temperature"], best["tau"]
