"""The list of faces as HTML, and as CSV text."""

import csv
import io
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from batch_tab.dropped_pictures import MAX_PICTURES
from fer_zoo import EMOTIONS
from page.data_uris import encode_pixels
from page.limits import LARGEST_TOTAL, LARGEST_ZIP
from page.report import render_no_report, render_report
from page.words import describe_reading, say

MAX_ROWS = 300  # shown; a crop takes about 2 KB of the page
COLUMNS = ("image", "face", "x", "y", "width", "height", "score", "model", "answer")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class FaceRow(NamedTuple):
    """A face of a picture, counted from 1. number 0: no face was found in it. crop: uint8 (48, 48)."""

    picture: str
    number: int
    crop: np.ndarray | None
    models: dict[str, dict[str, float]]

    def find_top(self, model: str) -> tuple[str, float]:
        """The likeliest emotion and its probability."""
        return max(self.models[model].items(), key=lambda one: one[1])


def render_empty(language: str) -> str:
    megabytes = {"zip": LARGEST_ZIP // 1_000_000, "total": LARGEST_TOTAL // 1_000_000}
    return render_no_report("batch", say(language, "batch.empty", most=MAX_PICTURES, **megabytes), language)


def render_batch(results: list[dict[str, Any]], rows: list[FaceRow], language: str, note: str = "") -> str:
    """results: as `fer-zoo predict --json` prints them. note: what was not read, or nothing."""
    shown = rows[:MAX_ROWS]
    failures = dict(item for result in results for item in result.get("errors", {}).items())
    models = list(dict.fromkeys([*(name for row in shown for name in row.models), *failures]))
    faces = sum(len(result["faces"]) for result in results)
    tops = Counter(row.find_top(models[0])[0] for row in rows if models and models[0] in row.models)
    return render_report(
        "batch",
        say(language, "batch.summary", pictures=len(results), faces=faces),
        write_table(results),
        results,
        language,
        note=note,
        errors=[result["error"] for result in results if "error" in result],
        failures=failures,
        remarks=[
            (result["image"], told)
            for result in results
            if (told := describe_reading(language, result.get("faces_left_out", 0), result.get("turned", 0)))
        ],
        models=models,
        counts=dict(tops.most_common()),
        classes=list_classes(results),
        rows=shown,
        is_shortened=len(rows) > MAX_ROWS,
        encode=encode_pixels,
    )


def list_classes(results: list[dict[str, Any]]) -> list[str]:
    """All classes that the models know, in their order; the seven emotions where no face was read."""
    answers = [named for result in results for face in result["faces"] for named in face["models"].values()]
    return list(dict.fromkeys(name for named in answers for name in named)) or list(EMOTIONS)


def write_table(results: list[dict[str, Any]]) -> str:
    """A row for each face and model. results: as `fer-zoo predict --json` prints them."""
    text, classes = io.StringIO(), list_classes(results)
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, *map(neutralize, classes)])
    for result in results:
        for number, face in enumerate(result["faces"], 1):
            for model, named in face["models"].items():
                answer = max(named, key=named.__getitem__)
                image = neutralize(result["image"])
                found = [image, number, *face["box"], face["score"], neutralize(model), neutralize(answer)]
                writer.writerow(
                    [*found, *(f"{named[name]:.6f}" if name in named else "" for name in classes)]
                )
    return text.getvalue()


def neutralize(cell: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe before what could begin one (OWASP)."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
