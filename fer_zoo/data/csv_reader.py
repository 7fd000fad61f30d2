"""The challenge's CSV: columns emotion, pixels and Usage in any order, one face per row."""

import csv
import warnings
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fer_zoo.data.labels_and_splits import USAGES, Rows, build_rows
from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import DataError

COLUMNS = ("emotion", "pixels", "usage")
PIXELS = SIDE * SIDE
MAX_HEADER_BYTES = 65_536
_LABELS = {str(label): label for label in range(len(EMOTIONS))}
_USAGES = {usage: code for code, usage in enumerate(USAGES)}


def header_columns(line: bytes) -> list[str]:
    """Column names of a header line in lower case, without spaces and quotes."""
    return [name.strip().strip('"').lower() for name in line.decode("utf-8-sig", "replace").split(",")]


def read_csv(path: Path) -> Rows:
    """Read and check all rows. Raises DataError with file, row (the header is row 1) and reason."""
    rows: list[tuple[np.ndarray, int, int]] = []
    with path.open("rb") as file, warnings.catch_warnings():
        # Text that is not a number ends the array early: NumPy 2 warns, later versions raise.
        warnings.simplefilter("error", DeprecationWarning)
        columns = _find_columns(path, file)
        for number, line in enumerate(file, start=2):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            try:
                rows.append(_read_row(next(csv.reader([text]), []), columns))
            except (ValueError, csv.Error) as error:
                raise DataError(f"{path}, row {number} (the header is row 1): {error}") from None
    if not rows:
        raise DataError(f"{path}: has a header and no rows. Give the complete fer2013.csv (35,887 rows).")
    pixels, labels, usages = zip(*rows, strict=True)
    return build_rows(np.stack(pixels), list(labels), list(usages))


def _find_columns(path: Path, file: BinaryIO) -> list[int]:
    """Indices of emotion, pixels and Usage, then the number of columns."""
    names = header_columns(file.readline(MAX_HEADER_BYTES))
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise DataError(
            f"{path}: its columns are {', '.join(names)[:200]}; {' and '.join(missing)} is missing. "
            "Give the CSV with the columns emotion, pixels and Usage."
        )
    return [*(names.index(column) for column in COLUMNS), len(names)]


def _read_row(fields: list[str], columns: list[int]) -> tuple[np.ndarray, int, int]:
    """One face's pixels, label and usage code. Raises ValueError with the reason."""
    emotion, pixel, usage, width = columns
    if not any(field.strip() for field in fields):
        raise ValueError("the row is blank. Remove it.")
    if len(fields) != width:
        raise ValueError(f"{len(fields)} columns; the header has {width}.")
    label = _LABELS.get(fields[emotion].strip())
    if label is None:
        raise ValueError(f"emotion is {fields[emotion]!r:.60}; it must be a whole number from 0 to 6.")
    code = _USAGES.get(fields[usage].strip())
    if code is None:
        raise ValueError(f"Usage is {fields[usage]!r:.60}; it must be one of {', '.join(USAGES)}.")
    return _read_pixels(fields[pixel]), label, code


def _read_pixels(text: str) -> np.ndarray:
    """uint8 (2304,). Raises ValueError with the reason."""
    with suppress(ValueError, DeprecationWarning):
        values = np.fromstring(text, dtype=np.int64, sep=" ")
        if values.size == PIXELS and values.min() >= 0 and values.max() <= 255:
            return values.astype(np.uint8)
    words = text.split()
    if len(words) != PIXELS:
        raise ValueError(f"{len(words)} pixel values; a 48x48 face has {PIXELS}.")
    for number, word in enumerate(words, start=1):
        if not (word.isascii() and word.isdigit() and len(word) < 1000 and int(word) <= 255):
            raise ValueError(f"pixel {number} is {word!r:.60}; it must be a whole number from 0 to 255.")
    return np.array([int(word) for word in words], dtype=np.uint8)
