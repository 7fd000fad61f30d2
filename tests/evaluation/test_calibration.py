"""Calibration: bins by hand, and simulated classifiers whose calibration and temperature are known."""

import numpy as np
import pytest
import torch

from fer_zoo.evaluation.calibration import (
    MAX_LOSS_RISE,
    class_prior,
    expected_calibration_error,
    fit_prior_correction,
    fit_temperature,
    reliability_curve,
)

# Two classes; top probabilities .6, .6, .9, 1; right, wrong, right, right.
PROBABILITIES = np.array([[0.6, 0.4], [0.6, 0.4], [0.1, 0.9], [0.0, 1.0]])
LABELS = np.array([0, 1, 1, 1])


def draw_labels(logits: np.ndarray, seed: int) -> np.ndarray:
    """Labels for logits (N, 7), drawn from their softmax, which is thus perfectly calibrated."""
    gumbel = np.random.default_rng(seed).gumbel(size=logits.shape)
    return (logits + gumbel).argmax(axis=1)


def softmax(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).softmax(1).numpy()


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return -float(np.log(probabilities[np.arange(len(labels)), labels]).mean())


@pytest.fixture(scope="module")
def logits() -> np.ndarray:
    return np.random.default_rng(0).normal(scale=2, size=(20_000, 7))


def test_curve_by_hand() -> None:
    curve = reliability_curve(PROBABILITIES, LABELS, bins=5)
    assert curve.count.tolist() == [0, 0, 2, 0, 2]  # .6 belongs to (.4, .6], 1 to the last bin
    np.testing.assert_allclose(curve.confidence, [np.nan, np.nan, 0.6, np.nan, 0.95])
    np.testing.assert_allclose(curve.accuracy, [np.nan, np.nan, 0.5, np.nan, 1.0])


def test_error_by_hand() -> None:
    assert expected_calibration_error(PROBABILITIES, LABELS, bins=5) == pytest.approx(
        (2 * 0.1 + 2 * 0.05) / 4
    )


def test_error_of_calibrated_and_overconfident_classifier(logits: np.ndarray) -> None:
    labels = draw_labels(logits, seed=1)
    assert expected_calibration_error(softmax(logits), labels) < 0.015
    assert expected_calibration_error(softmax(3 * logits), labels) > 0.15


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
def test_temperature_recovers_a_known_scaling(logits: np.ndarray, scale: float) -> None:
    labels = draw_labels(logits, seed=2)
    assert fit_temperature(scale * logits, labels) == pytest.approx(scale, rel=0.03)


def test_temperature_takes_tensors_and_restores_calibration(logits: np.ndarray) -> None:
    labels = draw_labels(logits, seed=3)
    temperature = fit_temperature(torch.from_numpy(2.5 * logits).float(), torch.from_numpy(labels))
    assert expected_calibration_error(softmax(2.5 * logits / temperature), labels) < 0.015


def test_temperature_stays_bounded_where_the_optimum_is_not() -> None:
    logits = np.eye(7) * 4
    assert fit_temperature(logits, np.arange(7)) == pytest.approx(0.1, rel=0.1)  # the loss is flat there
    assert fit_temperature(logits, (np.arange(7) + 1) % 7) == pytest.approx(10, rel=0.1)


def test_the_prior_counts_hard_and_soft_labels_alike() -> None:
    labels = np.array([0, 0, 0, 2])
    np.testing.assert_allclose(class_prior(labels, 3), [3 / 5, 1 / 5, 1 / 5])  # the absent class counts once
    np.testing.assert_allclose(class_prior(np.eye(3)[labels], 3), class_prior(labels, 3))


def test_a_biased_classifier_is_corrected_as_far_as_it_costs_no_accuracy(logits) -> None:
    """Balanced labels, but a network that learned from a training set where class 0 stands for most."""
    labels = draw_labels(logits, seed=2)
    prior = np.array([0.64, *[0.06] * 6])
    biased = (logits + np.log(prior)) * 2.0
    temperature, tau = fit_prior_correction(biased, labels, prior)
    assert (temperature, tau) == (pytest.approx(2, rel=0.05), 1.0)
    corrected = softmax(biased / temperature - tau * np.log(prior))
    assert expected_calibration_error(corrected, labels) < 0.02
    assert (corrected.argmax(1) == labels).mean() > (biased.argmax(1) == labels).mean() + 0.05


def test_an_unbiased_classifier_loses_no_accuracy_to_the_correction(logits) -> None:
    """The labels are as frequent as the network says: to correct it costs accuracy and log loss."""
    prior = np.array([0.64, *[0.06] * 6])
    fitting = logits + np.log(prior)
    labels = draw_labels(fitting, seed=3)
    temperature, tau = fit_prior_correction(fitting, labels, prior)
    corrected = softmax(fitting / temperature - tau * np.log(prior))
    assert (corrected.argmax(1) == labels).mean() >= (fitting.argmax(1) == labels).mean()
    assert log_loss(corrected, labels) <= log_loss(softmax(fitting), labels) + MAX_LOSS_RISE
