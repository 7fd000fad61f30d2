"""Metrics against cases computed by hand and values published in the statistics literature."""

import json
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from fer_zoo.data.fer2013 import Faces
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import FerZooError, UnknownNameError
from fer_zoo.evaluation.metrics import (
    compare_paired,
    evaluate,
    format_evaluation,
    newcombe_interval,
    score_predictions,
    wilson_interval,
)

ANGRY, HAPPY, SAD = (EMOTIONS.index(name) for name in ("angry", "happy", "sad"))
LABELS = np.array([ANGRY, ANGRY, HAPPY, HAPPY, HAPPY, SAD])
PREDICTED = np.array([ANGRY, SAD, HAPPY, HAPPY, HAPPY, HAPPY])


def be_confident(predicted: np.ndarray, top: float = 0.88) -> np.ndarray:
    """Probabilities (N, 7): `top` for the predicted emotion, the rest spread over the other six."""
    table = np.full((len(predicted), 7), (1 - top) / 6)
    table[np.arange(len(predicted)), predicted] = top
    return table


@pytest.fixture
def scores() -> dict[str, Any]:
    return score_predictions(
        be_confident(PREDICTED), LABELS, duplicate=np.array([False, True, False, True, False, False])
    )


def test_accuracy_by_hand(scores: dict[str, Any]) -> None:
    assert scores["n"] == 6
    assert scores["accuracy"] == pytest.approx(4 / 6)
    assert scores["accuracy_no_duplicates"] == pytest.approx(3 / 4)
    assert scores["accuracy_ci95"] == pytest.approx(wilson_interval(4, 6))


def test_class_scores_by_hand(scores: dict[str, Any]) -> None:
    assert scores["per_class"]["angry"] == {
        "precision": 1,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 2,
    }
    assert scores["per_class"]["happy"] == {
        "precision": 0.75,
        "recall": 1,
        "f1": pytest.approx(6 / 7),
        "support": 3,
    }
    assert scores["per_class"]["sad"] == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert scores["per_class"]["fear"] == {"precision": 0, "recall": 0, "f1": 0, "support": 0}
    assert scores["macro_f1"] == pytest.approx(
        (2 / 3 + 6 / 7 + 0) / 3
    )  # the four absent emotions do not count


def test_probability_scores_by_hand(scores: dict[str, Any]) -> None:
    assert scores["nll"] == pytest.approx(-(4 * np.log(0.88) + 2 * np.log(0.02)) / 6)
    assert scores["ece"] == pytest.approx(0.88 - 4 / 6)


def test_confusion_has_all_emotions_with_labels_as_rows(scores: dict[str, Any]) -> None:
    confusion = np.array(scores["confusion"])
    assert confusion.shape == (7, 7) and confusion.sum() == 6
    assert confusion[ANGRY, SAD] == 1 and confusion[SAD, HAPPY] == 1 and confusion[HAPPY, HAPPY] == 3


def test_result_is_json_and_absent_emotions_give_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score_predictions(torch.tensor(be_confident(PREDICTED)), torch.tensor(LABELS))
    assert json.loads(json.dumps(scores)) == scores
    assert scores["accuracy_no_duplicates"] is None
    assert list(scores["per_class"]) == list(EMOTIONS)


def test_all_faces_duplicate_leaves_no_accuracy() -> None:
    assert (
        score_predictions(be_confident(PREDICTED), LABELS, duplicate=LABELS >= 0)["accuracy_no_duplicates"]
        is None
    )


def test_log_loss_of_a_zero_probability_is_finite() -> None:
    assert 100 < score_predictions(be_confident(PREDICTED, top=1.0), LABELS)["nll"] < 1000


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_as_published(right: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(right, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, 2635-2650, method 10.
        ((36, 12, 2, 0), 0.0569, 0.3404),
        # The R package contingencytables 3.1.0 (Fagerland, Lydersen and Laake); the first: Cavo et al. 2012.
        ((59, 6, 16, 80), -0.1186, -0.0046),
        ((1, 0, 0, 1), -0.5734, 0.5734),
    ],
)
def test_newcombe_interval_as_published(table: tuple[int, int, int, int], low: float, high: float) -> None:
    assert newcombe_interval(*table) == pytest.approx((low, high), abs=5e-5)


def test_newcombe_interval_mirrors_and_survives_perfect_models() -> None:
    low, high = newcombe_interval(300, 40, 25, 100)
    assert newcombe_interval(300, 25, 40, 100) == pytest.approx((-high, -low))
    low, high = newcombe_interval(50, 0, 0, 0)
    assert -0.08 < low < 0 < high < 0.08


