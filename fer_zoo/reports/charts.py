"""Charts as inline SVG. Places are in percent of the plot: a narrow page narrows it, and not its letters."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from fer_zoo.emotions import COLORS, EMOTIONS
from fer_zoo.reports.kit import join

HEIGHT = 190  # pixels of a plot; the stylesheet adds room for the axes
CHART = Markup(
    '<figure><figcaption><b>{title}</b> {note}</figcaption><div class="plot">'
    '<svg role="img" aria-label="{title}: {words}" width="100%" height="{height}">'
    '{y_ticks}{x_ticks}<text x="50%" y="100%" dy="36" text-anchor="middle">{x_title}</text>{marks}'
    "</svg></div></figure>"
)
Y_TICK = Markup(
    '<line class="grid" x1="0" x2="100%" y1="{at:.2f}%" y2="{at:.2f}%"/>'
    '<text x="0" dx="-6" y="{at:.2f}%" dy=".32em" text-anchor="end">{text}</text>'
)
X_TICK = Markup('<text x="{at:.2f}%" y="100%" dy="18" text-anchor="middle">{text}</text>')
# An inner <svg> that may be stretched: a line's points cannot be in percent.
LINE = Markup(
    '<svg width="100%" height="100%" viewBox="0 0 100 100" preserveAspectRatio="none" overflow="visible">'
    '<polyline class="{shape}" style="--color:{color}" points="{points}"/></svg>'
)
DOT = Markup(
    '<circle cx="{x:.2f}%" cy="{y:.2f}%" r="{radius}" style="--color:{color}"><title>{words}</title></circle>'
)
BAR = Markup(
    '<rect x="{x:.2f}%" y="{y:.2f}%" width="{width:.2f}%" height="{height:.2f}%" style="--color:{color}">'
    "<title>{words}</title></rect>"
)
DIAGONAL = Markup('<line class="diagonal" x1="0" y1="100%" x2="100%" y2="0"/>')
MAP = Markup(
    '<figure><svg class="plot map" role="img" aria-label="{words}" viewBox="-4 -3 8 6">{dots}</svg></figure>'
)
MAP_DOT = Markup('<circle class="{kind}" cx="{x}" cy="{y}" r=".035" style="--color:{color}"/>')


class Axis(NamedTuple):
    """ticks: values and their texts. low, high: the ends of the axis; high may be the smaller one."""

    title: str
    ticks: Mapping[float, str]
    low: float
    high: float

    def place(self, value: float) -> float:
        """Percent of the way from low to high."""
        return 100 * (value - self.low) / (self.high - self.low)


class Series(NamedTuple):
    """shape: `solid`, `dashed` or `dotted`. dots: mark each point."""

    name: str
    color: str
    x: Sequence[float]
    y: Sequence[float]
    shape: str = "solid"
    dots: bool = True


SHARES = Axis("", {at / 100: f"{at}%" for at in (0, 20, 40, 60, 80, 100)}, 0, 1)


def round_axis(title: str, values: Sequence[float], steps: int = 4) -> Axis:
    """An axis from 0, or from the lowest value where that is below 0, to a round number above all values."""
    from matplotlib.ticker import MaxNLocator

    low, high = min(0.0, *values), max(0.0, *values)
    locator = MaxNLocator(steps, steps=[1, 2, 2.5, 5, 10])
    ticks = [float(at) for at in locator.tick_values(low, high or 1.0)]
    return Axis(title, {at: f"{at:.12g}" for at in ticks}, ticks[0], ticks[-1])


def epoch_axis(count: int) -> Axis:
    """From the first epoch to the last, which both have their number."""
    middle = [round(1 + (count - 1) * share) for share in (0, 1 / 3, 2 / 3, 1)]
    low, high = (1, count) if count > 1 else (0, 2)  # one epoch alone stands in the middle
    return Axis("epoch", {at: str(at) for at in middle}, low, high)


def render_lines(title: str, note: str, series: Sequence[Series], x: Axis, y: Axis) -> Markup:
    """Lines over each other; a point's title says its line, place and value."""
    marks = [
        LINE.format(
            shape=line.shape,
            color=line.color,
            points=" ".join(
                f"{x.place(a):.2f},{100 - y.place(b):.2f}" for a, b in zip(line.x, line.y, strict=True)
            ),
        )
        for line in series
    ]
    marks += [
        DOT.format(
            x=x.place(a),
            y=100 - y.place(b),
            radius=3.5,
            color=line.color,
            words=f"{line.name}: {b:.1%} at {a:g}" if y is SHARES else f"{line.name}: {b:.4g} at {a:g}",
        )
        for line in series
        if line.dots
        for a, b in zip(line.x, line.y, strict=True)
    ]
    words = "; ".join(f"{line.name} from {line.y[0]:.3g} to {line.y[-1]:.3g}" for line in series)
    return _render_chart(title, note, words, x, y, join(marks))


