"""Planted wrong labels are found and ranked first, with cleanlab and without."""

import sys

import numpy as np
import pytest

from fer_zoo.data.label_suspects import find_suspects, has_cleanlab


@pytest.fixture(params=["cleanlab", "margin"])
def rule(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "margin":
        monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    elif not has_cleanlab():
        pytest.skip("cleanlab is not installed: pip install 'fer-zoo[audit]'")
    return request.param


def predict(true: np.ndarray, classes: int) -> np.ndarray:
    """Probabilities of a model that gives the true class 55 to 95 %."""
    generator = np.random.default_rng(1)
    sure = generator.uniform(0.55, 0.95, len(true))
    table = np.repeat(((1 - sure) / (classes - 1))[:, None], classes, axis=1)
    table[np.arange(len(true)), true] = sure
    return table


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_planted_wrong_labels_are_found(rule: str, classes: int) -> None:
    true = np.arange(420) % classes
    labels = true.copy()
    wrong = np.random.default_rng(0).choice(420, 30, replace=False)
    labels[wrong] = (true[wrong] + 1) % classes
    suspects = find_suspects(labels, predict(true, classes))
    found = {suspect.row for suspect in suspects}
    assert found <= set(wrong.tolist()) and len(found) >= (25 if rule == "cleanlab" else 15)
    assert all(suspect.suggested == true[suspect.row] for suspect in suspects)
    margins = [suspect.label_probability - suspect.suggested_probability for suspect in suspects]
    assert margins == sorted(margins) and margins[-1] < 0


def test_right_labels_are_not_suspected(rule: str) -> None:
    labels = np.arange(90) % 3
    assert find_suspects(labels, predict(labels, 3)) == []
