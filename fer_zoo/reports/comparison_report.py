"""Several models on one page: which is better, whether significantly, on which emotions and faces."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.emotions import find_colors
from fer_zoo.errors import FerZooError
from fer_zoo.evaluation.error_analysis import find_disagreements
from fer_zoo.evaluation.paired_tests import ModelPair, compare_pairs, describe_significance
from fer_zoo.evaluation.raters import add_contempt, select_rated
from fer_zoo.reports.model_report import SPLITS, chart_robustness
from fer_zoo.reports.model_results import ModelResults
from fer_zoo.reports.rendering import ACCENT, FaceFigure, encode_face, render_page

# A line for each model: told apart by shape as well as by color, none of them an emotion's.
LOOKS = (
    *((ACCENT, "solid"), ("#DB2777", "solid"), ("var(--ink)", "dashed")),
    *((ACCENT, "dotted"), ("#DB2777", "dashed"), ("var(--subdued)", "solid")),
)
SHOWN_FACES = 8  # of each pair, and in each direction
MAX_PAIRS = 6  # whose faces are shown, in both directions


def check_count(count: int) -> None:
    """Raises FerZooError for more models than the page can tell apart."""
    if count > len(LOOKS):
        raise FerZooError(
            f"report got {count} models; allowed are up to {len(LOOKS)} on one page. Name fewer of them."
        )


def compare_models(models: Sequence[ModelResults]) -> list[ModelPair]:
    """The rows of `compare_pairs`: a paired test for each two models."""
    names, answers = [one.name for one in models], [one.probabilities for one in models]
    return compare_pairs(names, answers, models[0].faces.labels)


def compare_by_raters(models: Sequence[ModelResults]) -> list[ModelPair]:
    """The same by the majority of FER+'s raters; empty where they gave no votes, or the labels."""
    votes = models[0].votes
    if votes is None:
        return []
    rated, majority = select_rated(votes)
    answers = [add_contempt(one.probabilities[rated]) for one in models]
    return compare_pairs([one.name for one in models], answers, majority)


def build_comparison(models: Sequence[ModelResults], dataset: FER2013) -> str:
    """The HTML page of several models, all measured on the same faces."""
    looks = LOOKS[: len(models)]
    scores: list[dict[str, Any]] = [
        {"ferplus": None, "labels": "fer2013", "nll": None, **results.scores} for results in models
    ]
    best = max(scores, key=lambda one: one["accuracy"])
    labels = models[0].faces.labels
    correct = sum(results.probabilities.argmax(1) == labels for results in models)
    legend = [(one.name, color, f"line {shape}") for one, (color, shape) in zip(models, looks, strict=True)]
    return render_page(
        "comparison.html",
        EMOTIONS=models[0].faces.classes,
        COLORS=find_colors(models[0].faces.classes),
        title=" vs. ".join(results.name for results in models),
        dataset=dataset,
        split=SPLITS[best["split"]],
        models=scores,
        best=best,
        by_any=float((correct > 0).mean()),
        by_all=float((correct == len(models)).mean()),
        pairs=_judge(compare_models(models)),
        rater_pairs=_judge(compare_by_raters(models)),
        robustness=(models[0].robustness["n"], chart_robustness(models, looks), legend),
        disagreements=_find_disagreements(models),
    )


def _judge(pairs: Sequence[ModelPair]) -> list[dict[str, Any]]:
    return [{**pair, "verdict": describe_significance(pair)} for pair in pairs]


def _find_disagreements(models: Sequence[ModelResults]) -> list[tuple[str, str, list[FaceFigure]]]:
    """Two names and the faces on which only the first model is correct."""
    labels, found = models[0].faces.labels, []
    for first, second in list(permutations(models, 2))[: 2 * MAX_PAIRS]:
        chosen = find_disagreements(first.probabilities, second.probabilities, labels, SHOWN_FACES).tolist()
        if chosen:
            found.append((first.name, second.name, [_show_face(first, second, face) for face in chosen]))
    return found


def _show_face(first: ModelResults, second: ModelResults, face: int) -> FaceFigure:
    rows = ((first.probabilities[face], "prediction"), (second.probabilities[face], "label"))
    return FaceFigure(
        [encode_face(first.faces.pixels[face, 0])],
        f"face {face} of the split, labeled {first.faces.classes[first.faces.labels[face]]}",
        emotions=tuple((int(row.argmax()), float(row.max()), kind) for row, kind in rows),
    )