def render_reliability(title: str, note: str, bins: dict[str, Any], color: str) -> Markup:
    """Accuracy in each bin of confidence, from `reliability` of `score_predictions`: bars that would end on
    the diagonal, were the confidence right.
    """
    count = len(bins["count"])
    marks = [
        BAR.format(
            x=100 * place / count + 0.4,
            y=100 - 100 * accuracy,
            width=100 / count - 0.8,
            height=100 * accuracy,
            color=color,
            words=f"confidence {confidence:.0%}: {accuracy:.0%} right of {faces:,} faces",
        )
        for place, (accuracy, confidence, faces) in enumerate(
            zip(bins["accuracy"], bins["confidence"], bins["count"], strict=True)
        )
        if faces
    ]
    x = SHARES._replace(title="confidence: probability of the predicted emotion")
    return _render_chart(title, note, "accuracy by confidence", x, SHARES, join([*marks, DIAGONAL]))


def render_histogram(title: str, note: str, bins: dict[str, Any], color: str) -> Markup:
    """Share of the faces in each bin of confidence."""
    total, count = sum(bins["count"]), len(bins["count"])
    shares = [faces / total for faces in bins["count"]]
    top = max(shares)
    marks = [
        BAR.format(
            x=100 * place / count + 0.4,
            y=100 - 100 * share / top,
            width=100 / count - 0.8,
            height=100 * share / top,
            color=color,
            words=f"{share:.1%} of the faces",
        )
        for place, share in enumerate(shares)
    ]
    x = SHARES._replace(title="confidence: probability of the predicted emotion")
    y = Axis("", {0: "0%", top / 2: f"{top / 2:.0%}", top: f"{top:.0%}"}, 0, top)
    return _render_chart(title, note, "faces by confidence", x, y, join(marks))


def render_map(places: np.ndarray, labels: np.ndarray, right: np.ndarray) -> Markup:
    """Faces at places (N, 2), -1 to 1, in the color of their label; wrong answers are rings."""
    dots = [
        MAP_DOT.format(
            kind="right" if fine else "wrong",
            x=f"{3.8 * x:.2f}",
            y=f"{2.8 * y:.2f}",
            color=COLORS[EMOTIONS[label]],
        )
        for (x, y), label, fine in zip(places.tolist(), labels.tolist(), right.tolist(), strict=True)
    ]
    return MAP.format(words=f"map of {len(labels):,} faces colored by label", dots=join(dots))


def _render_chart(title: str, note: str, words: str, x: Axis, y: Axis, marks: Markup) -> Markup:
    # Ticks that would touch on a phone are left out.
    x_ticks = [(x.place(at), text) for at, text in x.ticks.items()]
    shown = list(itertools.islice(x_ticks, 0, None, 2 if len(x_ticks) > 7 else 1))
    return CHART.format(
        title=title,
        note=note,
        words=words,
        height=HEIGHT,
        x_title=x.title,
        y_ticks=join(Y_TICK.format(at=100 - y.place(at), text=text) for at, text in y.ticks.items()),
        x_ticks=join(X_TICK.format(at=at, text=text) for at, text in shown),
        marks=marks,
    )
