"""Parquet files with encoded pictures: FER2013, or anybody's labeled faces."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fer_zoo.data.image_readers import (
    MAX_BYTES,
    MAX_ROWS,
    decode_face,
    measure_picture,
    read_label,
    read_usage,
)
from fer_zoo.data.labels_and_splits import UNSPLIT, Rows, build_rows, parse_label, parse_usage
from fer_zoo.data.own_faces import (
    LABEL_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    Sample,
    find_column,
    read_samples,
)
from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import DataError, one_line

MAX_BATCH_ROWS, MAX_BATCH_BYTES = 1000, 500_000_000
IMAGE_COLUMNS = ("image", "img", "img_bytes", "pixels", *PATH_COLUMNS)


class Row(NamedTuple):
    """A row as it is stored; split: None where neither a column nor a name gives it."""

    image: Any
    label: Any
    split: str | None
    where: str


def read_parquet(files: Sequence[Path]) -> Rows:
    """Read FER2013's Parquet files with the columns image, label and split.

    The image is bytes or a struct with bytes; the label a number or a name; the split a column, or the first
    word of the file name (train-00000-of-00002.parquet), or the folder (train/0000.parquet).
    Label numbers refer to the ClassLabel names stored in the file, if any, else to EMOTIONS.
    Raises DataError with file, row (from 1) and reason.
    """
    faces = [_decode_row(row) for file in files for row in _iterate_rows(file)]
    pixels = np.stack([face for face, _, _ in faces]) if faces else np.empty((0, SIDE, SIDE), np.uint8)
    return build_rows(pixels, [label for _, label, _ in faces], [usage for _, _, usage in faces])


def read_own_parquet(files: Sequence[Path], source: str) -> Rows:
    """Read pictures of any size and any classes; an image may be a path too. Raises DataError."""
    from pyarrow import parquet

    counts = []
    for file in files:
        with _explain_failure(file):
            counts.append(parquet.read_metadata(file).num_rows)
    samples = (_as_sample(row, file) for file in files for row in _iterate_rows(file))
    return read_samples(samples, sum(counts), source)


def holds_own_faces(files: Sequence[Path]) -> bool:
    """Whether readable files have no split, other labels than the seven emotions, or pictures of another size
    than 48x48, and so are not FER2013's. Labels that are numbers from 0 to 6 are FER2013's in 48x48 pixels.
    """
    from PIL import Image

    labels: set[str] = set()
    side = None
    try:
        for file in files:
            for row in _iterate_rows(file, with_images=side is None):
                if row.split is None:
                    return True
                if side is None and row.image is not None:
                    side = _measure(row.image, file)
                if side is not None:
                    break
            labels |= {str(row.label) for row in _iterate_rows(file, with_images=False)}
    except (DataError, OSError, Image.DecompressionBombError):
        return False  # the strict reader says what is wrong
    known = {parse_label(name) for name in labels}
    is_numbered = all(name.isdigit() for name in labels)
    is_fer2013 = None not in known and (is_numbered or len(known) == len(EMOTIONS))
    return bool(labels) and not (is_fer2013 and side in ((SIDE, SIDE), None))


def _measure(image: Any, file: Path) -> tuple[int, int] | None:
    picture = _find_picture(image, file)
    if isinstance(picture, bytes):
        return measure_picture(picture)
    return (0, 0) if picture else None


def _iterate_rows(file: Path, with_images: bool = True) -> Iterator[Row]:
    from pyarrow import parquet

    number = 0
    with (
        _explain_failure(file),
        parquet.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20) as opened,
    ):
        batch_rows = _limit_batch_rows(file, opened.metadata)
        image, label, split = _find_columns(file, opened.schema_arrow.names)
        names = _class_names(opened.schema_arrow, label)
        wanted = [name for name in (image if with_images else None, label, split) if name]
        for batch in opened.iter_batches(batch_rows, columns=wanted):
            for row in range(batch.num_rows):
                cells = {name: batch.column(name)[row].as_py() for name in wanted}
                value, number = cells[label], number + 1
                if names and isinstance(value, int) and 0 <= value < len(names):
                    value = names[value]
                word = str(cells[split]) if split else _split_word(file)
                yield Row(cells.get(image), value, word, f"{file}, row {number}")


@contextmanager
def _explain_failure(file: Path) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{file}: not a Parquet file that can be read ({one_line(error)}).") from None


def _decode_row(row: Row) -> tuple[np.ndarray, int, int]:
    """Pixels, label and usage code."""
    encoded = row.image.get("bytes") if isinstance(row.image, dict) else row.image
    if not isinstance(encoded, bytes):
        raise DataError(f"{row.where}: the image column has no image bytes.")
    return decode_face(encoded, row.where), read_label(row.label, row.where), read_usage(row.split, row.where)


def _as_sample(row: Row, file: Path) -> Sample:
    picture, label = _find_picture(row.image, file), "" if row.label is None else str(row.label).strip()
    usage = UNSPLIT if row.split is None else parse_usage(row.split)
    if picture is None or not label or usage is None:
        given = f"the split {row.split!r:.60}" if usage is None else "no image or no label"
        raise DataError(f"{row.where}: {given}; a row needs an image (bytes or a path) and a label.")
    name = str(picture) if isinstance(picture, Path) else row.where
    return Sample(picture, label, usage, name.removeprefix(f"{file.parent}/"))


def _find_picture(image: Any, file: Path) -> Path | bytes | None:
    """Bytes, or a path beside the Parquet file, of a cell; None for anything else."""
    if isinstance(image, dict):
        image = image.get("bytes") or image.get("path")
    if isinstance(image, str) and image:
        return file.parent / image
    return image if isinstance(image, bytes) else None


def _limit_batch_rows(file: Path, metadata: Any) -> int:
    """Rows to read at once: dictionary encoding stores a repeated value once, so each row may be as large as
    its whole row group. Raises DataError for a file that is too large.
    """
    sizes = [metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups)]
    if metadata.num_rows > MAX_ROWS or sum(sizes) > MAX_BYTES or min(sizes, default=0) < 0:
        raise DataError(
            f"{file}: {metadata.num_rows:,} rows, {sum(sizes):,} bytes unpacked; allowed are "
            f"{MAX_ROWS:,} rows and {MAX_BYTES:,} bytes."
        )
    return max(1, min(MAX_BATCH_ROWS, MAX_BATCH_BYTES // max(1, max(sizes, default=1))))


def _split_word(file: Path) -> str | None:
    """From the name of the file, or of its folder."""
    words = (re.split(r"[-._]", file.name)[0], file.parent.name)
    return next((word for word in words if parse_usage(word) is not None), None)


def _find_columns(file: Path, names: Sequence[str]) -> tuple[str, str, str | None]:
    """Names of the columns for image, label and split; the split may be absent."""
    image, label, split = (
        find_column(names, known) for known in (IMAGE_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS)
    )
    if image is None or label is None:
        raise DataError(
            f"{file}: its columns are {', '.join(names)[:200]}; required are image, label and, "
            "unless the file or folder name gives it, split."
        )
    return image, label, split


def _class_names(schema: Any, label: str) -> list[str]:
    """Class names that the `datasets` library stores in the schema's metadata, if any."""
    stored = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    names = stored.get("info", {}).get("features", {}).get(label, {}).get("names", [])
    return [str(name) for name in names]
