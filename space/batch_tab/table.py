"""The list of faces as CSV text."""

import csv
import io
from typing import Any

from fer_zoo import EMOTIONS

COLUMNS = ("image", "face", "x", "y", "width", "height", "score", "model", "answer")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


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
