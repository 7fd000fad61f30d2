"""All models as a table that sorts and filters, and a chart."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

import fer_zoo
from fer_zoo import charts
from page.templates import render
from page.words import format_number, has_text, say, translate_note

SPLIT = "private"  # PrivateTest, one view of each face: the split that no choice was made on
DUPLICATES = 288  # faces of PrivateTest that are in Training too, as `fer-zoo data audit` counts them
SHARES = ("accuracy", "ferplus")  # the columns that have a chart each
FILTERS = ("family", "label_source")

Share = tuple[float, list[float]]  # of right answers, with its 95% interval
Speeds = Mapping[str, dict[str, Any]]  # as `fer_zoo.measure_latency` gives them, by model name


class Column(NamedTuple):
    """key: of its words. read: its number from a row of the zoo and the speeds, or None."""

    key: str
    read: Callable[[dict[str, Any], Speeds], float | None]
    spec: str
    unit: str = ""


def read_score(row: dict[str, Any]) -> dict[str, Any]:
    return row["metrics"].get(SPLIT, {})


def read_raters(row: dict[str, Any]) -> dict[str, Any]:
    return read_score(row).get("ferplus") or {}


def read_learned(row: dict[str, Any], key: str) -> float | None:
    """By the labels that the weights learned."""
    return (read_raters(row) if row["label_source"] == "ferplus" else read_score(row)).get(key)


def read_share(row: dict[str, Any], key: str) -> Share | None:
    """Of a column of SHARES."""
    scores, name = (read_raters(row), "agreement") if key == "ferplus" else (read_score(row), "accuracy")
    interval = scores.get(f"{name}_ci95")
    return (scores[name], interval) if interval else None


def read_latency(row: dict[str, Any], speeds: Speeds) -> float | None:
    """Measured here, else on the machine of the model's card."""
    measured = speeds.get(row["name"]) or row.get("latency") or {}
    return measured.get("milliseconds")


COLUMNS = (
    Column("accuracy", lambda row, _: read_score(row).get("accuracy"), ".1%"),
    Column("ferplus", lambda row, _: read_raters(row).get("agreement"), ".1%"),
    Column("macro_f1", lambda row, _: read_learned(row, "macro_f1"), ".1%"),
    Column("ece", lambda row, _: read_learned(row, "ece"), ".1%"),
    Column("latency", read_latency, ".1f", " ms"),
    Column("size", lambda row, _: row["bytes"] / 1e6, ".1f", " MB"),
    Column("parameters", lambda row, _: row["params"] / 1e6, ".1f", " M"),
    Column("input", lambda row, _: max(list_inputs(row)), "d", " px"),
)


def list_inputs(row: dict[str, Any]) -> list[int]:
    """Sides of the pictures that the network sees; the members of an ensemble may differ."""
    if row["family"] != "ensemble":
        return [row["input_size"]]
    members = fer_zoo.describe_model(row["source"]).get("members", [])
    return sorted({member["input"]["size"] for member in members}) or [row["input_size"]]


def name_inputs(row: dict[str, Any], language: str) -> str:
    return say(language, "models.and").join(str(side) for side in list_inputs(row))


def render_models(rows: Sequence[dict[str, Any]], language: str, speeds: Speeds) -> str:
    """rows: as `list_offered` gives them; shown the most accurate first."""
    ranked = sorted(rows, key=lambda row: -read_score(row).get("accuracy", 0))
    is_measured = all(row["name"] in speeds for row in ranked)
    return render(
        "models",
        language,
        caption=_describe_split(ranked, language),
        keys=[column.key for column in COLUMNS],
        rows=[_describe_row(row, language, speeds) for row in ranked],
        filters={key: _list_choices(ranked, key, language) for key in FILTERS},
        threads=max((speed["threads"] for speed in speeds.values()), default=1) if is_measured else 0,
        charts=_draw_charts(ranked, language, speeds),
    )


def _describe_split(rows: Sequence[dict[str, Any]], language: str) -> str:
    sizes = sorted({read_score(row)["n"] for row in rows if read_score(row)})
    counts = say(language, "models.and").join(format_number(language, size, ",d") for size in sizes)
    counts = counts or say(language, "models.nobody")
    return say(language, "models.caption", count=counts, duplicates=DUPLICATES)