def make_pair(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    right_a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    right_b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    labels = np.full(len(right_a), HAPPY)
    return (*(be_confident(np.where(right, HAPPY, SAD)) for right in (right_a, right_b)), labels)


def test_mcnemar_on_a_known_table() -> None:
    """Cavo et al. 2012, 161 patients before and after a therapy; p from the R package contingencytables."""
    result = compare_paired(*make_pair(both=59, only_a=6, only_b=16, neither=80))
    assert (result["n"], result["n10"], result["n01"]) == (161, 6, 16)
    assert result["p_value"] == pytest.approx(0.052479, abs=5e-7)
    assert result["difference"] == pytest.approx(65 / 161 - 75 / 161)
    assert result["accuracy_a"] - result["accuracy_b"] == pytest.approx(result["difference"])
    assert result["difference_ci95"] == pytest.approx([-0.1186, -0.0046], abs=5e-5)
    assert json.loads(json.dumps(result)) == result


def test_a_model_does_not_differ_from_itself() -> None:
    one, _, labels = make_pair(5, 3, 2, 4)
    result = compare_paired(one, one, labels)
    assert result["p_value"] == 1 and result["difference"] == 0
    low, high = result["difference_ci95"]
    assert low < 0 < high


def test_paired_interval_covers_the_true_difference() -> None:
    """500 draws of 400 faces from a known table: 95 % of the intervals hold the truth, within 2.5 points."""
    tables = np.random.default_rng(0).multinomial(400, [0.6, 0.12, 0.08, 0.2], size=500)
    inside = [low <= 0.04 <= high for low, high in (newcombe_interval(*map(int, table)) for table in tables)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.025)


@pytest.mark.parametrize("score", [score_predictions, lambda p, y: compare_paired(p, p, y)])
def test_unusable_predictions_are_explained(score: Any) -> None:
    with pytest.raises(FerZooError, match="0 faces"):
        score(np.empty((0, 7)), np.empty(0, dtype=int))
    broken = be_confident(PREDICTED)
    broken[2] = np.nan
    with pytest.raises(FerZooError, match="NaN or infinite for 1 of 6 faces"):
        score(broken, LABELS)
    with pytest.raises(ValueError, match=r"\(6, 3\); allowed is \(6, [57]\)"):
        score(broken[:, :3], LABELS)


@pytest.fixture
def bright_faces() -> Faces:
    """Faces of one gray level each, 30 times the label: `read_brightness` predicts all of them right."""
    labels = np.arange(7).repeat(3)
    pixels = np.broadcast_to((30 * labels)[:, None, None, None], (21, 1, 48, 48)).astype(np.uint8)
    return Faces(pixels, labels)


def read_brightness(faces: torch.Tensor) -> torch.Tensor:
    levels = faces[:, 0, 24, 24].float()[:, None]
    return -(levels - 30 * torch.arange(7)).abs()


@pytest.mark.parametrize("tta", ["none", "flip", "tencrop"])
def test_evaluate_gives_the_documented_fields(bright_faces: Faces, tta: str) -> None:
    result = evaluate(read_brightness, bright_faces, name="brightness", split="private", tta=tta)
    assert list(result) == [
        *("model", "split", "n", "tta", "accuracy", "accuracy_ci95", "accuracy_no_duplicates"),
        *("macro_f1", "ece", "nll", "per_class", "confusion", "reliability"),
    ]
    assert (result["model"], result["split"], result["tta"], result["n"]) == (
        "brightness",
        "private",
        tta,
        21,
    )
    assert result["accuracy"] == result["macro_f1"] == 1
    assert json.loads(json.dumps(result)) == result


def test_evaluate_refuses_an_unknown_tta(bright_faces: Faces) -> None:
    with pytest.raises(UnknownNameError, match="Unknown tta 'flop'"):
        evaluate(read_brightness, bright_faces, name="brightness", split="private", tta="flop")


def test_text_table(scores: dict[str, Any]) -> None:
    text = format_evaluation({**scores, "model": "cnn-baseline", "split": "private", "tta": "flip"})
    assert "cnn-baseline on private: 6 faces, mean of face and mirror image" in text
    assert "66.67% +- 30.16  (95 %: 30.00% to 90.32%)" in text
    assert "without duplicates    75.00%" in text
    assert [line.split()[0] for line in text.splitlines()[-7:]] == list(EMOTIONS)
    assert text.splitlines()[-7].split() == ["angry", "100.0%", "50.0%", "66.7%", "2", "sad", "(50%)"]
    assert text.splitlines()[-4].split() == ["happy", "75.0%", "100.0%", "85.7%", "3"]
    assert all(len(line) <= 80 for line in text.splitlines())


def test_table_leaves_out_what_was_not_measured() -> None:
    text = format_evaluation(score_predictions(be_confident(PREDICTED), LABELS, name="m", split="train"))
    assert "duplicates" not in text and "single view" in text
