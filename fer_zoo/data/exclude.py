"""Faces to exclude from training, listed in a CSV that `fer-zoo data audit` writes or a person edits."""

import csv
import hashlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.labels_and_splits import PUBLIC, TRAINING, USAGES, parse_usage
from fer_zoo.errors import DataError

COLUMNS = ("split", "index")
REASON_COLUMN = "why"  # optional: kinds of findings, separated by REASON_SEPARATOR
REASON_SEPARATOR = "; "


def exclude_faces(dataset: FER2013, path: str | Path, kinds: Collection[str] = ()) -> FER2013:
    """The data without the faces that a CSV lists, and with a new fingerprint.

    PrivateTest is unchanged, so that scores remain comparable.

    Args:
        dataset: The data, read from the same file format as the CSV's indices.
        path: The CSV. `split` is Training or PublicTest, `index` the face's index in that split, from 0; the
            audit's `why` contains the kinds of its findings. Other columns are ignored.
        kinds: Exclude only the rows whose `why` has one of these kinds; by default all rows.

    Raises:
        DataError: The file cannot be read, or a row does not refer to a face.
    """
    splits = {TRAINING: dataset.training, PUBLIC: dataset.public_test}
    indices = _read_indices(
        Path(path).expanduser(), {code: len(faces) for code, faces in splits.items()}, set(kinds)
    )
    remaining, before = {}, {}
    for code, faces in splits.items():
        keep = _choose_kept(len(faces), indices[code], path, code)
        remaining[code] = faces.select(keep)
        whole, rows = dataset.before_exclusion.get(code, (faces, np.arange(len(faces))))
        before[code] = whole, rows[keep]
    listed = "".join(f" {USAGES[code]} {index}" for code in indices for index in sorted(indices[code]))
    digest = hashlib.sha256((dataset.fingerprint + listed).encode()).hexdigest()
    counts = " and ".join(f"{len(indices[code]):,} of {USAGES[code]}" for code in indices if indices[code])
    return replace(
        dataset,
        training=remaining[TRAINING],
        public_test=remaining[PUBLIC],
        fingerprint=digest[: len(dataset.fingerprint)],
        note=" ".join(filter(None, [dataset.note, f"{Path(path).name} leaves out {counts}."])),
        excluded=Path(path).name,
        before_exclusion=before,
    )


def _read_indices(path: Path, sizes: dict[int, int], kinds: set[str]) -> dict[int, set[int]]:
    indices: dict[int, set[int]] = {code: set() for code in sizes}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = (*COLUMNS, REASON_COLUMN) if kinds else COLUMNS
            if not set(columns) <= set(reader.fieldnames or ()):
                raise DataError(f"{path}: its first line must have the columns {', '.join(columns)}.")
            for row in reader:
                if kinds and not kinds & set((row[REASON_COLUMN] or "").split(REASON_SEPARATOR)):
                    continue
                code, index = _read_row(row, f"{path}, line {reader.line_num}", sizes)
                indices[code].add(index)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: cannot be read ({error}). Give a CSV with the columns split,index."
        ) from None
    if not any(indices.values()):
        suffix = f" of the kinds {', '.join(sorted(kinds))}" if kinds else ""
        raise DataError(f"{path}: lists no face{suffix}. Train without --exclude, or list faces to exclude.")
    return indices


def _read_row(row: dict[str, str | None], where: str, sizes: dict[int, int]) -> tuple[int, int]:
    split, index = ((row[column] or "").strip() for column in COLUMNS)
    code = parse_usage(split)
    if code not in sizes:
        raise DataError(f"{where}: split is {split!r}; allowed are Training and PublicTest.")
    # at most 9 digits: int() of a million digits takes seconds
    if not (index.isascii() and index.isdigit() and len(index) < 10 and int(index) < sizes[code]):
        raise DataError(
            f"{where}: index is {index[:20]!r}; allowed is a whole number from 0 to {sizes[code] - 1}, the "
            f"face's index in {USAGES[code]}."
        )
    return code, int(index)


def _choose_kept(count: int, indices: set[int], path: str | Path, code: int) -> np.ndarray:
    """bool (count,)."""
    keep = ~np.isin(np.arange(count), list(indices))
    if indices and not keep.any():
        raise DataError(f"{path}: leaves no face in {USAGES[code]}. List fewer faces.")
    return keep
