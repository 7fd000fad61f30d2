"""Charts before they are drawn: their axes, and where the names of points find room."""

import math
from collections.abc import Sequence
from typing import NamedTuple

HEIGHT = 300  # pixels of the plot; the stylesheet adds room for the axes
LABEL_GAP = 18  # pixels between two labels at least
DOT_GAP = 14  # and between a label and a dot in its way
SIDE_GAP = 12  # from a dot to its label
LETTER = 7.5  # the width of one, about
NARROWEST = 320  # of the plot, on a phone
NAMES_RIGHT = 60  # percent of the width up to which a label stands on the right of its dot


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


class Label(NamedTuple):
    """Of a point, in pixels from it. side: to the right, or, below 0, to the left. shift: downwards."""

    side: int
    shift: float

    @property
    def is_near(self) -> bool:
        return abs(self.shift) < 4


class Chart(NamedTuple):
    """Points, or what a template draws itself, over two axes. description: for those who hear it."""

    description: str
    x: Axis
    y: Axis
    points: Sequence[Point] = ()
    title: str = ""
    height: int = HEIGHT

    def label_points(self) -> list[tuple[Point, Label]]:
        """Names that would touch another or a dot move away."""
        places = [HEIGHT * (1 - self.y.place(point.y) / 100) for point in self.points]
        across = [self.x.place(point.x) for point in self.points]
        sides = [1 if at < NAMES_RIGHT else -1 for at in across]
        dots = []
        for point, start, side in zip(self.points, across, sides, strict=True):
            reach = 100 * (SIDE_GAP + LETTER * len(point.name)) / NARROWEST
            ways = [(side * (at - start), place) for at, place in zip(across, places, strict=True)]
            dots.append([place for way, place in ways if 0 < way <= reach])
        heights = place_labels(places, dots)
        labels = [
            Label(side * SIDE_GAP, height - place)
            for side, height, place in zip(sides, heights, places, strict=True)
        ]
        return list(zip(self.points, labels, strict=True))


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
