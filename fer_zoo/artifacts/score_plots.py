"""Pictures of an evaluation and of a training run, as PNG files 800 pixels wide."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_zoo.emotions import COLORS
from fer_zoo.errors import FerZooError

# The emotions' colors, which stay apart for the common forms of color blindness, and quiet grays.
BLUE, SKY, ORANGE = COLORS["sad"], COLORS["surprise"], COLORS["angry"]
INK, GRAY = "#222222", "#8C8C8C"
DOTS_PER_INCH = 125
WIDTH = 800 / DOTS_PER_INCH  # inches
HISTORY_COLUMNS = (
    *("epoch", "train_loss", "train_accuracy", "public_loss", "public_accuracy"),
    *("learning_rate", "images_per_s", "seconds"),
)


def draw_confusion(result: Mapping[str, Any], path: str | Path) -> None:
    """Write a PNG of the confusion matrix in a result of `evaluate`: fractions of each label, and counts."""
    counts, names = np.array(result["confusion"]), list(result["per_class"])
    faces = counts.sum(axis=1)
    fractions = counts / np.maximum(faces, 1)[:, None]
    figure = new_figure(6.4)
    axes = figure.subplots()
    # the palest part: dark text stays at 4.5:1 contrast
    axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1.6)
    for (row, column), fraction in np.ndenumerate(fractions):
        style: dict[str, Any] = {"ha": "center", "va": "center", "color": INK}
        weight = "bold" if row == column else "normal"
        axes.text(column, row - 0.12, f"{fraction:.0%}", size=11, weight=weight, **style)
        axes.text(column, row + 0.24, f"{counts[row, column]:,}", size=8, **style)
    ticks = np.arange(len(names))
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, [f"{name}\n{count:,}" for name, count in zip(names, faces, strict=True)])
    truth = "majority of the raters" if _is_by_raters(result) else "labeled emotion"
    axes.set(xlabel="predicted emotion", ylabel=f"{truth}, and its faces")
    axes.set_xticks(ticks[1:] - 0.5, minor=True)
    axes.set_yticks(ticks[1:] - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    low, high = result["accuracy_ci95"]
    _write_title(
        axes,
        _name_views(result),
        f"{_name_share(result)} {result['accuracy']:.1%} (95 %: {low:.1%} to {high:.1%}), "
        f"macro F1 {result['macro_f1']:.1%}, {result['n']:,} faces",
    )
    figure.savefig(path, dpi=DOTS_PER_INCH, format="png")


def draw_reliability(result: Mapping[str, Any], path: str | Path) -> None:
    """Write a PNG of accuracy by confidence in 15 bins, and of each bin's share of faces, from `evaluate`."""
    bins = result["reliability"]
    accuracy, confidence = (np.array(bins[name], dtype=float) for name in ("accuracy", "confidence"))
    count = np.array(bins["count"])
    left = np.arange(len(count)) / len(count)
    bar: dict[str, Any] = {"width": left[1], "align": "edge"}
    figure = new_figure(6.8)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1])
    above.bar(left, accuracy, color=SKY, edgecolor="white", label="accuracy", **bar)
    gap = {"facecolor": "none", "edgecolor": ORANGE, "hatch": "///", "label": "gap to confidence"}
    above.bar(left, confidence - accuracy, bottom=accuracy, **gap, **bar)
    above.plot([0, 1], [0, 1], color=INK, linewidth=1.2, linestyle="--", label="perfect calibration")
    above.set(ylim=(0, 1), ylabel="accuracy")
    above.legend(loc="upper left", frameon=False)
    below.bar(left, count / count.sum(), color=GRAY, edgecolor="white", **bar)
    below.set(xlim=(0, 1), xlabel="confidence: probability of the predicted emotion", ylabel="share of faces")
    for axes in (above, below):
        simplify_axes(axes)
        format_percent_axis(axes.yaxis)
    format_percent_axis(below.xaxis)
    note = (
        f"calibration error {result['ece']:.1%}: mean confidence "
        f"{np.nansum(confidence * count) / count.sum():.1%}, {_name_share(result)} {result['accuracy']:.1%}, "
        f"{result['n']:,} faces"
    )
    _write_title(above, _name_views(result), note)
    figure.savefig(path, dpi=DOTS_PER_INCH, format="png")


def _name_views(result: Mapping[str, Any]) -> str:
    views = "" if result["tta"] == "none" else f", {result['tta']}"
    return f"{result['model']} on {result['split']}{views}{', FER+' if _is_by_raters(result) else ''}"


def _name_share(result: Mapping[str, Any]) -> str:
    return "agreement" if _is_by_raters(result) else "accuracy"


