"""Faces to leave out of training, as a CSV that `fer-zoo data audit` writes or a person edits."""

import csv
import hashlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.labels_and_splits import PUBLIC, TRAINING, USAGES, parse_usage
from fer_zoo.errors import DataError

COLUMNS = ("split", "index")
WHY = "why"  # a third column of the audit: the kinds of findings, by REASON_SEPARATOR
REASON_SEPARATOR = "; "


def exclude_faces(dataset: FER2013, path: str | Path, kinds: Collection[str] = ()) -> FER2013:
    """The data without the faces that a CSV names: `split` is Training or PublicTest, `index` a face's index
    in that split (from 0), in the order in which this form of the data is read. kinds: only the rows whose
    column `why`, as the audit writes it, has one of them.

    More columns are passed over. PrivateTest stays whole, so that scores can be compared. The fingerprint
    becomes one of its own. Raises DataError for a file that cannot be read or a row that names no such face.
    """
    splits = {TRAINING: dataset.training, PUBLIC: dataset.public_test}
    places = _read_places(Path(path), {code: len(faces) for code, faces in splits.items()}, set(kinds))
    kept = {code: _leave_out(faces, places[code], path, code) for code, faces in splits.items()}
    named = "".join(f" {USAGES[code]} {index}" for code in places for index in sorted(places[code]))
    digest = hashlib.sha256((dataset.fingerprint + named).encode()).hexdigest()
    counts = " and ".join(f"{len(places[code]):,} of {USAGES[code]}" for code in places if places[code])
    return replace(
        dataset,
        training=kept[TRAINING],
        public_test=kept[PUBLIC],
        fingerprint=digest[: len(dataset.fingerprint)],
        note=" ".join(filter(None, [dataset.note, f"{Path(path).name} leaves out {counts}."])),
        excluded=Path(path).name,
    )


def _read_places(path: Path, sizes: dict[int, int], kinds: set[str]) -> dict[int, set[int]]:
    places: dict[int, set[int]] = {code: set() for code in sizes}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = (*COLUMNS, WHY) if kinds else COLUMNS
            if not set(columns) <= set(reader.fieldnames or ()):
                raise DataError(f"{path}: its first line must name the columns {', '.join(columns)}.")
            for row in reader:
                if kinds and not kinds & set((row[WHY] or "").split(REASON_SEPARATOR)):
                    continue
                code, index = _read_row(row, f"{path}, line {reader.line_num}", sizes)
                places[code].add(index)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: cannot be read ({error}). Name a CSV with the columns split,index."
        ) from None
    if not any(places.values()):
        sort = f" of the kinds {', '.join(sorted(kinds))}" if kinds else ""
        raise DataError(f"{path}: names no face{sort}. Train without --exclude, or name faces to leave out.")
    return places


def _read_row(row: dict[str, str | None], where: str, sizes: dict[int, int]) -> tuple[int, int]:
    split, index = ((row[column] or "").strip() for column in COLUMNS)
    code = parse_usage(split)
    if code not in sizes:
        raise DataError(f"{where}: split is {split!r}; allowed are Training and PublicTest.")
    # 9 digits at most: int() of a million digits takes seconds
    if not (index.isascii() and index.isdigit() and len(index) < 10 and int(index) < sizes[code]):
        raise DataError(
            f"{where}: index is {index[:20]!r}; allowed is a whole number from 0 to {sizes[code] - 1}, the "
            f"face's place in {USAGES[code]}."
        )
    return code, int(index)


def _leave_out(faces: Faces, places: set[int], path: str | Path, code: int) -> Faces:
    if not places:
        return faces
    keep = np.ones(len(faces), dtype=bool)
    keep[sorted(places)] = False
    if not keep.any():
        raise DataError(f"{path}: leaves no face in {USAGES[code]}. Name fewer faces.")
    return Faces(faces.pixels[keep], faces.labels[keep])
