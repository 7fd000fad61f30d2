"""FER2013 in any common format, or labeled faces of one's own, as three splits of uint8 faces."""

import hashlib
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fer_zoo.data.cache import read_cached
from fer_zoo.data.class_map import UNCHANGED, ClassMap, apply_class_map, check_class_names
from fer_zoo.data.csv_reader import COLUMNS, header_columns, read_csv
from fer_zoo.data.hub_dataset import fetch_parquet
from fer_zoo.data.image_readers import holds_fer2013, read_folder, read_npz
from fer_zoo.data.labels_and_splits import (
    PRIVATE,
    PUBLIC,
    TRAINING,
    Rows,
    fingerprint_own_rows,
    fingerprint_rows,
    split_rows,
)
from fer_zoo.data.own_faces import find_own_faces
from fer_zoo.data.parquet_reader import holds_own_faces, read_own_parquet, read_parquet
from fer_zoo.data.stratified_split import draw_splits
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError, UnknownNameError

HOW_TO_GET = (
    "Get fer2013.csv from the Kaggle challenge 'Challenges in Representation Learning: Facial Expression "
    "Recognition' (or a copy as icml_face_data.csv, image folders or Parquet), then give its path with "
    "--data PATH or the environment variable FER_ZOO_DATA."
)
PARQUET, ZIP = b"PAR1", b"PK\x03\x04"  # first bytes of the file
HUB_SCHEME = "hf://"
FORMATS = (
    "class folders with pictures (<class>/*, or train/<class>/* and test/<class>/*); a CSV with emotion, "
    "pixels and Usage, or path and label; Parquet with image and label; an .npz with pixels, emotion, usage"
)
Reader = Callable[[], Rows]


@dataclass(frozen=True)
class Faces:
    """Faces and their labels."""

    pixels: np.ndarray  # uint8 (N, 1, 48, 48), gray
    labels: np.ndarray  # int64 (N,), indices in classes; float32 (N, classes) if they are soft
    classes: tuple[str, ...] = EMOTIONS
    names: tuple[str, ...] = ()  # of the files that the faces come from, where each has one

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, chosen: np.ndarray) -> "Faces":
        """Those at the indices (M,), or where a bool (N,) is true."""
        names = tuple(np.array(self.names, dtype=object)[chosen]) if self.names else ()
        return replace(self, pixels=self.pixels[chosen], labels=self.labels[chosen], names=names)


