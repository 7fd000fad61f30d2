"""All models as a table that sorts and a chart. Markup.format escapes every text in it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from models_tab.chart import Axis, Point, choose_ticks, render_chart, render_points
from page import words

SPLIT = "private"  # PrivateTest, one view of each face: the split that no choice was made on

PAGE = Markup(
    '<p class="fz-about">{caption}</p><div class="fz-scroll" tabindex="0" role="group" aria-label="{label}">'
    '<table class="fz-zoo"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    '<dl class="fz-terms">{terms}</dl><div class="fz-speed">{speed}</div>{chart}'
)
HEAD = Markup(
    '<th scope="col" aria-sort="{order}"><button type="button" data-column="{index}">{title}</button></th>'
)
ROW = Markup(
    '<tr><th scope="row"><button type="button" class="fz-link" data-model="{name}">{shown}</button>'
    "<small>{note}</small></th>{cells}</tr>"
)
CELL = Markup('<td data-value="{value}">{shown}</td>')
INTERVAL = Markup('{}<small class="fz-line">{}</small>')
TERM = Markup("<div><dt>{title}</dt><dd>{words}</dd></div>")
MEASURE = Markup('<button type="button" class="fz-button" data-act="submit">{}</button>')
MEASURED = Markup('<p class="fz-about" role="status">{}</p>')
CHART = Markup("<section><h3>{title}</h3>{chart}</section>")


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
    keys = ("model", *(column.key for column in COLUMNS))
    heads = [
        HEAD.format(
            index=index,
            title=words.say(language, f"models.{key}"),
            order="descending" if key == "accuracy" else "none",
        )
        for index, key in enumerate(keys)
    ]
    terms = [
        TERM.format(
            title=words.say(language, f"models.{key}"), words=words.say(language, f"models.{key}_means")
        )
        for key in keys[1:]
    ]
    return PAGE.format(
        caption=_describe_split(ranked, language),
        label=words.say(language, "models.table"),
        heads=Markup("").join(heads),
        rows=Markup("").join(_render_row(row, language, speeds) for row in ranked),
        speed=_render_speed(ranked, language, speeds),
        chart=_render_chart(ranked, language, speeds),
        terms=Markup("").join(terms),
    )


def _describe_split(rows: Sequence[dict[str, Any]], language: str) -> str:
    sizes = sorted({read_score(row)["n"] for row in rows if read_score(row)})
    counts = words.say(language, "models.and").join(
        words.format_number(language, size, ",d") for size in sizes
    )
    return words.say(language, "models.caption", count=counts or words.say(language, "models.nobody"))


def _render_row(row: dict[str, Any], language: str, speeds: Speeds) -> Markup:
    cells = []
    for column in COLUMNS:
        value = column.read(row, speeds)
        if value is None:
            cells.append(CELL.format(value="", shown=words.say(language, "models.missing")))
            continue
        shown: str = words.format_number(language, value, column.spec) + column.unit
        if column.key == "accuracy":
            low, high = (
                words.format_number(language, end, ".1%") for end in read_score(row)["accuracy_ci95"]
            )
            shown = INTERVAL.format(shown, words.say(language, "models.interval", low=low, high=high))
        cells.append(CELL.format(value=value, shown=shown))
    note = words.translate_note(language, row["note"])
    shown = Markup("_<wbr>").join(row["name"].split("_"))
    return ROW.format(name=row["name"], shown=shown, note=note, cells=Markup("").join(cells))


def _render_speed(rows: Sequence[dict[str, Any]], language: str, speeds: Speeds) -> Markup:
    """How speed was measured, or the button that measures it."""
    if any(row["name"] not in speeds for row in rows):
        return MEASURE.format(words.say(language, "models.measure"))
    threads = max((speed["threads"] for speed in speeds.values()), default=1)
    return MEASURED.format(words.say(language, "models.measured", threads=threads))


def _render_chart(rows: Sequence[dict[str, Any]], language: str, speeds: Speeds) -> Markup:
    """Accuracy against time where every measured model has one, else against parameters."""
    scored = [row for row in rows if read_score(row)]
    if not scored:
        return Markup("")
    timed = all(row["name"] in speeds for row in scored)
    kind = "latency" if timed else "parameters"
    column = next(column for column in COLUMNS if column.key == kind)
    points = [_find_point(row, column, language, speeds) for row in scored]
    x_ticks = choose_ticks(0, max(point.x for point in points))
    y_ticks = choose_ticks(min(point.low for point in points), max(point.high for point in points))
    x = Axis(
        words.say(language, f"models.axis_{kind}"),
        {at: words.format_number(language, at, "g") for at in x_ticks},
    )
    spec = ".0%" if y_ticks[1] - y_ticks[0] > 0.009 else ".1%"
    y = Axis(
        words.say(language, "models.axis_accuracy"),
        {at: words.format_number(language, at, spec) for at in y_ticks},
    )
    title = words.say(language, f"models.chart_{kind}")
    named = ", ".join(point.words for point in points)
    description = words.say(language, "models.chart_description", title=title, points=named)
    return CHART.format(title=title, chart=render_chart(description, x, y, render_points(points, x, y)))


def _find_point(row: dict[str, Any], column: Column, language: str, speeds: Speeds) -> Point:
    score = read_score(row)
    x = column.read(row, speeds) or 0.0
    accuracy = words.format_number(language, score["accuracy"], ".1%")
    across = words.format_number(language, x, column.spec) + column.unit
    told = f"{row['name']} {accuracy}, {across}"
    return Point(row["name"], told, x, score["accuracy"], *score["accuracy_ci95"])
