"""One model on one page: its scores, its errors, its heatmaps, its robustness."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from fer_zoo.artifacts.score_plots import find_best_row
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.labels_and_splits import SPLIT_USAGES
from fer_zoo.emotions import find_colors
from fer_zoo.evaluation.error_analysis import (
    describe_errors,
    entropy,
    most_confident_errors,
    most_uncertain,
    shared_errors,
)
from fer_zoo.evaluation.metrics import SplitScores
from fer_zoo.evaluation.robustness import CORRUPTIONS
from fer_zoo.reports.charts import (
    SHARES,
    Axis,
    Series,
    epoch_axis,
    list_histogram_bars,
    list_reliability_bars,
    round_axis,
)
from fer_zoo.reports.model_results import Heatmap, ModelResults
from fer_zoo.reports.rendering import (
    ACCENT,
    SUBDUED,
    FaceFigure,
    encode_face,
    encode_heatmap,
    render_page,
)

SHOWN_FACES = 24  # of each kind
SPLITS = {**SPLIT_USAGES, "test": "PublicTest and PrivateTest", "all": "all faces"}
RATERS = {
    "raters_with_model": "the model's prediction",
    "raters_with_label": "FER2013's label",
    "raters_with_neither": "another emotion",
    "raters_unclear": "no clear majority among the seven",
}
LineChart = tuple[str, str, list[Series], Axis, Axis]  # title, note, lines, x and y


def build_report(results: ModelResults, dataset: FER2013) -> str:
    """The HTML page of one model."""
    scores, probabilities, labels = results.scores, results.probabilities, results.faces.labels
    errors = most_confident_errors(probabilities, labels, SHOWN_FACES)
    return render_page(
        "model.html",
        EMOTIONS=results.faces.classes,
        COLORS=find_colors(results.faces.classes),
        title=results.name,
        dataset=dataset,
        scores={"ferplus": None, "labels": "fer2013", "nll": None, **scores},
        split=SPLITS[scores["split"]],
        training=_chart_training(results.history) if results.history else None,
        emotions=_list_emotions(scores),
        calibration=_chart_calibration(scores["reliability"]),
        duplicates=results.duplicates,
        errors=show_faces(results, errors),
        error_count=int((probabilities.argmax(1) != labels).sum()),
        raters=_compare_raters(results),
        uncertain=show_faces(results, most_uncertain(probabilities, SHOWN_FACES)),
        entropy=float(entropy(probabilities).max()),
        most_entropy=float(np.log2(probabilities.shape[1])),
        heatmaps=_show_heatmaps(results),
        robustness=(results.robustness["n"], chart_robustness([results])),
        **_list_map(results),
    )


def show_faces(results: ModelResults, chosen: Iterable[int]) -> list[FaceFigure]:
    """Faces with the model's prediction, the label, and the probability of each."""
    return [_show_face(results, int(face), encode_face) for face in chosen]


def _show_face(results: ModelResults, face: int, *encoders: Callable[[np.ndarray], str]) -> FaceFigure:
    """encoders: what makes an image of the face's pixels, one for each image."""
    pixels, label = results.faces.pixels[face, 0], int(results.faces.labels[face])
    probabilities = results.probabilities[face].tolist()
    prediction = int(np.argmax(probabilities))
    lines = [(prediction, probabilities[prediction], "prediction")]
    if label != prediction:
        lines.append((label, probabilities[label], "label"))
    images = [encode(pixels) for encode in encoders]
    alt = f"face {face} of the split, labeled {results.faces.classes[label]}" + ", with heatmaps" * (
        len(images) > 1
    )
    text = "as labeled" if label == prediction and len(images) == 1 else ""
    return FaceFigure(images, alt, text=text, emotions=tuple(lines))


def _show_heatmaps(results: ModelResults) -> dict[str, list[FaceFigure]]:
    def show(heatmap: Heatmap) -> FaceFigure:
        maps = [one for one in (heatmap.prediction, heatmap.label) if one is not None]
        overlays = [lambda pixels, one=one: encode_heatmap(pixels, one) for one in maps]
        return _show_face(results, heatmap.face, encode_face, *overlays)

    return {
        "correct": [show(one) for one in results.heatmaps if one.label is None],
        "wrong": [show(one) for one in results.heatmaps if one.label is not None],
    }


