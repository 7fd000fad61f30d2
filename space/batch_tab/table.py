"""The list of faces as CSV text."""

import csv
import io
from typing import Any

from fer_zoo import EMOTIONS

COLUMNS = ("image", "face", "x", "y", "width", "height", "score", "model", "answer", *EMOTIONS)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_table(results: list[dict[str, Any]]) -> str:
    """A row for each face and model. results: as `fer-zoo predict --json` prints them."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for result in results:
        for number, face in enumerate(result["faces"], 1):
            for model, named in face["models"].items():
                answer = max(named, key=lambda emotion: named[emotion])
                shares = (f"{named[emotion]:.6f}" for emotion in EMOTIONS)
                image = neutralize(result["image"])
                writer.writerow(
                    [image, number, *face["box"], face["score"], neutralize(model), answer, *shares]
                )
    return text.getvalue()


def neutralize(cell: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe before what could begin one (OWASP)."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
