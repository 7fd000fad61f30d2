"""The challenge's CSV: columns emotion, pixels and Usage in any order, one face per row."""

import csv
import warnings
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fer_zoo.data.labels_and_splits import USAGES, Rows, build_rows
from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import DataError

COLUMNS = ("emotion", "pixels", "usage")
PIXELS = SIDE * SIDE
MAX_HEADER_BYTES = 65_536
_BATCH_ROWS = 256  # 2 MB of text; 1.4 s for the whole file, 1.9 s with 64 rows
_LABELS = {str(label).encode(): label for label in range(len(EMOTIONS))}
_USAGES = {usage.encode(): code for code, usage in enumerate(USAGES)}


def header_columns(line: bytes) -> list[str]:
    """Column names of a header line in lower case, without spaces and quotes."""
    return [name.strip().strip('"').lower() for name in line.decode("utf-8-sig", "replace").split(",")]


def read_csv(path: Path) -> Rows:
    """Read and check all rows. Raises DataError with file, row (the header is row 1) and reason."""
    pixels, labels, usages = [], [], []
    with path.open("rb") as file:
        columns = _find_columns(path, file)
        first_row = 2
        while lines := list(islice(file, _BATCH_ROWS)):
            batch = _read_fast(lines, columns) or _read_slow(lines, columns, path, first_row)
            pixels.append(batch.pixels)
            labels.append(batch.labels)
            usages.append(batch.usages)
            first_row += len(lines)
    if not pixels:
        raise DataError(f"{path}: has a header and no rows. Give the complete fer2013.csv (35,887 rows).")
    return build_rows(np.concatenate(pixels), np.concatenate(labels), np.concatenate(usages))


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


def _read_fast(lines: list[bytes], columns: list[int]) -> Rows | None:
    """The fast path, for valid rows without quotes; None for any other batch."""
    emotion, pixel, usage, width = columns
    fields = [line.rstrip(b"\r\n").split(b",") for line in lines]
    if any(len(row) != width or row[pixel].count(b" ") != PIXELS - 1 for row in fields):
        return None
    labels = [_LABELS.get(row[emotion]) for row in fields]
    usages = [_USAGES.get(row[usage]) for row in fields]
    if None in labels or None in usages:
        return None
    try:
        with warnings.catch_warnings():
            # Text that is not a number ends the array early: NumPy 2 warns, later versions raise.
            warnings.simplefilter("error")
            values = np.fromstring(b" ".join(row[pixel] for row in fields), dtype=np.int64, sep=" ")
    except (DeprecationWarning, ValueError):
        return None
    if values.size != PIXELS * len(lines) or values.min() < 0 or values.max() > 255:
        return None
    return build_rows(values, np.array(labels), np.array(usages))


def _read_slow(lines: list[bytes], columns: list[int], path: Path, first_row: int) -> Rows:
    """The slow path: accepts quoted fields and extra spaces, and reports the first error."""
    text = [line.decode("utf-8", "replace").rstrip("\r\n") for line in lines]
    pixels, labels, usages = [], [], []
    for row, line in enumerate(text, start=first_row):
        try:
            values, label, usage = _read_row(next(csv.reader([line]), []), columns)
        except (ValueError, csv.Error) as error:
            raise DataError(f"{path}, row {row} (the header is row 1): {error}") from None
        pixels.append(values)
        labels.append(label)
        usages.append(usage)
    return build_rows(np.array(pixels), labels, usages)


def _read_row(fields: list[str], columns: list[int]) -> tuple[list[int], int, int]:
    """One face's pixels, label and usage code. Raises ValueError with the reason."""
    emotion, pixel, usage, width = columns
    if not any(field.strip() for field in fields):
        raise ValueError("the row is blank. Remove it.")
    if len(fields) != width:
        raise ValueError(f"{len(fields)} columns; the header has {width}.")
    label = _LABELS.get(fields[emotion].strip().encode())
    if label is None:
        raise ValueError(f"emotion is {fields[emotion]!r:.60}; it must be a whole number from 0 to 6.")
    code = _USAGES.get(fields[usage].strip().encode())
    if code is None:
        raise ValueError(f"Usage is {fields[usage]!r:.60}; it must be one of {', '.join(USAGES)}.")
    words = fields[pixel].split()
    if len(words) != PIXELS:
        raise ValueError(f"{len(words)} pixel values; a 48x48 face has {PIXELS}.")
    for number, word in enumerate(words, start=1):
        if not (word.isascii() and word.isdigit() and len(word) < 1000 and int(word) <= 255):
            raise ValueError(f"pixel {number} is {word!r:.60}; it must be a whole number from 0 to 255.")
    return [int(word) for word in words], label, code
