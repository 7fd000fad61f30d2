"""Charts as inline SVG, for reports and the demo; the markup is in templates/charts.html.

Positions are in percent of the plot: a narrow page narrows the chart and not its letters. Colors, fonts and
room for the axes come from the page's stylesheet (classes `fz-...`). All text is escaped.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from fer_zoo.emotions import EMOTIONS, find_colors
from fer_zoo.reports.rendering import render_part

HEIGHT = 300  # pixels of a plot
LABEL_GAP = 18  # pixels between two labels at least
DOT_GAP = 14  # and between a label and a dot in its way
SIDE_GAP = 12  # from a dot to its label
LETTER = 7.5  # the width of one, about
NARROWEST = 320  # of the plot, on a phone
NAMES_RIGHT = 60  # percent of the width up to which a label is on the right of its dot


class Axis(NamedTuple):
    """A linear axis."""

    title: str
    ticks: Mapping[float, str]  # values and their texts, from the axis's first to its last
    spec: str = ".4g"  # format of any other value

    def place(self, value: float) -> float:
        """Percent of the way from the first tick to the last."""
        first, *_, last = self.ticks
        return 100 * (value - first) / (last - first)

    def say(self, value: float) -> str:
        return format(value, self.spec)


class Series(NamedTuple):
    """A line."""

    name: str
    color: str
    x: Sequence[float]
    y: Sequence[float]
    shape: str = "solid"  # or `dashed` or `dotted`
    dots: bool = True  # mark each point

    def list_dots(self, x: Axis, y: Axis) -> "list[Dot]":
        """A dot for each point; its words are the line's name and both values."""
        return [
            Dot(a, b, f"{self.name}: {y.say(b)} at {x.say(a)}") for a, b in zip(self.x, self.y, strict=True)
        ]


class Bar(NamedTuple):
    """From start to end on the x axis, as high as `value` on the y axis."""

    start: float
    end: float
    value: float
    words: str


class Dot(NamedTuple):
    """A point of a line or cloud."""

    x: float
    y: float
    words: str  # shown on hover
    radius: float = 3.5  # pixels


class Point(NamedTuple):
    """A named dot with the interval of its y, from low to high."""

    name: str
    words: str
    x: float
    y: float
    low: float
    high: float


SHARES = Axis("", {step / 5: f"{step / 5:.0%}" for step in range(6)}, ".1%")


def choose_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that enclose low to high, about `count` steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def round_axis(title: str, values: Sequence[float]) -> Axis:
    """An axis from 0, or from the lowest value where that is below 0, to a round number above all values."""
    ticks = choose_ticks(min(0.0, *values), max(0.0, *values) or 1.0, 4)
    return Axis(title, {tick: f"{tick:.12g}" for tick in ticks})


def epoch_axis(count: int) -> Axis:
    """From the first epoch to the last; a single epoch is in the middle."""
    if count == 1:
        return Axis("epoch", {0: "", 1: "1", 2: ""})
    return Axis("epoch", {epoch: str(epoch) for epoch in (round(1 + (count - 1) * k / 3) for k in range(4))})


def render_chart(description: str, x: Axis, y: Axis, marks: Markup) -> Markup:
    """A plot with its axes.

    Args:
        description: Read to those who cannot see the chart.
        x: Axis at the bottom.
        y: Axis on the left.
        marks: What the other functions of this module return, joined.
    """
    return _render("chart", description, x, y, marks, HEIGHT)


def render_dots(dots: Sequence[Dot], x: Axis, y: Axis) -> Markup:
    """A dot for each, in the stylesheet's color."""
    return _render("dots", dots, x, y)


def render_diagonal() -> Markup:
    """The line on which confidence equals accuracy."""
    return _render("diagonal")


def render_points(points: Sequence[Point], x: Axis, y: Axis) -> Markup:
    """A dot, its interval and its name for each point."""
    return _render("points", label_points(points, x, y), x, y, SIDE_GAP)