@dataclass(frozen=True)
class FER2013:
    """The three splits and their source."""

    training: Faces
    public_test: Faces
    private_test: Faces
    fingerprint: str  # depends on faces, labels and splits, not on file format or order
    source: str
    note: str = ""  # a caveat about the splits, for a reader of scores
    excluded: str = ""  # name of the file that lists the excluded faces
    label_source: str = "fer2013"
    split_seed: int | None = None  # of splits that were drawn, because the data has none
    class_map: ClassMap = UNCHANGED  # that was applied
    one_test: bool = False  # PublicTest and PrivateTest are the same faces
    # by usage code, where faces were excluded: the whole split, and the indices of the faces that remain
    before_exclusion: Mapping[int, tuple[Faces, np.ndarray]] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, which labels index."""
        return self.training.classes

    @property
    def info(self) -> "FER2013":
        """The `data` of `fit`, which takes all but the faces from it."""
        return self

    def split(self, name: str) -> Faces:
        """The faces of `train`, `public`, `private`, `test` (both) or `all`. Raises UnknownNameError."""
        splits = {"train": self.training, "public": self.public_test, "private": self.private_test}
        if name == "test":
            is_one = self.public_test is self.private_test
            return self.public_test if is_one else concatenate((self.public_test, self.private_test))
        if name == "all":
            return concatenate((self.training, self.split("test")))
        if name not in splits:
            raise UnknownNameError("split", name, [*splits, "test", "all"])
        return splits[name]


def join_splits(training: Faces, public_test: Faces, data: FER2013 | None) -> FER2013:
    """A data set without PrivateTest. data: where the faces come from; without it the fingerprint is that of
    pixels and labels.
    """
    nothing = public_test.select(np.zeros(0, np.int64))
    if data is not None:
        return replace(data, training=training, public_test=public_test, private_test=nothing, note="")
    digest = hashlib.sha256()
    for faces in (training, public_test):
        digest.update(f"{faces.pixels.shape} {faces.labels.dtype}".encode())
        digest.update(faces.pixels.tobytes() + faces.labels.tobytes())
    return FER2013(training, public_test, nothing, digest.hexdigest()[:16], source="")


def concatenate(parts: Sequence[Faces]) -> Faces:
    pixels, labels = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("pixels", "labels")
    )
    return Faces(pixels, labels, parts[0].classes, tuple(name for part in parts for name in part.names))


def read_faces(
    path: str | Path | None = None,
    *,
    class_map: ClassMap | None = None,
    seed: int = 0,
    kept_split: Mapping[str, int] | None = None,
) -> FER2013:
    """Read FER2013, or labeled faces of one's own, from a file, a folder or the Hugging Face Hub.

    FER2013 is the challenge's fer2013.csv, icml_face_data.csv, an image folder, Parquet or an .npz. Faces of
    one's own are class folders (<class>/* or <split>/<class>/*), a CSV with the columns path and label, or
    Parquet with image and label, of any size and color; a split that they lack is drawn (see `draw_splits`).
    What was parsed is cached by content (see `fer_zoo.data.cache`).

    Args:
        path: One of these, a folder that contains one, or hf://datasets/OWNER/NAME[@REVISION][/FOLDER], a
            dataset of the Hub in Parquet. By default the environment variable FER_ZOO_DATA.
        class_map: Classes to merge, rename or drop.
        seed: Of a split that is drawn.
        kept_split: A run's split, of `read_split`, in place of a draw.

    Raises:
        DataError: No path is given, nothing is recognized there, or a row is invalid.
        HubError: The dataset cannot be downloaded.
        UnknownNameError: The class map names a class that the data does not have.
    """
    source = find_source(path)
    if isinstance(source, str):
        files, address = fetch_parquet(source)
        rows = _parquet_reader(files, address)()
    else:
        address = str(source)
        try:
            read = _find_reader(source)
            if read is None:
                raise DataError(f"{source}: no labeled faces recognized there. Looked for {FORMATS}.")
            rows = read()
        except OSError as error:
            raise DataError(f"{source}: cannot be read ({error}).") from None
    if rows.fingerprint and not class_map:
        indices, note = split_rows(rows, address)
        return _assemble(rows, indices, note, fingerprint=rows.fingerprint, source=address)
    class_map = class_map or UNCHANGED
    rows, note, drawn = _draw(rows, address, class_map, seed, kept_split)
    indices = {code: np.flatnonzero(rows.usages == code) for code in (TRAINING, PUBLIC, PRIVATE)}
    own = {"fingerprint": fingerprint_own_rows(rows), "split_seed": drawn, "class_map": class_map}
    return _assemble(rows, indices, note, source=address, **own)


read_fer2013 = read_faces  # its name in earlier versions


def find_source(path: str | Path | None = None) -> Path | str:
    """The existing path or the Hub address that `read_faces` reads. Raises DataError if there is none."""
    given = path if path is not None else os.environ.get("FER_ZOO_DATA")
    if not given:
        raise DataError(f"No data given. {HOW_TO_GET}")
    if str(given).startswith(HUB_SCHEME):
        return str(given)
    source = Path(given).expanduser()
    if not source.exists():
        raise DataError(f"{source}: no such file or folder. {HOW_TO_GET}")
    return source


def _draw(
    rows: Rows, source: str, class_map: ClassMap, seed: int, kept_split: Mapping[str, int] | None
) -> tuple[Rows, str, int | None]:
    """Mapped rows in three splits, a note on what was left out and drawn, and the seed of a draw."""
    mapped = apply_class_map(rows, class_map, source) if class_map else rows
    check_class_names(mapped.classes, source)  # not before: the map may rename what cannot stay
    drawn, note, drawn_seed = draw_splits(mapped, source, seed, kept_split)
    dropped = len(rows.labels) - len(mapped.labels)
    left_out = f"{source}: {dropped:,} faces of dropped classes are left out." if dropped else ""
    return drawn, " ".join(filter(None, [left_out, note])), drawn_seed


def _assemble(rows: Rows, indices: Mapping[int, np.ndarray], note: str, **about: Any) -> FER2013:
    """about: the other fields of FER2013."""
    note = " ".join(filter(None, [note, _name_absent(rows, indices[TRAINING], about["source"])]))
    if note:
        warnings.warn(note, stacklevel=3)
    training, public = (_select(rows, indices[code]) for code in (TRAINING, PUBLIC))
    private = public if indices[PRIVATE] is indices[PUBLIC] else _select(rows, indices[PRIVATE])
    return FER2013(training, public, private, note=note, one_test=private is public, **about)


def _name_absent(rows: Rows, training: np.ndarray, source: str) -> str:
    """A sentence on the classes that Training lacks."""
    present = set(rows.labels[training].tolist())
    names = [name for label, name in enumerate(rows.classes) if label not in present]
    return f"{source}: Training has no face of {', '.join(names)}." if names and present else ""


def _select(rows: Rows, indices: np.ndarray) -> Faces:
    names = tuple(rows.names[index] for index in indices) if rows.names else ()
    return Faces(rows.pixels[indices][:, None], rows.labels[indices].astype(np.int64), rows.classes, names)


def _parse(read: Reader, source: Path | str) -> Rows:
    rows = read()
    return replace(rows, fingerprint=fingerprint_rows(rows, split_rows(rows, str(source))[0]))


def _find_reader(source: Path) -> Reader | None:
    """The reader for a path or for the one data set inside of it; None if nothing is recognized."""
    if source.is_file():
        return _file_reader(source)
    if found := _folder_reader(source):
        return found
    entries = [entry for entry in sorted(source.iterdir()) if not entry.name.startswith(".")]
    readers = {entry.name: reader for entry in entries if (reader := _inner_reader(entry))}
    if len(readers) > 1:
        raise DataError(
            f"{source}: contains several data sets ({', '.join(readers)}). Give the path of one of them."
        )
    return next(iter(readers.values()), None) or find_own_faces(source)


def _folder_reader(folder: Path) -> Reader | None:
    if holds_fer2013(folder):
        return partial(_parse, partial(read_folder, folder), folder)
    named = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() == ".parquet")
    parquet = [entry for entry in named if entry.is_file()]  # a stat for these alone
    return _parquet_reader(parquet, folder) if parquet else None


def _parquet_reader(files: Sequence[Path], source: Path | str) -> Reader:
    if holds_own_faces(files):
        return partial(read_own_parquet, files, str(source))
    return _cached(files, partial(read_parquet, files), source)


def _inner_reader(entry: Path) -> Reader | None:
    """The reader for an entry of a folder; None for a CSV without Usage (train.csv) or an empty file."""
    if entry.is_dir():
        return _folder_reader(entry)
    start = _first_line(entry)
    is_npz = start.startswith(ZIP) and entry.suffix.lower() == ".npz"
    is_known = is_npz or start.startswith(PARQUET) or set(COLUMNS) <= set(header_columns(start))
    return _file_reader(entry) if is_known else None


def _first_line(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.readline(4096)


def _file_reader(file: Path) -> Reader | None:
    """Recognizes a file by its first bytes, never by its name."""
    start = _first_line(file)
    if not start:
        raise DataError(f"{file}: the file is empty. {HOW_TO_GET}")
    if start.startswith(PARQUET):
        return _parquet_reader([file], file)
    if start.startswith(ZIP):
        return partial(_parse, partial(read_npz, file), file)
    if {"emotion", "pixels"} <= set(header_columns(start)):
        return _cached([file], partial(read_csv, file), file)
    return find_own_faces(file)


def _cached(files: Sequence[Path], read: Reader, source: Path | str) -> Reader:
    return partial(read_cached, files, partial(_parse, read, source))
