"""Which faces a report shows."""

import numpy as np
import pytest

from fer_zoo.data.ferplus import NO_MAJORITY
from fer_zoo.evaluation.error_analysis import (
    describe_duplicates,
    describe_errors,
    entropy,
    find_disagreements,
    find_examples,
    most_confident_errors,
    most_uncertain,
    shared_errors,
)


def predict(emotion: int, confidence: float) -> np.ndarray:
    row = np.full(7, (1 - confidence) / 6)
    row[emotion] = confidence
    return row


# Right, confident; wrong, confident; wrong, less confident; right, uncertain; wrong, most confident.
TABLE = np.stack([predict(0, 0.9), predict(1, 0.8), predict(2, 0.5), predict(3, 0.2), predict(4, 0.95)])
LABELS = np.array([0, 2, 3, 3, 5])


def test_errors_are_sorted_by_confidence() -> None:
    assert most_confident_errors(TABLE, LABELS, 10).tolist() == [4, 1, 2]
    assert most_confident_errors(TABLE, LABELS, 2).tolist() == [4, 1]


def test_shared_errors_are_those_where_the_raters_agree_with_the_model() -> None:
    majority = np.array([0, 1, 3, NO_MAJORITY, 6])
    assert shared_errors(TABLE, LABELS, majority, 10).tolist() == [1]
    assert describe_errors(TABLE, LABELS, majority) == {
        "n": 3,
        "raters_with_model": 1,
        "raters_with_label": 1,
        "raters_with_neither": 1,
        "raters_unclear": 0,
    }


def test_uncertainty_is_entropy() -> None:
    assert most_uncertain(TABLE, 2).tolist() == [3, 2]
    assert entropy(np.full((1, 7), 1 / 7))[0] == pytest.approx(np.log2(7))
    assert entropy(np.eye(7)).tolist() == pytest.approx([0] * 7)


def test_an_example_for_each_emotion_that_has_one() -> None:
    assert find_examples(TABLE, LABELS, right=True).tolist() == [0, 3]
    assert find_examples(TABLE, LABELS, right=False).tolist() == [1, 2, 4]


def test_disagreements_are_one_sided() -> None:
    other = TABLE.copy()
    other[1] = predict(2, 0.7)  # right where TABLE is wrong
    assert find_disagreements(other, TABLE, LABELS, 5).tolist() == [1]
    assert find_disagreements(TABLE, other, LABELS, 5).tolist() == []


def test_duplicates_are_scored_separately() -> None:
    duplicate = np.array([True, False, False, True, False])
    parts = {
        part["faces"]: (part["n"], part["accuracy"]) for part in describe_duplicates(TABLE, LABELS, duplicate)
    }
    assert parts == {"all": (5, 0.4), "also in Training": (2, 1.0), "new to the model": (3, 0.0)}
    assert len(describe_duplicates(TABLE, LABELS, np.zeros(5, bool))) == 2
