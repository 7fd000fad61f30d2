"""FER2013 as image files or as NumPy arrays."""

import io
import re
import sys
import zipfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from fer_zoo.data.labels_and_splits import USAGES, Rows, build_rows, parse_label, parse_usage
from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import DataError, one_line
from fer_zoo.utils.images import read_photo, readable_formats, to_gray

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".tif", ".tiff"}
# FER2013 has 35,887 faces of 2,304 bytes; a far larger file is a mistake or a decompression bomb.
MAX_ROWS, MAX_BYTES = 200_000, 1_000_000_000
CLASS_NAMES = f"{', '.join(EMOTIONS)}, or 0-6 in that order"


def holds_fer2013(folder: Path) -> bool:
    """Whether it has two or more splits, with the seven emotions as their classes, of 48x48 pixels: the first
    picture of each.
    """
    inner = [entry for entry, _ in split_folders(folder)]
    labels = {parse_label(entry.name) for entry in inner}
    parts = {entry.parent for entry in inner}
    if len(parts) < 2 or labels != set(range(len(EMOTIONS))):
        return False
    return {size for entry in inner if (size := _measure_first(entry))} == {(SIDE, SIDE)}


def split_folders(folder: Path) -> list[tuple[Path, int]]:
    """List each <split>/<class>/ folder with its usage code."""
    splits = [(entry, parse_usage(entry.name)) for entry in visible_folders(folder)]
    return [
        (inner, usage) for entry, usage in splits if usage is not None for inner in visible_folders(entry)
    ]


def list_pictures(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    for file in folder.iterdir():
        if file.suffix.lower() in suffixes and not file.name.startswith(".") and file.is_file():
            yield file


def _measure_first(folder: Path) -> tuple[int, int] | None:
    """Width and height of the first picture of a folder that can be read."""
    for file in sorted(list_pictures(folder, IMAGE_SUFFIXES)):
        with suppress(Exception):
            return measure_picture(file)
    return None


def measure_picture(image: Path | bytes) -> tuple[int, int]:
    """Width and height, without decoding it."""
    from PIL import Image

    source = io.BytesIO(image) if isinstance(image, bytes) else image
    with Image.open(source, formats=readable_formats("PPM")) as opened:
        return opened.size


def read_folder(folder: Path) -> Rows:
    """Read <split>/<class>/* in the order of the numbers in the file names; RGB is converted to gray.

    A file name's prefix Training_, PublicTest_ or PrivateTest_ overrides the split of the folder.
    Raises DataError with the file's name for an image that cannot be read or is not 48x48.
    """
    files = [
        (_usage_of(file, usage), label, file)
        for entry, usage in split_folders(folder)
        if (label := parse_label(entry.name)) is not None
        for file in list_pictures(entry, IMAGE_SUFFIXES)
    ]
    if not files:
        raise DataError(
            f"{folder}: its class folders contain no image. Allowed: {', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    files.sort(key=lambda row: (row[0], _numbers(row[2]), row[1], row[2].name))
    pixels = np.stack([decode_face(path, str(path)) for _, _, path in files])
    return build_rows(pixels, [label for _, label, _ in files], [usage for usage, _, _ in files])


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
    labels = [read_label(value, f"{path}, row {row}") for row, value in enumerate(emotion.tolist(), start=1)]
    usages = [read_usage(value, f"{path}, row {row}") for row, value in enumerate(usage.tolist(), start=1)]
    return build_rows(pixels, labels, usages)


def _check_text(array: np.ndarray) -> None:
    """Raise ValueError for invalid code points, of which NumPy makes strings that break Python."""
    if array.dtype.kind == "U" and array.nbytes:
        codes = np.ascontiguousarray(array).view(f"{array.dtype.byteorder}u4")
        if codes.max() > sys.maxunicode:
            raise ValueError(f"text with the invalid code point {codes.max():,}")


def visible_folders(folder: Path) -> list[Path]:
    return [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]


def _usage_of(file: Path, folder_usage: int) -> int:
    prefix = re.match(rf"({'|'.join(USAGES)})_", file.name)
    return USAGES.index(prefix[1]) if prefix else folder_usage


def _numbers(file: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", file.stem)]


def decode_face(image: Path | bytes, name: str) -> np.ndarray:
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
        return to_gray(read_photo(image))
    except DataError:
        raise
    except Exception as error:  # decoders raise many types of errors for a damaged file
        raise DataError(f"{name}: not an image that can be read ({one_line(error)}).") from None


def read_label(value: Any, where: str) -> int:
    """Label of a class name or a number 0-6, also as text."""
    label = parse_label(str(value))
    if label is None:
        raise DataError(f"{where}: {value!r:.60}: not a class of FER2013. Allowed: {CLASS_NAMES}.")
    return label


def read_usage(value: Any, where: str) -> int:
    usage = parse_usage(str(value))
    if usage is None:
        raise DataError(f"{where}: split is {value!r:.60}; it must be Training, PublicTest or PrivateTest.")
    return usage
