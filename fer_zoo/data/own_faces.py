"""Anybody's labeled faces: class folders, or a CSV or Parquet that lists them, of any size and color."""

import csv
import hashlib
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from fer_zoo.data.cache import read_cached_pictures
from fer_zoo.data.image_readers import list_pictures, split_folders, visible_folders
from fer_zoo.data.labels_and_splits import UNSPLIT, Rows, order_classes, parse_label, parse_usage
from fer_zoo.emotions import MAX_CLASSES, SIDE
from fer_zoo.errors import DataError, ImageError
from fer_zoo.utils.images import SUFFIXES, read_scaled_photo, whole_picture
from fer_zoo.utils.progress import track

MAX_PICTURES = 1_000_000  # 2.3 GB of faces
MAX_LIST_BYTES = 500_000_000  # of a CSV that lists pictures
MAX_CROP_SIDE = 600  # pixels: the shorter side of a face crop is usually up to 256, of a photo 720 or more
FIRST_PICTURES = 64  # that are looked at for photos before all others are read
NAMED = 3  # broken files in a message
MIN_CACHED = 2000  # pictures from which on the faces are cached
PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "image_path", "image", "img", "pth")
LABEL_COLUMNS = ("label", "labels", "class", "emotion", "expression", "category")
SPLIT_COLUMNS = ("split", "usage", "set", "subset")


@dataclass(frozen=True)
class Sample:
    """A picture of one face, not read yet."""

    picture: Path | bytes
    label: str
    usage: int  # UNSPLIT where none is given
    name: str  # of the file, as it is shown to people and kept in a run's split.csv


@dataclass(frozen=True)
class Listing:
    """A CSV's delimiter and its columns of path, label and split, of which the last may be absent."""

    delimiter: str
    path: str
    label: str
    split: str | None


def find_own_faces(path: Path) -> Callable[[], Rows] | None:
    """The reader of labeled pictures at a path or one folder below it; None if there are none. Raises
    DataError where there are several sets of them.
    """
    if path.is_file():
        return partial(read_lists, [path]) if find_listing(path) else None
    if list_class_folders(path):
        return partial(read_class_folders, path)
    found = [entry for entry in visible_folders(path) if list_class_folders(entry)]
    if not found:
        found = [entry for entry in sorted(path.glob("*.csv")) if entry.is_file() and find_listing(entry)]
        if found and all(_usage_of_name(entry) != UNSPLIT for entry in found):
            return partial(read_lists, found)
    if len(found) > 1:
        names = ", ".join(entry.name for entry in found)
        raise DataError(f"{path}: contains several data sets ({names}). Give the path of one of them.")
    if not found:
        return None
    return partial(read_class_folders, found[0]) if found[0].is_dir() else partial(read_lists, found)


def list_class_folders(folder: Path) -> list[tuple[Path, int]]:
    """Folders with pictures and their usage codes: <split>/<class>/*, or <class>/* of two or more classes."""
    if nested := [(entry, usage) for entry, usage in split_folders(folder) if _has_picture(entry)]:
        return nested
    inner = [entry for entry in visible_folders(folder) if parse_usage(entry.name) is None]
    flat = [(entry, UNSPLIT) for entry in inner if _has_picture(entry)]
    return flat if len(flat) > 1 or any(parse_label(entry.name) is not None for entry, _ in flat) else []


def read_class_folders(folder: Path) -> Rows:
    """Read <class>/* or <split>/<class>/*; each folder's name is its class. Raises DataError."""
    samples = [
        Sample(file, entry.name, usage, file.relative_to(folder).as_posix())
        for entry, usage in list_class_folders(folder)
        for file in sorted(list_pictures(entry, SUFFIXES), key=_natural_order)
    ]
    return read_samples(samples, len(samples), str(folder))


def find_listing(path: Path) -> Listing | None:
    """How a CSV lists pictures; None for a file that lists none."""
    with path.open("rb") as file:
        line = file.readline(65_536).decode("utf-8-sig", "replace")
    for delimiter in ",;\t":
        names = [name.strip().strip('"') for name in line.split(delimiter)]
        picture, label, split = (
            find_column(names, known) for known in (PATH_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS)
        )
        if picture and label:
            return Listing(delimiter, picture, label, split)
    return None


def find_column(names: Sequence[str], known: Sequence[str]) -> str | None:
    """The column that the first of the known words names, in any case."""
    by_word = {name.lower(): name for name in names}
    return next((by_word[word] for word in known if word in by_word), None)


def read_lists(files: Sequence[Path]) -> Rows:
    """Read the pictures that CSV files list, with paths relative to the CSV's folder. Raises DataError.

    The split is a column, or the first word of the CSV's name (test_labels.csv), or not given.
    """
    samples = [sample for file in files for sample in _list_rows(file)]
    return read_samples(samples, len(samples), str(files[0] if len(files) == 1 else files[0].parent))


def _list_rows(path: Path) -> Iterator[Sample]:
    listing = find_listing(path)
    assert listing is not None
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise DataError(f"{path}: over {MAX_LIST_BYTES:,} bytes, the maximum. Split it.")
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.DictReader(file, delimiter=listing.delimiter)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            for row in reader:
                picture, label = (row[name] or "" for name in (listing.path, listing.label))
                word = (row[listing.split] or "" if listing.split else "").strip()
                usage = parse_usage(word) if word else _usage_of_name(path)
                if not picture.strip() or not label.strip() or usage is None:
                    given = f"the split {word!r:.60}" if usage is None else "no path or no label"
                    raise DataError(
                        f"{path}, line {reader.line_num}: {given}; a row needs a path, a label, and train, "
                        "val or test where it has a split."
                    )
                yield Sample(path.parent / picture.strip(), label.strip(), usage, picture.strip())
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None


