"""Charts as inline SVG. Places are in percent: a narrow page narrows the chart and not its letters."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

HEIGHT = 300  # pixels of the plot; the stylesheet adds room for the axes
LABEL_GAP = 18  # pixels between two labels at least
DOT_GAP = 14  # and between a label and a dot in its way
SIDE_GAP = 12  # from a dot to its label
LETTER = 7.5  # the width of one, about
NARROWEST = 320  # of the plot, on a phone
NAMES_RIGHT = 60  # percent of the width up to which a label stands on the right of its dot

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
    """A dot, its interval and its name for each point; names that would touch another or a dot move away."""
    places = [HEIGHT * (1 - y.place(point.y) / 100) for point in points]
    across = [x.place(point.x) for point in points]
    sides = [1 if at < NAMES_RIGHT else -1 for at in across]
    dots = []
    for point, start, side in zip(points, across, sides, strict=True):
        reach = 100 * (SIDE_GAP + LETTER * len(point.name)) / NARROWEST
        ways = [(side * (at - start), place) for at, place in zip(across, places, strict=True)]
        dots.append([place for way, place in ways if 0 < way <= reach])
    marks = [
        INTERVAL.format(x=x.place(point.x), low=100 - y.place(point.low), high=100 - y.place(point.high))
        for point in points
    ]
    for point, place, side, label in zip(points, places, sides, place_labels(places, dots), strict=True):
        marks.append(
            POINT.format(
                name=point.name,
                words=point.words,
                x=x.place(point.x),
                y=100 - y.place(point.y),
                side=side * SIDE_GAP,
                anchor="start" if side == 1 else "end",
                shift=label - place,
                hidden=Markup(' visibility="hidden"') if abs(label - place) < 4 else "",
            )
        )
    return Markup("").join(marks)


def place_labels(places: Sequence[float], dots: Sequence[Sequence[float]]) -> list[float]:
    """Heights of the labels, from the top one down, each the nearest to its place that is free.

    dots: for each label the heights of the dots in its way. Where nothing is free, a label covers dots.
    """
    labels = [math.nan] * len(places)
    for index in sorted(range(len(places)), key=places.__getitem__):
        near = sorted([places[index], *range(HEIGHT + 1)], key=lambda at: abs(at - places[index]))
        free = [at for at in near if not any(abs(at - label) < LABEL_GAP for label in labels)]
        clear = [at for at in free if not any(abs(at - dot) < DOT_GAP for dot in dots[index])]
        labels[index] = next(iter([*clear, *free, *near]))
    return labels