def _is_by_raters(result: Mapping[str, Any]) -> bool:
    return result.get("labels") == "ferplus"  # as `by_raters` marks it


def draw_curves(history_csv_path: str | Path, path: str | Path) -> None:
    """Write a PNG of a run's history.csv: loss, accuracy and learning rate by epoch, the best one marked,
    and the batch size if it grew.

    Raises FerZooError for a file that is not there or is not a history of one epoch or more.
    """
    from matplotlib.ticker import MaxNLocator

    history = read_history(Path(history_csv_path))
    epochs, best = history["epoch"], find_best_row(history)
    figure = new_figure(6.8)
    panels = figure.subplots(3, 1, sharex=True, height_ratios=[1, 1, 0.3])
    marker = "o" if len(epochs) == 1 else ""  # one epoch has no line to draw
    for axes, quantity in zip(panels[:2], ("loss", "accuracy"), strict=True):
        train, public = history[f"train_{quantity}"], history[f"public_{quantity}"]
        axes.plot(epochs, train, color=ORANGE, marker=marker, label="training, as augmented")
        axes.plot(epochs, public, color=BLUE, marker=marker, linewidth=2, label="PublicTest")
        axes.plot(epochs[best], public[best], "o", color=BLUE, markeredgecolor="white", markersize=9)
    panels[2].plot(epochs, history["learning_rate"], color=GRAY, marker=marker, linewidth=1)
    panels[2].set_ylim(bottom=0)
    _draw_batch_size(panels[2], epochs, history.get("batch_size"))
    for axes, quantity in zip(panels, ("loss", "accuracy", "learning\nrate"), strict=True):
        axes.axvline(epochs[best], color=INK, linewidth=0.8, linestyle=":")
        axes.set_ylabel(quantity)
        simplify_axes(axes)
    panels[1].legend(facecolor="white", framealpha=1, edgecolor="none")
    panels[2].set_xlabel("epoch")
    panels[2].xaxis.set_major_locator(MaxNLocator(integer=True))
    format_percent_axis(panels[1].yaxis)
    accuracy, minutes = history["public_accuracy"][best], history["seconds"].sum() / 60
    _write_title(
        panels[0],
        f"PublicTest accuracy {accuracy:.1%} in epoch {epochs[best]:.0f} of {len(epochs)}",
        f"loss there {history['public_loss'][best]:.3f}; {minutes:,.1f} minutes, "
        f"{np.median(history['images_per_s']):,.0f} images/s",
    )
    figure.savefig(path, dpi=DOTS_PER_INCH, format="png")


def find_best_row(history: Mapping[str, NDArray[np.float64]]) -> int:
    """Of the epoch that the run kept: the highest PublicTest accuracy, then the lowest loss."""
    return int(np.lexsort((history["public_loss"], -history["public_accuracy"]))[0])


def _draw_batch_size(axes: Any, epochs: NDArray[np.float64], sizes: NDArray[np.float64] | None) -> None:
    """A second scale on the right, where the batch grew."""
    if sizes is None or sizes.min() == sizes.max():
        return
    right = axes.twinx()
    right.step(epochs, sizes, where="mid", color=ORANGE, linewidth=1.5)
    right.set_ylim(bottom=0)
    right.set_ylabel("batch\nsize", color=ORANGE)
    right.tick_params(length=0)
    right.spines[["top", "right", "left"]].set_visible(False)


def new_figure(height: float) -> Any:
    """A figure of WIDTH by height inches that belongs to no window system and no global state."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))


def read_history(path: Path) -> dict[str, NDArray[np.float64]]:
    """The columns of a run's history.csv by name, an entry an epoch. Raises FerZooError for another file."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        history = {name: np.array([float(row[name]) for row in rows]) for name in HISTORY_COLUMNS}
        if all(row.get("batch_size") for row in rows):  # runs of version 0.1.0 have none
            history["batch_size"] = np.array([float(row["batch_size"]) for row in rows])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise FerZooError(
            f"{str(path)!r} is not a run's history.csv ({error}). Name one that fit wrote."
        ) from error
    if not rows:
        raise FerZooError(f"{str(path)!r} has no epoch yet: wait until the run has finished its first.")
    return history


def _write_title(axes: Any, title: str, note: str) -> None:
    axes.set_title(title, loc="left", weight="bold", size=13, color=INK, pad=24)
    axes.annotate(note, (0, 1), (0, 8), xycoords="axes fraction", textcoords="offset points", color=INK)


def simplify_axes(axes: Any) -> None:
    axes.grid(axis="y", color="#E4E4E4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def format_percent_axis(axis: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