def label_points(points: Sequence[Point], x: Axis, y: Axis) -> list[tuple[Point, int, float]]:
    """Each point with the side of its name (1 right, -1 left) and the pixels by which the name is lower.

    Names that would touch another or a dot move away.
    """
    tops = [HEIGHT * (1 - y.place(point.y) / 100) for point in points]
    across = [x.place(point.x) for point in points]
    sides = [1 if left < NAMES_RIGHT else -1 for left in across]
    dots = []
    for point, start, side in zip(points, across, sides, strict=True):
        reach = 100 * (SIDE_GAP + LETTER * len(point.name)) / NARROWEST
        ways = [(side * (left - start), top) for left, top in zip(across, tops, strict=True)]
        dots.append([top for way, top in ways if 0 < way <= reach])
    labels = place_labels(tops, dots)
    shifts = [label - top for label, top in zip(labels, tops, strict=True)]
    return list(zip(points, sides, shifts, strict=True))


def place_labels(tops: Sequence[float], dots: Sequence[Sequence[float]]) -> list[float]:
    """Find free positions of labels; where nothing is free, a label covers dots.

    Args:
        tops: Pixels from the top to each label's own dot.
        dots: For each label, the same of the dots in its way.

    Returns:
        Pixels from the top to each label, the nearest free position.
    """
    labels = [math.nan] * len(tops)
    for index in sorted(range(len(tops)), key=tops.__getitem__):
        near = sorted([tops[index], *range(HEIGHT + 1)], key=lambda top: abs(top - tops[index]))
        free = [top for top in near if not any(abs(top - label) < LABEL_GAP for label in labels)]
        clear = [top for top in free if not any(abs(top - dot) < DOT_GAP for dot in dots[index])]
        labels[index] = next(iter([*clear, *free, *near]))
    return labels


def render_bands(
    positions: np.ndarray,
    probabilities: np.ndarray,
    stretches: Sequence[np.ndarray],
    step: float,
    classes: Sequence[str] = EMOTIONS,
) -> Markup:
    """A path for each class and stretch of a video, stacked, each as high as its class is probable, in a box
    of 1000 by 100.

    Args:
        positions: float (N,), rising, in fractions of the width.
        probabilities: float (N, C).
        stretches: Indices of both, an array for each stretch without a gap.
        step: Width of one row, as a fraction.
        classes: Names of the columns, for their colors.
    """
    bands: list[tuple[str, str]] = []  # color and outline
    edges = np.pad(probabilities.cumsum(axis=1), ((0, 0), (1, 0)))
    for part in stretches:
        across = 1000 * np.append(positions[part], positions[part[-1]] + step)
        heights = 100 * (1 - np.vstack([edges[part], edges[part[-1]]]))
        for emotion, color in enumerate(find_colors(classes)):
            below = zip(across, heights[:, emotion], strict=True)
            above = zip(across[::-1], heights[::-1, emotion + 1], strict=True)
            bands.append((color, "L".join(f"{x:.0f} {y:.1f}" for x, y in (*below, *above))))
    return _render("bands", bands)


def list_reliability_bars(bins: dict[str, Any]) -> list[Bar]:
    """Accuracy by confidence, from `reliability` of `score_predictions`; bins without a face have no bar."""
    width = 1 / len(bins["count"])
    rows = enumerate(zip(bins["accuracy"], bins["confidence"], bins["count"], strict=True))
    return [
        Bar(
            index * width,
            (index + 1) * width,
            accuracy,
            f"confidence {confidence:.0%}: accuracy {accuracy:.0%}, {count:,} faces",
        )
        for index, (accuracy, confidence, count) in rows
        if count
    ]


def list_histogram_bars(bins: dict[str, Any]) -> list[Bar]:
    """Fraction of the faces in each bin of confidence."""
    width, total = 1 / len(bins["count"]), sum(bins["count"])
    return [
        Bar(index * width, (index + 1) * width, count / total, f"{count / total:.1%} of the faces")
        for index, count in enumerate(bins["count"])
    ]


_render = partial(render_part, "charts.html")
