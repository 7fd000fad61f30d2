"""All models as a table that sorts and a chart."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fer_zoo import charts
from models_tab.chart import Chart
from page.templates import render
from page.words import format_number, say, translate_note

SPLIT = "private"  # PrivateTest, one view of each face: the split that no choice was made on

Speeds = Mapping[str, dict[str, Any]]  # as `fer_zoo.measure_latency` gives them, by model name


class Column(NamedTuple):
    """key: of its words. read: its number from a row of the zoo and the speeds, or None. spec, unit: to show
    it."""

    key: str
    read: Callable[[dict[str, Any], Speeds], float | None]
    spec: str
    unit: str = ""


COLUMNS = (
    Column("accuracy", lambda row, _: read_score(row).get("accuracy"), ".1%"),
    Column("macro_f1", lambda row, _: read_score(row).get("macro_f1"), ".1%"),
    Column("ece", lambda row, _: read_score(row).get("ece"), ".1%"),
    Column("latency", lambda row, speeds: speeds.get(row["name"], {}).get("milliseconds"), ".1f", " ms"),
    Column("size", lambda row, _: row["bytes"] / 1e6, ".1f", " MB"),
    Column("parameters", lambda row, _: row["params"] / 1e6, ".1f", " M"),
    Column("input", lambda row, _: row["input_size"], "d", " px"),
)


def read_score(row: dict[str, Any]) -> dict[str, Any]:
    return row["metrics"].get(SPLIT, {})


def render_models(rows: Sequence[dict[str, Any]], language: str, speeds: Speeds) -> str:
    """rows: as `fer_zoo.list_models` gives them; shown the most accurate first."""
    ranked = sorted(rows, key=lambda row: -read_score(row).get("accuracy", 0))
    is_measured = all(row["name"] in speeds for row in ranked)
    return render(
        "models",
        language,
        caption=_describe_split(ranked, language),
        keys=[column.key for column in COLUMNS],
        rows=[_describe_row(row, language, speeds) for row in ranked],
        threads=max((speed["threads"] for speed in speeds.values()), default=1) if is_measured else 0,
        chart=_draw_chart(ranked, language, speeds),
    )


def _describe_split(rows: Sequence[dict[str, Any]], language: str) -> str:
    sizes = sorted({read_score(row)["n"] for row in rows if read_score(row)})
    counts = say(language, "models.and").join(format_number(language, size, ",d") for size in sizes)
    return say(language, "models.caption", count=counts or say(language, "models.nobody"))


def _describe_row(row: dict[str, Any], language: str, speeds: Speeds) -> dict[str, Any]:
    cells = []
    for column in COLUMNS:
        value, interval = column.read(row, speeds), ""
        shown = say(language, "models.missing")
        if value is not None:
            shown = format_number(language, value, column.spec) + column.unit
            if column.key == "accuracy":
                low, high = (format_number(language, end, ".1%") for end in read_score(row)["accuracy_ci95"])
                interval = say(language, "models.interval", low=low, high=high)
        cells.append({"value": "" if value is None else value, "shown": shown, "interval": interval})
    return {"name": row["name"], "note": translate_note(language, row["note"]), "cells": cells}


def _draw_chart(rows: Sequence[dict[str, Any]], language: str, speeds: Speeds) -> Chart | None:
    """Accuracy against time where every measured model has one, else against parameters."""
    scored = [row for row in rows if read_score(row)]
    if not scored:
        return None
    kind = "latency" if all(row["name"] in speeds for row in scored) else "parameters"
    column = next(column for column in COLUMNS if column.key == kind)
    points = [_find_point(row, column, language, speeds) for row in scored]
    x_ticks = charts.choose_ticks(0, max(point.x for point in points))
    y_ticks = charts.choose_ticks(min(point.low for point in points), max(point.high for point in points))
    spec = ".0%" if y_ticks[1] - y_ticks[0] > 0.009 else ".1%"
    x = charts.Axis(
        say(language, f"models.axis_{kind}"), {at: format_number(language, at, "g") for at in x_ticks}
    )
    y = charts.Axis(
        say(language, "models.axis_accuracy"), {at: format_number(language, at, spec) for at in y_ticks}
    )
    title = say(language, f"models.chart_{kind}")
    named = ", ".join(point.words for point in points)
    description = say(language, "models.chart_description", title=title, points=named)
    return Chart(description, x, y, points, title)


def _find_point(row: dict[str, Any], column: Column, language: str, speeds: Speeds) -> charts.Point:
    score = read_score(row)
    x = column.read(row, speeds) or 0.0
    accuracy = format_number(language, score["accuracy"], ".1%")
    across = format_number(language, x, column.spec) + column.unit
    told = f"{row['name']} {accuracy}, {across}"
    return charts.Point(row["name"], told, x, score["accuracy"], *score["accuracy_ci95"])
