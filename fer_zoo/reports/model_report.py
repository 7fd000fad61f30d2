"""One model on one page: what it measured, where it errs, what it looks at, what it withstands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from fer_zoo._version import __version__
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.labels_and_splits import SPLIT_USAGES
from fer_zoo.emotions import COLORS, EMOTIONS
from fer_zoo.evaluation.robustness import CORRUPTIONS, Corruption
from fer_zoo.reports.charts import (
    SHARES,
    Axis,
    Series,
    epoch_axis,
    render_histogram,
    render_lines,
    render_reliability,
    round_axis,
)
from fer_zoo.reports.face_sections import (
    show_doubts,
    show_heats,
    show_map,
    show_shared_mistakes,
    show_sure_mistakes,
)
from fer_zoo.reports.kit import (
    ACCENT,
    QUIET,
    Number,
    Section,
    join,
    name_emotion,
    render_bar,
    render_legend,
    render_page,
    render_table,
    render_text,
    say,
)
from fer_zoo.reports.measurements import Study

FOOTER = Markup(
    "<p>Data: {source}, fingerprint {fingerprint}. Made by fer_zoo {version}. The faces shown are FER2013's: "
    "keep a page that holds them to yourself. The models repeat the labelling habit of one data set of web "
    "pictures; a face is not a feeling.</p>"
)


def build_report(study: Study, dataset: FER2013) -> str:
    """The HTML page of one model."""
    scores = study.scores
    sections = [
        *_show_training(study.history),
        _show_classes(scores),
        _show_confusion(scores),
        _show_confidence(scores),
        *_show_duplicates(study.duplicates),
        show_sure_mistakes(study),
        *show_shared_mistakes(study),
        show_doubts(study),
        show_heats(study),
        *show_map(study),
        show_robustness([study]),
    ]
    return render_page(
        study.name, describe_split(scores), _choose_numbers(scores), sections, render_footer(dataset)
    )


def render_footer(dataset: FER2013) -> Markup:
    """With the name of the source, not its path on this machine: the page may be shared."""
    source = dataset.source if "://" in dataset.source else Path(dataset.source).name
    return FOOTER.format(source=source, fingerprint=dataset.fingerprint, version=__version__)


def describe_split(scores: dict[str, Any]) -> str:
    titles = {**SPLIT_USAGES, "test": "PublicTest and PrivateTest"}
    memorized = " The model was trained on these faces." if scores["split"] == "train" else ""
    return f"Measured on {titles[scores['split']]}: {scores['n']:,} faces, one view of each.{memorized}"


def _choose_numbers(scores: dict[str, Any]) -> list[Number]:
    low, high = scores["accuracy_ci95"]
    numbers = [Number("Accuracy", f"{scores['accuracy']:.2%}", f"95 % interval {low:.2%} to {high:.2%}")]
    if scores["accuracy_no_duplicates"] is not None:
        without = f"{scores['accuracy_no_duplicates']:.2%}"
        numbers.append(Number("On faces that are new to it", without, "not pixel for pixel in Training too"))
    numbers += [
        Number("Macro F1", f"{scores['macro_f1']:.2%}", "mean of the seven emotions"),
        Number("Calibration error", f"{scores['ece']:.2%}", "mean gap of confidence and accuracy"),
    ]
    if agreement := scores.get("ferplus"):
        labels = f"{agreement['labels_agreement']:.2%}"
        note = f"of {agreement['n']:,} faces with a clear majority; with the labels {labels}"
        numbers.append(Number("FER+ raters agree", f"{agreement['agreement']:.2%}", note))
    return numbers


def _show_training(history: dict[str, np.ndarray] | None) -> list[Section]:
    if history is None:
        return []
    epochs = history["epoch"].tolist()
    best = int(history["public_accuracy"].argmax())
    x = epoch_axis(len(epochs))

    def draw(title: str, quantity: str, note: str) -> Markup:
        columns = {name: history[f"{name}_{quantity}"].tolist() for name in ("train", "public")}
        y = SHARES if quantity == "accuracy" else round_axis("", [*columns["train"], *columns["public"]])
        alone = len(epochs) == 1
        lines = [
            Series("training, as augmented", QUIET, epochs, columns["train"], "dashed", dots=alone),
            Series("PublicTest", ACCENT, epochs, columns["public"], dots=alone),
            Series("best epoch", ACCENT, [epochs[best]], [columns["public"][best]]),
        ]
        return render_lines(title, note, lines, x, y)

    rates = history["learning_rate"].tolist()
    rate = Series("learning rate", QUIET, epochs, rates, dots=len(epochs) == 1)
    charts = [
        draw("Accuracy", "accuracy", f"{history['public_accuracy'][best]:.1%} in epoch {epochs[best]:.0f}"),
        draw("Loss", "loss", f"{history['public_loss'][best]:.3f} there"),
        render_lines("Learning rate", "by epoch", [rate], x, round_axis("", rates)),
    ]
    minutes = history["seconds"].sum() / 60
    body = say(
        "{} epochs in {:,.0f} minutes. The dot is the epoch that was kept: the best on PublicTest.",
        len(epochs),
        minutes,
    )
    legend = render_legend([("PublicTest", ACCENT, "line"), ("training, as augmented", QUIET, "line dashed")])
    charts_html = Markup('<div class="charts">{}</div>').format(join(charts))
    return [Section("training", "Training", body + legend + charts_html)]


def _show_classes(scores: dict[str, Any]) -> Section:
    rows = []
    for index, (emotion, row) in enumerate(scores["per_class"].items()):
        taken = scores["confusion"][index]
        wrong = {other: count for other, count in enumerate(taken) if other != index}
        most = max(wrong, key=wrong.__getitem__)
        rows.append(
            (
                name_emotion(index),
                render_bar(row["recall"], COLORS[emotion], f"{row['recall']:.1%}"),
                f"{row['precision']:.1%}",
                f"{row['f1']:.1%}",
                f"{row['support']:,}",
                render_text(f"{EMOTIONS[most]} ({wrong[most] / row['support']:.0%})" if wrong[most] else ""),
            )
        )
    head = ("emotion", "recall", "precision", "F1", "faces", "most often taken for")
    lead = say(
        "Recall: of the faces with this label, how many are found. "
        "Precision: of the answers with this emotion, how many are right."
    )
    return Section("emotions", "Emotion by emotion", lead + render_table(head, rows))


def _show_confusion(scores: dict[str, Any]) -> Section:
    rows = []
    for index, counts in enumerate(scores["confusion"]):
        total = max(1, sum(counts))
        cells = [
            Markup('<td class="{}" style="--share:{:.1f}">{:.0%}<small>{:,}</small></td>').format(
                "right" if column == index else "", 100 * count / total, count / total, count
            )
            for column, count in enumerate(counts)
        ]
        rows.append((name_emotion(index), *cells))
    lead = say("A row is a label, a column the answer: share of the row, and faces.")
    return Section("confusion", "Confusion", lead + render_table(("label", *EMOTIONS), rows, "confusion"))


def _show_confidence(scores: dict[str, Any]) -> Section:
    bins = scores["reliability"]
    charts = [
        render_reliability("Accuracy", "in each bin of confidence", bins, ACCENT),
        render_histogram("Faces", "in each bin", bins, ACCENT),
    ]
    lead = say(
        "Where bars end below the dashed line the model is too sure, above it too shy. "
        "The mean gap is {:.2%}; the log loss is {:.3f}.",
        scores["ece"],
        scores["nll"],
    )
    body = lead + Markup('<div class="charts wide">{}</div>').format(join(charts))
    return Section("confidence", "Can its confidence be believed?", body)


def _show_duplicates(parts: list[dict[str, Any]] | None) -> list[Section]:
    if not parts or len(parts) < 3:
        return []
    rows = [
        (
            part["faces"],
            f"{part['n']:,}",
            render_bar(part["accuracy"], ACCENT, f"{part['accuracy']:.2%}"),
            "{:.1%} to {:.1%}".format(*part["accuracy_ci95"]),
        )
        for part in parts
    ]
    lead = say("Some faces of this split stand in Training too, pixel for pixel: the model has met them.")
    table = render_table(("faces", "n", "accuracy", "95 % interval"), rows)
    return [Section("duplicates", "What duplicates do to the figure", lead + table)]


def show_robustness(
    studies: Sequence[Study], looks: Sequence[tuple[str, str]] = ((ACCENT, "solid"),)
) -> Section:
    """A chart a corruption, with a line a study. looks: color and shape of each line."""
    charts = []
    for name, row in CORRUPTIONS.items():
        curves = [study.robustness["curves"][name] for study in studies]
        lines = [
            Series(study.name, color, curve["levels"], curve["accuracy"], shape)
            for study, curve, (color, shape) in zip(studies, curves, looks, strict=True)
        ]
        note = "" if len(studies) > 1 else _describe_fall(curves[0]["accuracy"], row)
        x = Axis(row.unit, {level: f"{level:g}" for level in row.levels}, row.levels[0], row.levels[-1])
        charts.append(render_lines(row.title, note, lines, x, SHARES))
    count = studies[0].robustness["n"]
    lead = say(
        "Accuracy on {:,} faces of the split, the same at every level, after something was done to the "
        "48-pixel face. With so many faces a figure is good to about {:.0f} points (95 % interval at 70%).",
        count,
        100 * 1.96 * (0.7 * 0.3 / count) ** 0.5,
    )
    return Section(
        "robustness", "What it withstands", lead + Markup('<div class="charts">{}</div>').format(join(charts))
    )


def _describe_fall(accuracy: Sequence[float], row: Corruption) -> str:
    return f"{accuracy[row.levels.index(row.clean)]:.0%}, at worst {min(accuracy):.0%}"
