"""Several models compared: p-values corrected for the number of pairs, and what a person reads."""

import numpy as np
import pytest

from fer_zoo.evaluation.paired_tests import compare_pairs, correct_by_holm, describe_significance, format_pair


def test_holm_on_a_known_example() -> None:
    """As R gives it: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")."""
    assert correct_by_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert correct_by_holm([0.9, 0.8]).max() == 1 and correct_by_holm([0.2]) == pytest.approx([0.2])


@pytest.fixture(scope="module")
def answers() -> tuple[list[np.ndarray], np.ndarray]:
    """Three models on 200 faces: right on 120, 136 and 136 of them."""
    labels = np.arange(200) % 7
    rights = [np.arange(200) < 120, np.arange(200) < 136, np.arange(200) < 136]
    return [np.eye(7)[np.where(right, labels, (labels + 1) % 7)] for right in rights], labels


def test_each_pair_has_its_raw_and_corrected_p(answers) -> None:
    tables, labels = answers
    pairs = compare_pairs(["a", "b", "c"], tables, labels)
    assert [(pair["a"], pair["b"]) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    raw = pairs[0]["p_value"]
    assert raw == pytest.approx(2 * 0.5**16) and pairs[2]["p_holm"] == 1
    assert [pair["p_holm"] for pair in pairs[:2]] == pytest.approx([3 * raw, 3 * raw])
    assert "uncorrected): significant (p < 0.05)" in format_pair(pairs[0])
    assert format_pair(pairs[2]).endswith("p = 1: not significant (p >= 0.05)")


def test_what_one_test_would_call_significant_may_not_be_so_among_several() -> None:
    pair = {"p_value": 0.03, "p_holm": 0.09}
    assert describe_significance(pair) == "not significant (p >= 0.05)"


def test_one_pair_needs_no_correction(answers) -> None:
    tables, labels = answers
    (pair,) = compare_pairs(["a", "b"], tables[:2], labels)
    assert pair["p_holm"] == pair["p_value"] and "uncorrected" not in format_pair(pair)
