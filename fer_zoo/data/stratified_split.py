"""The splits of data that comes without them: drawn by class from the faces' content, and kept with a run."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_zoo.data.labels_and_splits import (
    PRIVATE,
    PUBLIC,
    TEST,
    TRAINING,
    UNSPLIT,
    USAGES,
    VALIDATION,
    Rows,
    parse_usage,
)
from fer_zoo.errors import DataError
from fer_zoo.utils.files import as_utf8, write_csv

SPLIT_NAME = "split.csv"
COLUMNS = ("file", "split", "sha256")
HELD_OUT = 0.1  # of each class, for PublicTest and for PrivateTest each
MAX_BYTES = 200_000_000  # of a split.csv; a million faces take 100 MB


def digest_face(face: np.ndarray) -> str:
    """16 hex digits that identify the pixels of a face."""
    return hashlib.sha256(face.tobytes()).hexdigest()[:16]


def draw_splits(
    rows: Rows, source: str, seed: int = 0, kept: Mapping[str, int] | None = None
) -> tuple[Rows, str, int | None]:
    """Rows in which each face has one of three usages, a note on what was drawn, and the seed; without a draw
    an empty note and None.

    A split that the data lacks is drawn from the others' faces: a tenth of each class, at least one face of
    three. The draw depends on the seed and on the pixels alone, so the names and the order of the files do
    not matter, and equal faces of one class stay together. Data that has held-out faces alone gets no
    Training.

    source: for the note. kept: usage codes by `digest_face`, from a run's split.csv, instead of a draw. Other
    faces, which the run has not seen, become PrivateTest.
    """
    usages = rows.usages.copy()
    usages[usages == VALIDATION] = PUBLIC
    usages[usages == TEST] = PRIVATE
    pool = np.isin(usages, (UNSPLIT, TRAINING))
    missing = [code for code in (PUBLIC, PRIVATE) if not (usages == code).any()]
    if not pool.any() or not missing:
        return replace(rows, usages=usages), "", None
    digests = [digest_face(face) for face in rows.pixels]
    if kept is not None:
        usages[pool] = [kept.get(digests[index], PRIVATE) for index in np.flatnonzero(pool)]
        return replace(rows, usages=usages), f"{source}: split as in the run's {SPLIT_NAME}.", seed
    usages[pool] = TRAINING
    for label in np.unique(rows.labels[pool]):
        members = np.flatnonzero(pool & (rows.labels == label)).tolist()
        ranks = {
            digests[index]: hashlib.sha256(f"{seed} {digests[index]}".encode()).digest() for index in members
        }
        ordered = sorted(members, key=lambda index: (ranks[digests[index]], index))
        _hold_out(usages, ordered, digests, missing)
    counts = " and ".join(f"{int((usages == code).sum()):,} {USAGES[code]}" for code in missing)
    note = f"{source}: {counts} faces were drawn by class (seed {seed}), since the data has no such split."
    return replace(rows, usages=usages), note, seed


def _hold_out(
    usages: np.ndarray, ordered: Sequence[int], digests: Sequence[str], missing: Sequence[int]
) -> None:
    """Give the first faces of a class to the missing usages; equal faces are neighbors and go together."""
    size = max(1, round(HELD_OUT * len(ordered)))
    position = 0
    for code in missing[: max(0, len(ordered) - 1)]:
        end = min(position + size, len(ordered) - 1)
        while end < len(ordered) and digests[ordered[end]] == digests[ordered[end - 1]]:
            end += 1
        if end == len(ordered):
            return  # the class is copies of few faces: none is left for Training
        usages[list(ordered[position:end])] = code
        position = end


def write_split(path: Path, splits: Mapping[int, tuple[np.ndarray, Sequence[str]]]) -> None:
    """Write split.csv: file, split and sha256 of each face. splits: pixels (N, 1, 48, 48), names by usage."""
    rows = [
        (as_utf8(names[index]) if names else "", USAGES[code], digest_face(face))
        for code, (pixels, names) in splits.items()
        for index, face in enumerate(pixels)
    ]
    write_csv(path, [COLUMNS, *rows])


def read_split(path: Path) -> dict[str, int]:
    """Usage codes by `digest_face` from a run's split.csv. Raises DataError."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it is over {MAX_BYTES:,} bytes")
        with path.open(newline="", encoding="utf-8") as file:
            codes = {row["sha256"]: parse_usage(row["split"]) for row in csv.DictReader(file)}
        return {digest: code for digest, code in codes.items() if code in (TRAINING, PUBLIC, PRIVATE)}
    except (OSError, KeyError, AttributeError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: not a run's {SPLIT_NAME} ({type(error).__name__}: {error}).") from None
