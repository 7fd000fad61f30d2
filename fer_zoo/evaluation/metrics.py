"""Metrics of one model on one split, and the paired comparison of two models on the same faces."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from fer_zoo.data.fer2013 import Faces
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import FerZooError
from fer_zoo.evaluation.calibration import ReliabilityCurve, expected_calibration_error, reliability_curve
from fer_zoo.evaluation.inference import predict_probabilities

TTA_TITLES = {"none": "single view", "flip": "mean of face and mirror image", "tencrop": "mean of ten crops"}


class EmotionScores(TypedDict):
    """Fractions of 0 to 1, and the number of faces with the label."""

    precision: float
    recall: float
    f1: float
    support: int


class Scores(TypedDict):
    """One model on one split, as plain numbers for JSON; fractions are 0 to 1."""

    model: str
    split: str
    n: int
    tta: str
    accuracy: float
    accuracy_ci95: list[float]  # Wilson score interval (Wilson 1927, doi:10.1080/01621459.1927.10502953)
    accuracy_no_duplicates: float | None  # without the faces that are duplicated in Training
    macro_f1: float  # mean over the emotions that occur, as label or as prediction
    ece: float  # Guo et al. 2017 (arXiv:1706.04599), 15 bins
    nll: float  # in nats; a probability of 0 counts as the smallest positive number
    per_class: dict[str, EmotionScores]
    confusion: list[list[int]]  # rows labels, columns predictions
    reliability: dict[str, list[Any]]  # confidence, accuracy and count of the bins of the top probability


class FerplusScores(TypedDict):
    """One model by FER+'s raters, over the faces that have a majority; fractions are 0 to 1. The classes are
    our seven and contempt.
    """

    n: int
    agreement: float  # with the majority
    agreement_ci95: list[float]
    agreement_no_duplicates: float | None
    macro_recall: float  # over the classes that occur
    macro_f1: float
    ece: float
    labels_agreement: float  # of FER2013's own label
    per_class: dict[str, EmotionScores]
    confusion: list[list[int]]
    reliability: dict[str, list[Any]]


class SplitScores(Scores, total=False):
    """The JSON of `fer-zoo eval`."""

    ferplus: FerplusScores
    labels: str  # `ferplus` in a report whose labels are the majority of FER+'s raters
    left_out: dict[str, int]  # faces of each class of the data that the model does not have


class PairedScores(TypedDict):
    """Two models on the same faces; fractions are 0 to 1."""

    n: int
    accuracy_a: float
    accuracy_b: float
    difference: float  # accuracy a - accuracy b
    # Newcombe's square-and-add interval for paired proportions (1998, Statistics in Medicine 17, 2635-2650,
    # method 10)
    difference_ci95: list[float]
    p_value: float  # McNemar's exact test, two-sided (binomial on n10 + n01)
    n10: int  # faces that only a predicts right
    n01: int  # faces that only b predicts right


def score_predictions(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    duplicate: ArrayLike | None = None,
    classes: Sequence[str] = EMOTIONS,
    name: str = "",
    split: str = "",
    tta: str = "none",
) -> Scores:
    """Score a model's probabilities (N, classes) against labels (N,). Raises FerZooError where there is no
    face or a probability is not finite, ValueError where the shapes differ.

    duplicate: bool (N,), true where a face is duplicated in Training. tta: how the probabilities were made,
    see `predict_logits`.
    """
    from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

    table, truth = _check_predictions(probabilities, labels, len(classes))
    predicted = table.argmax(axis=1)
    right = predicted == truth
    indices = range(len(classes))
    columns = precision_recall_fscore_support(truth, predicted, labels=indices, zero_division=0)
    return {
        "model": name,
        "split": split,
        "n": len(truth),
        "tta": tta,
        "accuracy": float(right.mean()),
        "accuracy_ci95": list(wilson_interval(int(right.sum()), len(right))),
        "accuracy_no_duplicates": _mean_without(right, duplicate),
        "macro_f1": float(f1_score(truth, predicted, average="macro", zero_division=0)),
        "ece": expected_calibration_error(table, truth),
        "nll": -float(np.log(np.maximum(table[np.arange(len(truth)), truth], np.finfo(float).tiny)).mean()),
        "per_class": {
            emotion: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
            for emotion, p, r, f, n in zip(classes, *columns, strict=True)
        },
        "confusion": confusion_matrix(truth, predicted, labels=indices).tolist(),
        "reliability": _list_bins(reliability_curve(table, truth)),
    }


def evaluate(
    model: Callable[[torch.Tensor], torch.Tensor],
    faces: Faces,
    *,
    name: str,
    split: str,
    tta: str = "none",
    device: str | torch.device = "cpu",
) -> Scores:
    """Predict and score faces; see `predict_logits` and `score_predictions` for arguments and errors."""
    table = predict_probabilities(model, faces.pixels, tta=tta, batch_size=256, device=device)
    return score_predictions(table, faces.labels, classes=faces.classes, name=name, split=split, tta=tta)


def compare_paired(probabilities_a: ArrayLike, probabilities_b: ArrayLike, labels: ArrayLike) -> PairedScores:
    """Test whether two models, with probabilities (N, 7), are equally accurate on the same faces. Raises
    FerZooError where there is no face or a probability is not finite, ValueError where the shapes differ.
    """
    from scipy.stats import binomtest

    classes = max(np.shape(probabilities_a)[-1], int(np.max(labels, initial=0)) + 1)
    right_a, right_b = (
        table.argmax(axis=1) == truth
        for table, truth in (
            _check_predictions(one, labels, classes) for one in (probabilities_a, probabilities_b)
        )
    )
    both, only_a = int((right_a & right_b).sum()), int((right_a & ~right_b).sum())
    only_b, neither = int((~right_a & right_b).sum()), int((~right_a & ~right_b).sum())
    return {
        "n": len(right_a),
        "accuracy_a": float(right_a.mean()),
        "accuracy_b": float(right_b.mean()),
        "difference": (only_a - only_b) / len(right_a),
        "difference_ci95": list(newcombe_interval(both, only_a, only_b, neither)),
        "p_value": float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0,
        "n10": only_a,
        "n01": only_b,
    }


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """95 % Wilson score interval of the proportion right / n."""
    from scipy.stats import binomtest

    interval = binomtest(right, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def newcombe_interval(both: int, only_a: int, only_b: int, neither: int) -> tuple[float, float]:
    """95 % interval of (only_a - only_b) / n for paired binary outcomes: method 10 of Newcombe 1998."""
    n = both + only_a + only_b + neither
    a, b = both + only_a, both + only_b
    (low_a, high_a), (low_b, high_b) = wilson_interval(a, n), wilson_interval(b, n)
    association: float = both * neither - only_a * only_b
    if association > 0:
        association = max(association - n / 2, 0)  # the method's continuity correction
    marginals = a * (n - a) * b * (n - b)
    correlation = association / math.sqrt(marginals) if marginals else 0.0

    def spread(first: float, second: float) -> float:
        return math.sqrt(first**2 + second**2 - 2 * correlation * first * second)

    difference = (a - b) / n
    return (
        difference - spread(a / n - low_a, high_b - b / n),
        difference + spread(high_a - a / n, b / n - low_b),
    )


def format_evaluation(result: Mapping[str, Any]) -> str:
    """The result of `evaluate` as text: the main numbers, then a line for each emotion; the same by FER+."""
    low, high = result["accuracy_ci95"]
    half = 100 * (high - low) / 2
    without = result["accuracy_no_duplicates"]
    lines = [
        f"{result['model']} on {result['split']}: {result['n']:,} faces, {TTA_TITLES[result['tta']]}",
        "",
        f"accuracy            {result['accuracy']:8.2%} +- {half:.2f}  (95 %: {low:.2%} to {high:.2%})",
        *([f"without duplicates  {without:8.2%}"] if without is not None else []),
        f"macro F1            {result['macro_f1']:8.2%}",
        f"calibration error   {result['ece']:8.2%}",
        f"log loss            {result['nll']:8.3f}",
        *_describe_left_out(result.get("left_out")),
        "",
        *_list_classes(result),
        *_describe_agreement(result.get("ferplus")),
    ]
    return "\n".join(lines)


def _list_classes(scores: Mapping[str, Any]) -> list[str]:
    """A table with a line for each class."""
    names = list(scores["per_class"])
    width = max(10, *(len(name) + 1 for name in names))
    title = "emotion" if set(EMOTIONS) <= set(names) else "class"
    lines = [f"{title:{width}}{'precision':>10}{'recall':>10}{'F1':>10}{'faces':>8}   most often taken for"]
    rows = zip(scores["confusion"], scores["per_class"].items(), strict=True)
    for index, (row, (name, one)) in enumerate(rows):
        columns = "".join(f"{one[key]:10.1%}" for key in ("precision", "recall", "f1"))
        confusion = _describe_confusion(names, index, row)
        lines.append(f"{name:{width}}{columns}{one['support']:8,}   {confusion}".rstrip())
    return lines


def _describe_left_out(left_out: dict[str, int] | None) -> list[str]:
    if not left_out:
        return []
    listed = ", ".join(f"{count:,} of {name}" for name, count in left_out.items())
    return [f"left out            {sum(left_out.values()):8,}  (no such class in the model: {listed})"]


def _describe_agreement(ferplus: FerplusScores | None) -> list[str]:
    if not ferplus:
        return []
    low, high = ferplus["agreement_ci95"]
    without = ferplus["agreement_no_duplicates"]
    return [
        "",
        f"FER+ agreement      {ferplus['agreement']:8.2%}  (95 %: {low:.2%} to {high:.2%}; {ferplus['n']:,} "
        "faces with a majority of ten raters)",
        *([f"without duplicates  {without:8.2%}"] if without is not None else []),
        f"macro F1            {ferplus['macro_f1']:8.2%}  (contempt, which the model lacks, counts as 0)",
        f"macro recall        {ferplus['macro_recall']:8.2%}  (the same)",
        f"calibration error   {ferplus['ece']:8.2%}",
        f"FER2013's labels    {ferplus['labels_agreement']:8.2%}  (their agreement with the same raters)",
        "",
        *_list_classes(ferplus),
    ]


def _describe_confusion(names: Sequence[str], label: int, row: list[int]) -> str:
    wrong = [count for index, count in enumerate(row) if index != label]
    if not any(wrong):
        return ""
    other = max((index for index in range(len(row)) if index != label), key=row.__getitem__)
    return f"{names[other]} ({row[other] / sum(row):.0%})"


def _list_bins(curve: ReliabilityCurve) -> dict[str, list[Any]]:
    """For JSON: an empty bin has None."""
    columns = {"confidence": curve.confidence, "accuracy": curve.accuracy}
    listed = {
        name: [None if math.isnan(value) else round(value, 4) for value in values.tolist()]
        for name, values in columns.items()
    }
    return {**listed, "count": curve.count.tolist()}


def _mean_without(right: NDArray[np.bool_], excluded: ArrayLike | None) -> float | None:
    if excluded is None:
        return None
    rest = right[~np.asarray(excluded, dtype=bool)]
    return float(rest.mean()) if len(rest) else None


def _check_predictions(
    probabilities: ArrayLike, labels: ArrayLike, classes: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    table, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    if not len(truth):
        raise FerZooError("There are 0 faces to score; allowed is 1 or more. Choose another split.")
    if table.shape != (len(truth), classes):
        raise ValueError(f"Probabilities have shape {table.shape}; allowed is ({len(truth)}, {classes}).")
    if not np.isfinite(table).all():
        bad = int((~np.isfinite(table)).any(axis=1).sum())
        raise FerZooError(
            f"The model's output is NaN or infinite for {bad:,} of {len(truth):,} faces: its weights are "
            "damaged or its training diverged. Train it again with a lower learning rate, or choose other "
            "weights."
        )
    return table, truth