def _chart_training(history: dict[str, np.ndarray]) -> dict[str, Any]:
    epochs = history["epoch"].tolist()
    best = find_best_row(history)
    x, dots = epoch_axis(len(epochs)), len(epochs) == 1

    def chart(title: str, quantity: str, note: str) -> LineChart:
        train, public = (history[f"{name}_{quantity}"].tolist() for name in ("train", "public"))
        series = [
            Series("Training, augmented", SUBDUED, epochs, train, "dashed", dots=dots),
            Series("PublicTest", ACCENT, epochs, public, dots=dots),
            Series("best epoch", ACCENT, [epochs[best]], [public[best]]),
        ]
        return (
            title,
            note,
            series,
            x,
            SHARES if quantity == "accuracy" else round_axis("", [*train, *public]),
        )

    rates = history["learning_rate"].tolist()
    rate = Series("learning rate", SUBDUED, epochs, rates, dots=dots)
    charts = [
        chart("Accuracy", "accuracy", f"{history['public_accuracy'][best]:.1%} in epoch {epochs[best]:.0f}"),
        chart("Loss", "loss", f"{history['public_loss'][best]:.3f} in epoch {epochs[best]:.0f}"),
        ("Learning rate", "by epoch", [rate], x, round_axis("", rates)),
    ]
    return {"epochs": len(epochs), "minutes": float(history["seconds"].sum() / 60), "charts": charts}


def _list_emotions(scores: SplitScores) -> list[dict[str, Any]]:
    """The scores of each emotion, and with which other it is confused most often."""
    rows = []
    for index, (row, counts) in enumerate(
        zip(scores["per_class"].values(), scores["confusion"], strict=True)
    ):
        wrong = [0 if other == index else count for other, count in enumerate(counts)]
        rows.append({**row, "confused_with": wrong.index(max(wrong)), "confusions": max(wrong)})
    return rows


def _chart_calibration(bins: dict[str, Any]) -> dict[str, Any]:
    faces = list_histogram_bars(bins)
    top = max(bar.value for bar in faces)
    return {
        "x": SHARES._replace(title="confidence: probability of the prediction"),
        "y": SHARES,
        "y_faces": Axis("", {0: "0%", top / 2: f"{top / 2:.0%}", top: f"{top:.0%}"}),
        "accuracy": list_reliability_bars(bins),
        "faces": faces,
    }


def _compare_raters(results: ModelResults) -> dict[str, Any] | None:
    majority = results.majority
    if majority is None:
        return None
    evidence = (results.probabilities, results.faces.labels, majority)
    counts = describe_errors(*evidence)
    return {
        "n": counts["n"],
        "counts": {title: counts[key] for key, title in RATERS.items()},
        "faces": show_faces(results, shared_errors(*evidence, SHOWN_FACES)),
    }


def _list_map(results: ModelResults) -> dict[str, Any]:
    """Position, label and correctness of each face on the t-SNE map."""
    if results.face_map is None:
        return {"face_points": None}
    chosen, positions, purity = results.face_map
    labels = results.faces.labels[chosen]
    right = results.probabilities[chosen].argmax(1) == labels
    rows = zip(positions.tolist(), labels.tolist(), right.tolist(), strict=True)
    return {"face_points": [(x, y, label, fine) for (x, y), label, fine in rows], "purity": purity}


def chart_robustness(
    models: Sequence[ModelResults], looks: Sequence[tuple[str, str]] = ((ACCENT, "solid"),)
) -> list[LineChart]:
    """A chart for each corruption, with a line for each model: `looks` are their colors and shapes."""
    charts = []
    for name, row in CORRUPTIONS.items():
        curves = [results.robustness["curves"][name] for results in models]
        lines = [
            Series(results.name, color, curve["levels"], curve["accuracy"], shape)
            for results, curve, (color, shape) in zip(models, curves, looks, strict=True)
        ]
        accuracy = curves[0]["accuracy"]
        note = f"{accuracy[row.levels.index(row.clean)]:.0%}, at worst {min(accuracy):.0%}"
        x = Axis(row.unit, {level: f"{level:g}" for level in row.levels})
        charts.append((row.title, note if len(models) == 1 else "", lines, x, SHARES))
    return charts
