"""Charts as inline SVG. Places are in percent: a narrow page narrows the chart and not its letters."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

HEIGHT = 300  # pixels of the plot; the stylesheet adds room for the axes
LABEL_GAP = 18  # pixels between two labels at least

CHART = Markup(
    '<div class="fz-plot"><svg role="img" aria-label="{description}" width="100%" height="{height}">'
    '<text class="fz-axis" dx="-44" dy="-14">{y_title}</text>'
    '<text class="fz-axis" x="50%" y="100%" dy="40" text-anchor="middle">{x_title}</text>'
    "{y_ticks}{x_ticks}{marks}</svg></div>"
)
Y_TICK = Markup(
    '<line class="fz-grid" x1="0" x2="100%" y1="{at:.2f}%" y2="{at:.2f}%"/>'
    '<text x="0" dx="-8" y="{at:.2f}%" dy=".32em" text-anchor="end">{text}</text>'
)
X_TICK = Markup('<text x="{at:.2f}%" y="100%" dy="20" text-anchor="middle">{text}</text>')
INTERVAL = Markup('<line class="fz-interval" x1="{x:.2f}%" x2="{x:.2f}%" y1="{high:.2f}%" y2="{low:.2f}%"/>')
# An inner <svg> makes percent and pixels meet: its corner is placed in percent, what is in it in pixels.
POINT = Markup(
    '<svg class="fz-point" x="{x:.2f}%" y="{y:.2f}%" overflow="visible"><title>{words}</title>'
    '<line x2="{side}" y2="{shift:.1f}"{hidden}/><circle r="6"/>'
    '<text x="{side}" y="{shift:.1f}" dy=".32em" text-anchor="{anchor}">{name}</text></svg>'
)


class Axis(NamedTuple):
    """ticks: values and their texts, from the axis's first to its last."""

    title: str
    ticks: dict[float, str]

    def place(self, value: float) -> float:
        """Percent of the way from the first tick to the last."""
        low, high = min(self.ticks), max(self.ticks)
        return 100 * (value - low) / (high - low)


class Point(NamedTuple):
    """low, high: ends of the interval of y."""

    name: str
    words: str
    x: float
    y: float
    low: float
    high: float


def choose_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that enclose low to high, about `count` steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def render_chart(description: str, x: Axis, y: Axis, marks: Markup) -> Markup:
    """marks: SVG whose places are percent of the plot."""
    return CHART.format(
        description=description,
        height=HEIGHT,
        x_title=x.title,
        y_title=y.title,
        x_ticks=Markup("").join(X_TICK.format(at=x.place(at), text=text) for at, text in x.ticks.items()),
        y_ticks=Markup("").join(
            Y_TICK.format(at=100 - y.place(at), text=text) for at, text in y.ticks.items()
        ),
        marks=marks,
    )


def render_points(points: Sequence[Point], x: Axis, y: Axis) -> Markup:
    """A dot, its interval and its name for each point; names that would touch are moved apart."""
    places = [HEIGHT * (1 - y.place(point.y) / 100) for point in points]
    marks = [
        INTERVAL.format(x=x.place(point.x), low=100 - y.place(point.low), high=100 - y.place(point.high))
        for point in points
    ]
    for point, place, label in zip(points, places, spread_labels(places), strict=True):
        right = x.place(point.x) < 60
        marks.append(
            POINT.format(
                name=point.name,
                words=point.words,
                x=x.place(point.x),
                y=100 - y.place(point.y),
                side=12 if right else -12,
                anchor="start" if right else "end",
                shift=label - place,
                hidden=Markup(' visibility="hidden"') if abs(label - place) < 4 else "",
            )
        )
    return Markup("").join(marks)


def spread_labels(places: Sequence[float]) -> list[float]:
    """Heights, each as near to its place as LABEL_GAP between neighbours and the plot's height allow."""
    order = sorted(range(len(places)), key=places.__getitem__)
    labels = list(places)
    for before, after in itertools.pairwise(order):
        labels[after] = max(labels[after], labels[before] + LABEL_GAP)
    limit = float(HEIGHT)
    for index in reversed(order):
        labels[index] = min(labels[index], limit)
        limit = labels[index] - LABEL_GAP
    return labels
