"""The chart parts that reports and the demo share."""

import re

import numpy as np

from fer_zoo import charts
from fer_zoo.emotions import COLORS


def test_ticks_are_round_and_enclose_the_values() -> None:
    assert charts.choose_ticks(0, 1) == [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]
    assert charts.choose_ticks(31, 78) == [30, 40, 50, 60, 70, 80]
    assert list(charts.round_axis("", [0.0, 0.0]).ticks)[-1] == 1  # nothing but zeros
    assert list(charts.round_axis("", [-0.3, 0.9]).ticks.values()) == ["-0.5", "0", "0.5", "1"]


def test_an_axis_may_run_downward_and_one_epoch_is_in_the_middle() -> None:
    axis = charts.Axis("side", {48: "48", 16: "16", 8: "8"})
    assert [axis.place(value) for value in (48, 28, 8)] == [0, 50, 100]
    assert charts.epoch_axis(1).place(1) == 50
    assert list(charts.epoch_axis(31).ticks) == [1, 11, 21, 31]


def test_a_point_is_drawn_with_its_interval_and_its_name_escaped() -> None:
    x, y = charts.Axis("ms", {0: "0", 10: "10"}), charts.Axis("<accuracy>", {0: "0%", 1: "100%"})
    point = charts.Point("<b>", "a & b", x=2.5, y=0.7, low=0.6, high=0.8)
    drawn = charts.render_chart("one point", x, y, charts.render_points([point], x, y))
    assert '<svg class="fz-point" x="25.00%" y="30.00%"' in drawn
    assert 'class="fz-interval" x1="25.00%" x2="25.00%" y1="20.00%" y2="40.00%"' in drawn
    assert ">&lt;b&gt;</text>" in drawn
    assert "<title>a &amp; b</title>" in drawn
    assert ">&lt;accuracy&gt;</text>" in drawn


def test_names_keep_apart_from_each_other_and_from_dots() -> None:
    tops = [100.0, 104.0, 110.0]
    labels = charts.place_labels(tops, [[], [], []])
    assert min(np.diff(sorted(labels))) >= charts.LABEL_GAP
    assert charts.place_labels([100.0], [[105.0]]) == [105.0 - charts.DOT_GAP]


def test_dots_and_the_diagonal() -> None:
    dots = charts.render_dots([charts.Dot(0.2, 0.9, "90%", radius=11)], charts.SHARES, charts.SHARES)
    assert 'class="fz-dot" cx="20.00%" cy="10.00%" r="11.0"><title>90%</title>' in dots
    assert 'class="fz-diagonal"' in charts.render_diagonal()


def test_bands_fill_each_stretch_with_the_seven_probabilities() -> None:
    table = np.array([[0.5, 0.5, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]], dtype=float)
    stretches = [np.array([0]), np.array([1])]
    drawn = charts.render_bands(np.array([0.0, 0.5]), table, stretches, step=0.1)
    outlines = re.findall(r'd="M(.*?)Z"', drawn)
    assert len(outlines) == 2 * 7
    assert outlines[0] == "0 100.0L100 100.0L100 50.0L0 50.0"
    assert outlines[7] == "500 100.0L600 100.0L600 0.0L500 0.0"


def test_bands_of_other_classes_have_their_own_colors() -> None:
    one = [np.array([0])]
    drawn = charts.render_bands(np.array([0.0]), np.array([[0.5, 0.5]]), one, 0.1, ["calm", "happy"])
    first, second = re.findall(r'fill="(#\w+)"', drawn)
    assert second == COLORS["happy"] and first not in COLORS.values()
