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
from fer_zoo.errors import DataError
from fer_zoo.utils.images import FORMATS, read_photo, to_gray48

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".tif", ".tiff"}
# FER2013 has 35,887 faces of 2,304 bytes; what is far larger is a mistake, or packed to fill the memory.
MAX_ROWS, MAX_BYTES = 200_000, 1_000_000_000
ROWS_AT_ONCE, BYTES_AT_ONCE = 1000, 500_000_000  # of a Parquet file
CLASS_NAMES = f"{', '.join(EMOTIONS)}, or 0-6 in that order"


def class_folders(folder: Path) -> list[tuple[Path, int, int]]:
    """Each <split>/<class>/ folder with its usage code and label; empty if the folder is not of that form.

    Raises DataError for a class folder with an unknown name beside known ones.
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
    """Faces of <split>/<class>/* in the order of the numbers in their names, gray; RGB files are converted.

    A name that begins with Training_, PublicTest_ or PrivateTest_ decides the split, else the folder does.
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
            f"{folder}: its class folders hold no image. Allowed: {', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    files.sort(key=lambda row: (row[0], _numbers(row[2]), row[1], row[2].name))
    pixels = np.stack([_decode(path, str(path)) for _, _, path in files])
    return build_rows(pixels, [label for _, label, _ in files], [usage for usage, _, _ in files])


def read_parquet(files: Sequence[Path]) -> Rows:
    """Faces of Parquet files whose columns are an encoded image, a label and a split.

    The image is bytes or a struct with bytes; the label a number or a name; the split a column, or the first
    word of the file's name (train-00000-of-00002.parquet), or its folder (train/0000.parquet).
    Numbers follow the ClassLabel names stored in the file, if any, else EMOTIONS.
    Raises DataError with file, row (the first is 1) and fault.
    """
    parts = [_read_parquet_file(file) for file in files]
    pixels, labels, usages = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return build_rows(pixels, labels, usages)


def read_npz(path: Path) -> Rows:
    """Arrays pixels uint8 (N, 48, 48), emotion (N,) and usage (N,) str. Raises DataError if one is wrong."""
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_BYTES:
            raise ValueError(f"over {MAX_BYTES:,} bytes unpacked")
        with np.load(path, allow_pickle=False) as arrays:
            pixels, emotion, usage = (arrays[name] for name in ("pixels", "emotion", "usage"))
        if not all(isinstance(array, np.ndarray) for array in (pixels, emotion, usage)):
            raise TypeError("an entry is no array")  # NumPy gives the bytes of one that is not
        for array in (emotion, usage):
            _check_text(array)
    except Exception as fault:
        reason = " ".join(str(fault).split())[:200]
        raise DataError(
            f"{path}: not an .npz with the arrays pixels, emotion and usage ({reason}). Unpack a ZIP first."
        ) from None
    count = len(pixels) if pixels.ndim else 0
    if pixels.dtype != np.uint8 or pixels.size != count * SIDE * SIDE or not count:
        raise DataError(f"{path}: pixels are {pixels.dtype} {pixels.shape}; they must be uint8 (N, 48, 48).")
    if emotion.shape != (count,) or usage.shape != (count,):
        raise DataError(
            f"{path}: {count} faces, but emotion has shape {emotion.shape} and usage {usage.shape}."
        )
    labels = [_labelled(value, f"{path}, row {row}") for row, value in enumerate(emotion.tolist(), start=1)]
    usages = [_split(value, f"{path}, row {row}") for row, value in enumerate(usage.tolist(), start=1)]
    return build_rows(pixels, labels, usages)


def _check_text(array: np.ndarray) -> None:
    """Raises ValueError for numbers that are no characters: NumPy makes strings of them that break Python."""
    if array.dtype.kind == "U" and array.nbytes:
        codes = np.ascontiguousarray(array).view(f"{array.dtype.byteorder}u4")
        if codes.max() > sys.maxunicode:
            raise ValueError(f"text with the character number {codes.max():,}")


def _visible_folders(folder: Path) -> list[Path]:
    return [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]


def _usage_of(file: Path, folder_usage: int) -> int:
    named = re.match(rf"({'|'.join(USAGES)})_", file.name)
    return USAGES.index(named[1]) if named else folder_usage


def _numbers(file: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", file.stem)]


def _decode(image: Path | bytes, name: str) -> np.ndarray:
    """uint8 (48, 48) of an encoded image. The size is checked before anything is decoded."""
    from PIL import Image

    Image.init()
    # Among all the forms that Pillow knows there are some, such as EPS, for which it starts another program.
    readable = [form for form in (*FORMATS, "PPM") if form in Image.OPEN]
    try:
        with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image, formats=readable) as opened:
            if opened.size != (SIDE, SIDE):
                width, height = opened.size
                raise DataError(f"{name}: {width}x{height} pixels; every face must be {SIDE}x{SIDE}.")
            if opened.mode == "L":
                return np.array(opened)
        return to_gray48(read_photo(image))
    except DataError:
        raise
    except Exception as fault:  # decoders raise errors of many kinds for a damaged file
        reason = " ".join(str(fault).split())[:200] or type(fault).__name__
        raise DataError(f"{name}: not an image that can be read ({reason}).") from None


def _known_label(label: int | None, where: object) -> int:
    if label is None:
        raise DataError(f"{where}: not a class of FER2013. Allowed: {CLASS_NAMES}.")
    return label


def _labelled(value: Any, where: str) -> int:
    """Label of a class name, of a number 0-6, or of the same as text."""
    return _known_label(parse_label(str(value)), f"{where}: {value!r:.60}")


def _split(value: Any, where: str) -> int:
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
            rows_at_once = _bound_rows(file, opened.metadata)
            columns = _parquet_columns(file, opened.schema_arrow.names)
            names = _class_names(opened.schema_arrow, columns[1])
            wanted = [name for name in columns if name]
            for batch in opened.iter_batches(rows_at_once, columns=wanted):
                for row in range(batch.num_rows):
                    image, label, *split = (batch.column(name)[row].as_py() for name in wanted)
                    where = f"{file}, row {len(faces) + 1}"
                    word = split[0] if split else _split_word(file)
                    faces.append(_read_parquet_row(image, label, word, names, columns[0], where))
    except (pyarrow.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as fault:
        reason = " ".join(str(fault).split())[:200]
        raise DataError(f"{file}: not a Parquet file that can be read ({reason}).") from None
    pixels = np.stack([face for face, _, _ in faces]) if faces else np.empty((0, SIDE, SIDE), np.uint8)
    return pixels, [label for _, label, _ in faces], [usage for _, _, usage in faces]


def _read_parquet_row(
    image: Any, label: Any, split: Any, names: Sequence[str], column: str, where: str
) -> tuple[np.ndarray, int, int]:
    """Pixels, label and usage code. names: of the classes, where labels are their numbers."""
    encoded = image.get("bytes") if isinstance(image, dict) else image
    if not isinstance(encoded, bytes):
        raise DataError(f"{where}: the column {column!r} holds no image bytes.")
    pixels = _decode(encoded, where)
    if names and isinstance(label, int) and 0 <= label < len(names):
        label = names[label]
    return pixels, _labelled(label, where), _split(split, where)


def _bound_rows(file: Path, metadata: Any) -> int:
    """Rows to have in memory at once: a dictionary holds a value once, however many rows have it, so each row
    may be as large as its whole row group. Raises DataError for a file that is too large.
    """
    sizes = [metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups)]
    if metadata.num_rows > MAX_ROWS or sum(sizes) > MAX_BYTES or min(sizes, default=0) < 0:
        raise DataError(
            f"{file}: {metadata.num_rows:,} rows, {sum(sizes):,} bytes unpacked; allowed are "
            f"{MAX_ROWS:,} rows and {MAX_BYTES:,} bytes."
        )
    return max(1, min(ROWS_AT_ONCE, BYTES_AT_ONCE // max(1, max(sizes, default=1))))


def _split_word(file: Path) -> str:
    word = re.split(r"[-.]", file.name)[0]
    return word if parse_usage(word) is not None else file.parent.name


def _parquet_columns(file: Path, names: Sequence[str]) -> tuple[str, str, str | None]:
    """Names of the columns for image, label and split; the split may be absent."""
    wanted = (("image", "img", "img_bytes", "pixels"), ("label", "labels", "emotion"), ("split", "usage"))
    found = [next((name for name in names if name.lower() in spellings), None) for spellings in wanted]
    if found[0] is None or found[1] is None:
        raise DataError(
            f"{file}: its columns are {', '.join(names)[:200]}; it must have image, label and (or) split."
        )
    return found[0], found[1], found[2]


def _class_names(schema: Any, label: str) -> list[str]:
    """Class names that the `datasets` library stores beside the schema; empty without them."""
    stored = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    names = stored.get("info", {}).get("features", {}).get(label, {}).get("names", [])
    return [str(name) for name in names]
