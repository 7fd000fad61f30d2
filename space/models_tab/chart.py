"""Charts before they are drawn: their axes, and where the names of points find room."""

from collections.abc import Sequence
from typing import NamedTuple

from fer_zoo import charts


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
    x: charts.Axis
    y: charts.Axis
    points: Sequence[charts.Point] = ()
    title: str = ""
    height: int = charts.HEIGHT

    def label_points(self) -> list[tuple[charts.Point, Label]]:
        return [
            (point, Label(side * charts.SIDE_GAP, shift))
            for point, side, shift in charts.label_points(self.points, self.x, self.y)
        ]
