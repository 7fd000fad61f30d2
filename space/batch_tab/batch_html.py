"""The list of faces as HTML. Markup.format escapes every text in it."""

import json
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from batch_tab.dropped_pictures import MAX_PICTURES
from batch_tab.table import write_table
from fer_zoo.emotions import COLORS
from page import words
from page.data_uris import encode_pixels
from page.limits import LARGEST_TOTAL, LARGEST_ZIP
from page.remarks import describe_reading
from page.report import render_no_report, render_report

if TYPE_CHECKING:
    import numpy as np

MAX_ROWS = 300  # shown; a crop takes about 2 KB of the page

FAULTS = Markup('<section class="fz-faults"><h4>{title}</h4><ul>{items}</ul></section>')
ITEM = Markup("<li>{}</li>")
NOTE = Markup('<p class="fz-about">{}</p>')
TABLE = Markup(
    '<div class="fz-scroll" tabindex="0" role="group" aria-label="{label}">'
    '<table class="fz-faces"><thead><tr><th scope="col">{crop}</th><th scope="col">{picture}</th>{heads}</tr>'
    "</thead><tbody>{rows}</tbody></table></div>"
)
HEAD = Markup('<th scope="col">{}</th>')
ROW = Markup('<tr><td>{crop}</td><th scope="row">{name}<small>{note}</small></th>{cells}</tr>')
CROP = Markup('<img src="{source}" alt="{words}" width="48" height="48" loading="lazy">')
CELL = Markup('<td style="--emotion:{color}"><i class="fz-swatch"></i>{emotion} <span>{share}</span></td>')


class FaceRow(NamedTuple):
    """A face of a picture, counted from 1. number 0: no face was found in it. crop: uint8 (48, 48)."""

    picture: str
    number: int
    crop: "np.ndarray | None"
    models: dict[str, dict[str, float]]


def render_empty(language: str) -> str:
    megabytes = {"zip": LARGEST_ZIP // 1_000_000, "total": LARGEST_TOTAL // 1_000_000}
    empty = words.say(language, "batch.empty", most=MAX_PICTURES, **megabytes)
    return render_no_report(empty, words.say(language, "batch.privacy"))


def render_batch(results: list[dict[str, Any]], rows: list[FaceRow], language: str, note: str = "") -> str:
    """results: as `fer-zoo predict --json` prints them. note: what was not read, or nothing."""
    say = partial(words.say, language)
    faults = [result["error"] for result in results if "error" in result]
    faces = sum(len(result["faces"]) for result in results)
    read = ("faces_left_out", "turned")
    remarks = [
        (result["image"], describe_reading(language, **{key: result[key] for key in read if key in result}))
        for result in results
    ]
    listing = json.dumps(results, indent=2, ensure_ascii=False)
    body = [
        NOTE.format(note) if note else Markup(""),
        _render_faults(faults, say("batch.faults", count=len(faults))),
        *(NOTE.format(f"{name}: {told}") for name, told in remarks if told),
        _render_table(rows[:MAX_ROWS], language) if rows else Markup(""),
        NOTE.format(say("batch.shortened", shown=MAX_ROWS)) if len(rows) > MAX_ROWS else Markup(""),
    ]
    summary = say("batch.summary", pictures=len(results), faces=faces)
    table = write_table(results)
    return render_report(summary, table, listing, Markup("").join(body), say("batch.privacy"), language)


def _render_faults(faults: list[str], title: str) -> Markup:
    if not faults:
        return Markup("")
    return FAULTS.format(title=title, items=Markup("").join(ITEM.format(fault) for fault in faults))


def _render_table(rows: list[FaceRow], language: str) -> Markup:
    say = partial(words.say, language)
    models = list(dict.fromkeys(name for row in rows for name in row.models))
    return TABLE.format(
        label=say("batch.table"),
        crop=say("batch.crop"),
        picture=say("batch.picture"),
        heads=Markup("").join(HEAD.format(name) for name in models),
        rows=Markup("").join(_render_row(row, models, language) for row in rows),
    )


def _render_row(row: FaceRow, models: list[str], language: str) -> Markup:
    say = partial(words.say, language)
    if row.crop is None:
        cells = Markup("<td></td>") * len(models)
        return ROW.format(crop="", name=row.picture, note=say("batch.no_face"), cells=cells)
    alt = say("batch.crop_words", number=row.number, name=row.picture)
    return ROW.format(
        crop=CROP.format(source=encode_pixels(row.crop), words=alt),
        name=row.picture,
        note=say("batch.face", number=row.number),
        cells=Markup("").join(_render_cell(row.models[name], language) for name in models),
    )


def _render_cell(named: dict[str, float], language: str) -> Markup:
    top = max(named, key=lambda emotion: named[emotion])
    name = words.say(language, f"emotion.{top}")
    return CELL.format(
        color=COLORS[top], emotion=name, share=words.format_number(language, named[top], ".0%")
    )