def read_samples(samples: Iterable[Sample], count: int, source: str) -> Rows:
    """Read `count` pictures as faces: gray, square by repeated edges, 48x48. Those that cannot be read are
    left out, with one warning that names some.

    source: for messages. Raises DataError where the pictures are photos rather than face crops, most of them
    cannot be read, or the classes or the pictures are too many.
    """
    if count > MAX_PICTURES:
        raise DataError(f"{source}: {count:,} pictures; allowed are at most {MAX_PICTURES:,}.")
    if isinstance(samples, list) and count >= MIN_CACHED:
        faces, kept, broken = read_cached_pictures(
            _hash_samples(samples), count, partial(_decode_samples, samples, count, source)
        )
        samples = [samples[index] for index in kept]
    else:
        given: list[Sample] = []
        faces, kept, broken = _decode_samples(_remember(samples, given), count, source)
        samples = [given[index] for index in kept]
    _report_broken(broken, len(kept), source)
    classes, labels = _number_labels([sample.label for sample in samples], source)
    usages = np.array([sample.usage for sample in samples], np.uint8)
    return Rows(faces, labels, usages, classes, tuple(sample.name for sample in samples))


def _remember(samples: Iterable[Sample], given: list[Sample]) -> Iterator[Sample]:
    """Pass samples on, and keep all but their pictures: a Parquet file's bytes would fill the memory."""
    for sample in samples:
        given.append(replace(sample, picture=b""))
        yield sample


def _hash_samples(samples: Sequence[Sample]) -> str:
    """Of the pictures' bytes, in their order: an edited file is read again."""
    digest = hashlib.sha256()
    with track("looking at the files") as progress:
        for done, sample in enumerate(samples, start=1):
            assert isinstance(sample.picture, Path)
            with suppress(OSError):
                digest.update(hashlib.sha256(sample.picture.read_bytes()).digest())
            digest.update(repr(sample.name).encode())
            progress(done, len(samples))
    return digest.hexdigest()


def _decode_samples(
    samples: Iterable[Sample], count: int, source: str
) -> tuple[np.ndarray, np.ndarray, list[list[str]]]:
    """Faces uint8 (K, 48, 48), their K indices among the samples, and name and error of each other one: a
    list may name a file twice.
    """
    faces, kept, sides, broken = [], [], [], []
    with track("reading faces") as progress:
        for index, sample in enumerate(samples):
            try:
                photo, scale = read_scaled_photo(sample.picture)
                faces.append(whole_picture(photo))
                sides.append(round(min(photo.width * scale[0], photo.height * scale[1])))
                kept.append(index)
            except ImageError as error:
                broken.append([sample.name, str(error)])
            if index + 1 in (FIRST_PICTURES, count):
                _refuse_photos(sides, source)
            progress(index + 1, count)
    return np.array(faces, np.uint8).reshape(-1, SIDE, SIDE), np.array(kept, np.int64), broken


def _refuse_photos(sides: Sequence[int], source: str) -> None:
    side = int(np.median(sides)) if sides else 0
    if side > MAX_CROP_SIDE:
        raise DataError(
            f"{source}: its pictures are photos, with {side:,} pixels along the shorter side, not face "
            f"crops. Run fer-zoo data crop {source} OUT first, and give OUT."
        )


def _report_broken(broken: Sequence[Sequence[str]], kept: int, source: str) -> None:
    """Warn of pictures that were left out. Raises DataError where more were than remain."""
    if not kept and not broken:
        raise DataError(f"{source}: no picture. Allowed: {', '.join(sorted(SUFFIXES))}.")
    if not broken:
        return
    some = "; ".join(f"{name} ({reason.rsplit(': ', 1)[-1].rstrip('.')})" for name, reason in broken[:NAMED])
    more = f"; and {len(broken) - NAMED:,} more" if len(broken) > NAMED else ""
    text = f"{source}: {len(broken):,} of {kept + len(broken):,} pictures cannot be read: {some}{more}."
    if len(broken) > kept:
        raise DataError(f"{text} Check the files and their paths.")
    warnings.warn(f"{text} They are left out.", stacklevel=2)


def _number_labels(given: Sequence[str], source: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Classes, and their indices uint16 (N,). A class keeps the spelling that it is first met in, and the
    seven emotions in any spelling are EMOTIONS. Raises DataError for too many.
    """
    names = [unicodedata.normalize("NFC", name) for name in given]  # macOS splits letters and accents
    spelling: dict[str, str] = {}
    for name in names:
        spelling.setdefault(name.casefold(), name)
    if len(spelling) > MAX_CLASSES:
        raise DataError(f"{source}: {len(spelling):,} classes; allowed are at most {MAX_CLASSES:,}.")
    ordered = order_classes(spelling.values())
    position = {name.casefold(): index for index, name in enumerate(ordered)}
    for key in spelling:
        if key not in position:  # another spelling of one of EMOTIONS
            position[key] = parse_label(key) or 0
    return ordered, np.array([position[name.casefold()] for name in names], np.uint16)


def _has_picture(folder: Path) -> bool:
    return any(True for _ in list_pictures(folder, SUFFIXES))


def _natural_order(file: Path) -> list[tuple[int, str]]:
    """Numbers in a name count by their value."""
    parts = re.split(r"(\d+)", file.name)
    return [(int(part), "") if part.isdigit() and part.isascii() else (0, part) for part in parts]


def _usage_of_name(file: Path) -> int:
    usage = parse_usage(re.split(r"[-._]", file.name)[0])
    return UNSPLIT if usage is None else usage
