"""FER2013 as image files, as Parquet with encoded images, or as NumPy arrays."""

import io
import json
import re
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fer_zoo.data.labels_and_splits import USAGES, Rows, build_rows, parse_label, parse_usage
from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import DataError, one_line
from fer_zoo.utils.images import read_photo, readable_formats, to_gray48

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".tif", ".tiff"}
# FER2013 has 35,887 faces of 2,304 bytes; a far larger file is a mistake or a decompression bomb.
MAX_ROWS, MAX_BYTES = 200_000, 1_000_000_000
MAX_BATCH_ROWS, MAX_BATCH_BYTES = 1000, 500_000_000  # of a Parquet file
CLASS_NAMES = f"{', '.join(EMOTIONS)}, or 0-6 in that order"
LAYOUT = f"train/<class>/* and test/<class>/* with the classes {', '.join(EMOTIONS)}"
MAX_NAMES = 8  # in a message


def class_folders(folder: Path) -> list[tuple[Path, int, int]]:
    """List each <split>/<class>/ folder with its usage code and label; empty for another layout.

    Raises DataError for an unknown class name beside known ones.
    """
    splits = [(entry, parse_usage(entry.name)) for entry in _visible_folders(folder)]
    entries = [
        (entry, usage) for split, usage in splits if usage is not None for entry in _visible_folders(split)
    ]
    labeled = [(entry, usage, parse_label(entry.name)) for entry, usage in entries]
    if all(label is None for _, _, label in labeled):
        return []
    return [(entry, usage, _known_label(label, entry)) for entry, usage, label in labeled]


