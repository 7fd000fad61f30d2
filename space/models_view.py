"""The Models tab: what each model of the zoo measured on FER2013, in a table that sorts."""

from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup
from offered_models import list_offered

SCRIPT = Path(__file__).with_name("models_view.js")
SPLIT = "private"  # PrivateTest, one view of each face: the split that no choice was made on

# Heading, what it means, and how to read a row's number from its measurements (m) and its row of the zoo (r).
COLUMNS = (
    ("Accuracy", "share of right answers, with its 95 % interval", lambda m, r: m.get("accuracy")),
    ("Macro F1", "F1 averaged over the seven expressions", lambda m, r: m.get("macro_f1")),
    ("Calibration error", "mean gap between confidence and accuracy", lambda m, r: m.get("ece")),
    ("Parameters", "numbers learned, in millions", lambda m, r: r["params"] / 1e6),
    ("Input", "side of the picture that the network sees, in pixels", lambda m, r: r["input_size"]),
)
TABLE = Markup(
    '<p class="fz-about">{caption}</p><div class="fz-scroll" tabindex="0" role="group" '
    'aria-label="Table of models"><table class="fz-zoo"><thead><tr>{heads}</tr></thead>'
    "<tbody>{rows}</tbody></table></div>"
    '<dl class="fz-terms">{terms}</dl>'
)
HEAD = Markup(
    '<th scope="col" aria-sort="{order}"><button type="button" data-column="{index}">{title}</button></th>'
)
ROW = Markup('<tr><th scope="row">{name}<small>{note}</small></th>{cells}</tr>')
CELL = Markup('<td data-value="{value}">{shown}</td>')
TERM = Markup("<div><dt>{title}</dt><dd>{words}</dd></div>")


def build_models() -> None:
    """Call inside the page's Blocks."""
    gr.HTML(
        render_models(list_offered()),
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        elem_id="zoo",
        apply_default_css=False,
    )


def render_models(rows: list[dict[str, Any]]) -> str:
    """HTML of rows as `fer_zoo.list_models` gives them, the most accurate first."""
    ranked = sorted(rows, key=lambda row: -_measured(row).get("accuracy", 0))
    titles = ("Model", *(title for title, _, _ in COLUMNS))
    heads = [
        HEAD.format(index=index, title=title, order="descending" if title == "Accuracy" else "none")
        for index, title in enumerate(titles)
    ]
    return TABLE.format(
        caption=_describe_split(ranked),
        heads=Markup("").join(heads),
        rows=Markup("").join(_render_row(row) for row in ranked),
        terms=Markup("").join(TERM.format(title=title, words=words) for title, words, _ in COLUMNS),
    )


def _measured(row: dict[str, Any]) -> dict[str, Any]:
    return row["metrics"].get(SPLIT, {})


def _describe_split(rows: list[dict[str, Any]]) -> str:
    sizes = {_measured(row)["n"] for row in rows if _measured(row)}
    count = " and ".join(f"{size:,}" for size in sorted(sizes)) or "no"
    return f"On FER2013's PrivateTest: {count} faces, unused in training and in choosing, one view each."


def _render_row(row: dict[str, Any]) -> Markup:
    measured = _measured(row)
    cells = []
    for title, _, read in COLUMNS:
        value = read(measured, row)
        shown = "not measured" if value is None else _format_number(title, value)
        if title == "Accuracy" and "accuracy_ci95" in measured:
            low, high = measured["accuracy_ci95"]
            shown = Markup('{}<small class="fz-line">{:.1%} to {:.1%}</small>').format(shown, low, high)
        cells.append(CELL.format(value="" if value is None else value, shown=shown))
    return ROW.format(name=row["name"], note=row["note"], cells=Markup("").join(cells))


def _format_number(title: str, value: float) -> str:
    if title == "Parameters":
        return f"{value:.1f} M"
    return f"{value} px" if title == "Input" else f"{value:.1%}"