def _list_choices(rows: Sequence[dict[str, Any]], key: str, language: str) -> dict[str, str]:
    """Value and words of each choice of a filter; none where there is nothing to choose."""
    values = sorted({row[key] for row in rows if row[key]})
    return {value: name_choice(key, value, language) for value in values} if len(values) > 1 else {}


def name_choice(key: str, value: str, language: str) -> str:
    """Words for a family or a label source; one that nobody has translated stays as it is."""
    told = f"models.{key}_{value}"
    return say(language, told) if has_text(told) else value


def _describe_row(row: dict[str, Any], language: str, speeds: Speeds) -> dict[str, Any]:
    return {
        "name": row["name"],
        "note": translate_note(language, row["note"]),
        "family": row["family"],
        "label_source": row["label_source"] or "",
        "labels": name_choice("label_source", row["label_source"], language) if row["label_source"] else "",
        "cells": [_describe_cell(column, row, language, speeds) for column in COLUMNS],
    }


def _describe_cell(column: Column, row: dict[str, Any], language: str, speeds: Speeds) -> dict[str, Any]:
    value, below = column.read(row, speeds), ""
    if value is None:
        return {"value": "", "shown": say(language, "models.missing"), "below": ""}
    shown = format_number(language, value, column.spec) + column.unit
    if column.key in SHARES and (share := read_share(row, column.key)):
        low, high = (format_number(language, end, ".1%") for end in share[1])
        below = say(language, "models.interval", low=low, high=high)
    elif column.key == "latency" and row["name"] not in speeds:
        below = say(language, "models.by_card")
    elif column.key == "input":
        shown = ", ".join(map(str, list_inputs(row))) + column.unit
    return {"value": value, "shown": shown, "below": below}


def _draw_charts(rows: Sequence[dict[str, Any]], language: str, speeds: Speeds) -> list[dict[str, Any]]:
    """Both scores against time where every model has one of the same machine, else against parameters."""
    scored = {key: [(row, share) for row in rows if (share := read_share(row, key))] for key in SHARES}
    return [_draw_chart(key, some, language, speeds) for key, some in scored.items() if some]


def _draw_chart(
    key: str, scored: Sequence[tuple[dict[str, Any], Share]], language: str, speeds: Speeds
) -> dict[str, Any]:
    kind = _choose_axis([row for row, _ in scored], speeds)
    across = "parameters" if kind == "parameters" else "latency"
    column = next(column for column in COLUMNS if column.key == across)
    speeds = {} if kind == "card" else speeds
    points = [_find_point(row, share, column, language, speeds) for row, share in scored]
    x_ticks = charts.choose_ticks(0, max(point.x for point in points))
    y_ticks = charts.choose_ticks(min(point.low for point in points), max(point.high for point in points))
    spec = ".0%" if y_ticks[1] - y_ticks[0] > 0.009 else ".1%"
    x = charts.Axis(
        say(language, f"models.axis_{kind}"), {at: format_number(language, at, "g") for at in x_ticks}
    )
    y = charts.Axis(
        say(language, f"models.axis_{key}"), {at: format_number(language, at, spec) for at in y_ticks}
    )
    title = say(language, f"models.chart_{across}", score=say(language, f"models.{key}"))
    named = ", ".join(point.words for point in points)
    description = say(language, "models.chart_description", title=title, points=named)
    plot: Markup = charts.render_chart(description, x, y, charts.render_points(points, x, y))
    return {"title": title, "plot": plot, "names": [point.name for point in points]}


def _choose_axis(rows: Sequence[dict[str, Any]], speeds: Speeds) -> str:
    if all(row["name"] in speeds for row in rows):
        return "latency"
    return "card" if all(row.get("latency") for row in rows) else "parameters"


def _find_point(
    row: dict[str, Any], share: Share, column: Column, language: str, speeds: Speeds
) -> charts.Point:
    right, interval = share
    x = column.read(row, speeds) or 0.0
    across = format_number(language, x, column.spec) + column.unit
    told = f"{row['name']} {format_number(language, right, '.1%')}, {across}"
    return charts.Point(row["name"], told, x, right, *interval)