def read_folder(folder: Path) -> Rows:
    """Read <split>/<class>/* in the order of the numbers in the file names; RGB is converted to gray.

    A file name's prefix Training_, PublicTest_ or PrivateTest_ overrides the split of the folder.
    Raises DataError with the file's name for an image that cannot be read or is not 48x48.
    """
    files = [
        (_usage_of(file, usage), label, file)
        for entry, usage, label in class_folders(folder)
        for file in entry.iterdir()
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".") and file.is_file()
    ]
    if not files:
        raise DataError(
            f"{folder}: its class folders contain no image. Allowed: {', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    files.sort(key=lambda row: (row[0], _numbers(row[2]), row[1], row[2].name))
    pixels = np.stack([_decode(path, str(path)) for _, _, path in files])
    return build_rows(pixels, [label for _, label, _ in files], [usage for usage, _, _ in files])


def read_parquet(files: Sequence[Path]) -> Rows:
    """Read Parquet files with the columns image, label and split.

    The image is bytes or a struct with bytes; the label a number or a name; the split a column, or the first
    word of the file name (train-00000-of-00002.parquet), or the folder (train/0000.parquet).
    Label numbers refer to the ClassLabel names stored in the file, if any, else to EMOTIONS.
    Raises DataError with file, row (from 1) and reason.
    """
    parts = [_read_parquet_file(file) for file in files]
    pixels, labels, usages = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return build_rows(pixels, labels, usages)


def read_npz(path: Path) -> Rows:
    """Read the arrays pixels uint8 (N, 48, 48), emotion (N,) and usage (N,) str. Raises DataError."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_BYTES:
            raise ValueError(f"over {MAX_BYTES:,} bytes unpacked")
        with np.load(path, allow_pickle=False) as arrays:
            pixels, emotion, usage = (arrays[name] for name in ("pixels", "emotion", "usage"))
        if not all(isinstance(array, np.ndarray) for array in (pixels, emotion, usage)):
            raise TypeError("an entry is not an array")  # NumPy returns its bytes
        for array in (emotion, usage):
            _check_text(array)
    except Exception as error:
        raise DataError(
            f"{path}: not an .npz with the arrays pixels, emotion and usage ({one_line(error)}). "
            "Unpack a ZIP first."
        ) from None
    count = len(pixels) if pixels.ndim else 0
    if pixels.dtype != np.uint8 or pixels.size != count * SIDE * SIDE or not count:
        raise DataError(f"{path}: pixels are {pixels.dtype} {pixels.shape}; they must be uint8 (N, 48, 48).")
    if emotion.shape != (count,) or usage.shape != (count,):
        raise DataError(
            f"{path}: {count} faces, but emotion has shape {emotion.shape} and usage {usage.shape}."
        )
    labels = [_read_label(value, f"{path}, row {row}") for row, value in enumerate(emotion.tolist(), start=1)]
    usages = [_read_usage(value, f"{path}, row {row}") for row, value in enumerate(usage.tolist(), start=1)]
    return build_rows(pixels, labels, usages)


def _check_text(array: np.ndarray) -> None:
    """Raise ValueError for invalid code points, of which NumPy makes strings that break Python."""
    if array.dtype.kind == "U" and array.nbytes:
        codes = np.ascontiguousarray(array).view(f"{array.dtype.byteorder}u4")
        if codes.max() > sys.maxunicode:
            raise ValueError(f"text with the invalid code point {codes.max():,}")


def _visible_folders(folder: Path) -> list[Path]:
    return [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]


def _usage_of(file: Path, folder_usage: int) -> int:
    prefix = re.match(rf"({'|'.join(USAGES)})_", file.name)
    return USAGES.index(prefix[1]) if prefix else folder_usage


def _numbers(file: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", file.stem)]


def _decode(image: Path | bytes, name: str) -> np.ndarray:
    """Decode an image to uint8 (48, 48). The size is checked before decoding."""
    from PIL import Image

    source = io.BytesIO(image) if isinstance(image, bytes) else image
    try:
        with Image.open(source, formats=readable_formats("PPM")) as opened:
            if opened.size != (SIDE, SIDE):
                width, height = opened.size
                raise DataError(f"{name}: {width}x{height} pixels; every face must be {SIDE}x{SIDE}.")
            if opened.mode == "L":
                return np.array(opened)
        return to_gray48(read_photo(image))
    except DataError:
        raise
    except Exception as error:  # decoders raise many types of errors for a damaged file
        raise DataError(f"{name}: not an image that can be read ({one_line(error)}).") from None


def _known_label(label: int | None, where: object) -> int:
    if label is None:
        raise DataError(f"{where}: not a class of FER2013. Allowed: {CLASS_NAMES}.")
    return label


def _read_label(value: Any, where: str) -> int:
    """Label of a class name or a number 0-6, also as text."""
    return _known_label(parse_label(str(value)), f"{where}: {value!r:.60}")


def _read_usage(value: Any, where: str) -> int:
    usage = parse_usage(str(value))
    if usage is None:
        raise DataError(f"{where}: split is {value!r:.60}; it must be Training, PublicTest or PrivateTest.")
    return usage


def _read_parquet_file(file: Path) -> tuple[np.ndarray, list[int], list[int]]:
    import pyarrow
    from pyarrow import parquet

    faces: list[tuple[np.ndarray, int, int]] = []
    try:
        with parquet.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20) as opened:
            batch_rows = _limit_batch_rows(file, opened.metadata)
            columns = _parquet_columns(file, opened.schema_arrow.names)
            names = _class_names(opened.schema_arrow, columns[1])
            present = [name for name in columns if name]
            for batch in opened.iter_batches(batch_rows, columns=present):
                for row in range(batch.num_rows):
                    image, label, *split = (batch.column(name)[row].as_py() for name in present)
                    where = f"{file}, row {len(faces) + 1}"
                    word = split[0] if split else _split_word(file)
                    faces.append(_read_parquet_row(image, label, word, names, columns[0], where))
    except (pyarrow.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{file}: not a Parquet file that can be read ({one_line(error)}).") from None
    pixels = np.stack([face for face, _, _ in faces]) if faces else np.empty((0, SIDE, SIDE), np.uint8)
    return pixels, [label for _, label, _ in faces], [usage for _, _, usage in faces]


def _read_parquet_row(
    image: Any, label: Any, split: Any, names: Sequence[str], column: str, where: str
) -> tuple[np.ndarray, int, int]:
    """Pixels, label and usage code. names: class names, if labels are their numbers."""
    encoded = image.get("bytes") if isinstance(image, dict) else image
    if not isinstance(encoded, bytes):
        raise DataError(f"{where}: the column {column!r} has no image bytes.")
    pixels = _decode(encoded, where)
    if names and isinstance(label, int) and 0 <= label < len(names):
        label = names[label]
    return pixels, _read_label(label, where), _read_usage(split, where)


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


def _split_word(file: Path) -> str:
    word = re.split(r"[-.]", file.name)[0]
    return word if parse_usage(word) is not None else file.parent.name


def _parquet_columns(file: Path, names: Sequence[str]) -> tuple[str, str, str | None]:
    """Names of the columns for image, label and split; the split may be absent."""
    known = (("image", "img", "img_bytes", "pixels"), ("label", "labels", "emotion"), ("split", "usage"))
    found = [next((name for name in names if name.lower() in spellings), None) for spellings in known]
    if found[0] is None or found[1] is None:
        raise DataError(
            f"{file}: its columns are {', '.join(names)[:200]}; required are image, label and, "
            "unless the file or folder name gives it, split."
        )
    return found[0], found[1], found[2]


def _class_names(schema: Any, label: str) -> list[str]:
    """Class names that the `datasets` library stores in the schema's metadata, if any."""
    stored = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    names = stored.get("info", {}).get("features", {}).get(label, {}).get("names", [])
    return [str(name) for name in names]


def explain_folder(folder: Path) -> str:
    """Describe a folder that nearly has FER2013's layout: other classes, no class folders, or one split.

    Returns one sentence, empty for any other folder.
    """
    if not folder.is_dir():
        return ""
    names = [entry.name for entry in _visible_folders(folder)]
    splits = [name for name in names if parse_usage(name) is not None]
    if splits:
        classes = sorted({entry.name for split in splits for entry in _visible_folders(folder / split)})
        found = "without class folders"
        if classes:
            found = f"with the classes {_list_some(classes)}, none of which is FER2013's"
        return f"{folder}: an image folder ({_list_some(splits)}) {found}. Required: {LAYOUT}."
    if classes := [name for name in names if parse_label(name) is not None]:
        return (
            f"{folder}: the class folders {_list_some(classes)} without a split, as in one part of FER2013: "
            f"train and test are missing. Give its parent folder. Required: {LAYOUT}."
        )
    return ""


def _list_some(names: list[str]) -> str:
    rest = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {rest} more" if rest > 0 else "")
