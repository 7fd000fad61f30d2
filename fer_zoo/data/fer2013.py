"""FER2013 in any form in which people hold it, recognized by content, as three splits of uint8 faces."""

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fer_zoo.data.cache import read_cached
from fer_zoo.data.csv_reader import COLUMNS, header_columns, read_csv
from fer_zoo.data.hub_reader import SCHEME, fetch_parquet
from fer_zoo.data.image_readers import class_folders, read_folder, read_npz, read_parquet
from fer_zoo.data.labels_and_splits import PRIVATE, PUBLIC, TRAINING, Rows, fingerprint_rows, split_rows
from fer_zoo.data.layout_errors import explain_folder
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError, UnknownNameError

WHERE_TO_GET = (
    "Get fer2013.csv from the Kaggle challenge 'Challenges in Representation Learning: Facial Expression "
    "Recognition' (or its re-issues as icml_face_data.csv, image folders or Parquet), then name it with "
    "--data PATH or the environment variable FER_ZOO_DATA."
)
PARQUET, ZIP = b"PAR1", b"PK\x03\x04"  # first bytes of the file
FORMS = (
    "a CSV with the columns emotion, pixels and Usage; a folder with train/<class>/* and test/<class>/*; "
    "a Parquet file (or folder of them) with image, label and split; an .npz with pixels, emotion and usage"
)


@dataclass(frozen=True)
class Faces:
    """pixels uint8 (N, 1, 48, 48), gray 0-255; labels int64 (N,), places in EMOTIONS; shares of votes,
    float32 (N, 7), in a training set that `fer_zoo.data.ferplus.use_ferplus_labels` made.
    """

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class DataInfo:
    """What a run keeps of its data beside the faces; the fields are explained at FER2013."""

    fingerprint: str
    source: str
    excluded: str = ""
    label_source: str = "fer2013"


def describe_splits(*splits: Faces) -> DataInfo:
    """Of faces that come from no data set of ours: the fingerprint is that of pixels and labels."""
    digest = hashlib.sha256()
    for faces in splits:
        digest.update(f"{faces.pixels.shape} {faces.labels.dtype}".encode())
        digest.update(faces.pixels.tobytes() + faces.labels.tobytes())
    return DataInfo(digest.hexdigest()[:16], source="")


@dataclass(frozen=True)
class FER2013:
    """The three splits, and where they were read.

    `fingerprint` depends on faces, labels and splits alone, not on form or order. `note` is empty, or says
    what a reader of scores has to know about the splits. `excluded` is empty, or the name of the file by
    which faces were left out. `label_source` is `fer2013`, or what replaced its labels (see
    `fer_zoo.data.ferplus`).
    """

    training: Faces
    public_test: Faces
    private_test: Faces
    fingerprint: str
    source: str
    note: str = ""
    excluded: str = ""
    label_source: str = "fer2013"

    @property
    def info(self) -> DataInfo:
        """The `data` of `fit`."""
        return DataInfo(self.fingerprint, self.source, self.excluded, self.label_source)

    def split(self, name: str) -> Faces:
        """`train`, `public`, `private`, or `test` for both test splits; else raises UnknownNameError."""
        splits = {"train": self.training, "public": self.public_test, "private": self.private_test}
        if name == "test":
            return self._both_tests()
        if name not in splits:
            raise UnknownNameError("split", name, [*splits, "test"])
        return splits[name]

    def _both_tests(self) -> Faces:
        if self.public_test is self.private_test:
            return self.public_test
        pair = (self.public_test, self.private_test)
        return Faces(
            np.concatenate([faces.pixels for faces in pair]), np.concatenate([faces.labels for faces in pair])
        )


def read_fer2013(path: str | Path | None = None) -> FER2013:
    """Read FER2013 from a file or folder; without a path, from the environment variable FER_ZOO_DATA.

    Forms: the challenge's fer2013.csv, icml_face_data.csv, an image folder, Parquet, or .npz; a folder that
    holds one of them works too, and so does hf://datasets/OWNER/NAME[@REVISION][/FOLDER], a dataset of the
    Hugging Face Hub in Parquet. CSV and Parquet are cached by content (see `fer_zoo.data.cache`).
    Raises DataError when nothing is given, nothing is recognized, or a row is wrong; HubError.
    """
    source = find_source(path)
    if isinstance(source, str):
        files, address = fetch_parquet(source)
        return _assemble(*_cached(files, partial(read_parquet, files), address)(), address)
    try:
        read = _find_reader(source)
        if read is None:
            unknown = f"{source}: no FER2013 recognized there. Looked for {FORMS}."
            raise DataError(explain_folder(source) or unknown)
        rows, fingerprint = read()
    except OSError as fault:
        raise DataError(f"{source}: cannot be read ({fault}).") from None
    return _assemble(rows, fingerprint, str(source))


def find_source(path: str | Path | None = None) -> Path | str:
    """What `read_fer2013` reads: a file or folder that is there, or an address of the Hugging Face Hub.

    Raises DataError when nothing is given, or nothing is there.
    """
    given = path if path is not None else os.environ.get("FER_ZOO_DATA")
    if not given:
        raise DataError(f"No data given. {WHERE_TO_GET}")
    if str(given).startswith(SCHEME):
        return str(given)
    source = Path(given).expanduser()
    if not source.exists():
        raise DataError(f"{source}: no such file or folder. {WHERE_TO_GET}")
    return source


def _assemble(rows: Rows, fingerprint: str, source: str) -> FER2013:
    places, note = split_rows(rows, source)
    absent = sorted(set(range(len(EMOTIONS))) - set(rows.labels[places[TRAINING]].tolist()))
    if absent:
        names = ", ".join(EMOTIONS[label] for label in absent)
        note = " ".join(filter(None, [note, f"{source}: Training has no face of {names}."]))
    if note:
        warnings.warn(note, stacklevel=3)
    training, public = (_take(rows, places[code]) for code in (TRAINING, PUBLIC))
    private = public if places[PRIVATE] is places[PUBLIC] else _take(rows, places[PRIVATE])
    return FER2013(training, public, private, fingerprint, source, note)


def _take(rows: Rows, places: np.ndarray) -> Faces:
    return Faces(rows.pixels[places][:, None], rows.labels[places].astype(np.int64))


def _fresh(read: Callable[[], Rows], source: Path | str) -> tuple[Rows, str]:
    rows = read()
    return rows, fingerprint_rows(rows, split_rows(rows, str(source))[0])


Reader = Callable[[], tuple[Rows, str]]


def _find_reader(source: Path) -> Reader | None:
    """The reader for what stands at a path, or at one entry inside it; None if nothing is recognized."""
    if source.is_file():
        return _file_reader(source)
    found = _folder_reader(source)
    if found:
        return found
    inside = [entry for entry in sorted(source.iterdir()) if not entry.name.startswith(".")]
    readers = [_inner_reader(entry) for entry in inside]
    names = [entry.name for entry, reader in zip(inside, readers, strict=True) if reader]
    if len(names) > 1:
        raise DataError(f"{source}: holds several data sets ({', '.join(names)}). Name one of them.")
    return next((reader for reader in readers if reader), None)


def _folder_reader(folder: Path) -> Reader | None:
    if class_folders(folder):
        return partial(_fresh, partial(read_folder, folder), folder)
    parquet = sorted(entry for entry in folder.glob("*.parquet") if entry.is_file())
    return _cached(parquet, partial(read_parquet, parquet), folder) if parquet else None


def _inner_reader(entry: Path) -> Reader | None:
    """Inside a folder, a CSV without Usage (the re-issue's train.csv) or an empty file is passed over."""
    if entry.is_dir():
        return _folder_reader(entry)
    start = _first_line(entry)
    arrays = start.startswith(ZIP) and entry.suffix == ".npz"
    meant = arrays or start.startswith(PARQUET) or set(COLUMNS) <= set(header_columns(start))
    return _file_reader(entry) if meant else None


def _first_line(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.readline(4096)


def _file_reader(file: Path) -> Reader | None:
    """By the file's first bytes, never by its name."""
    start = _first_line(file)
    if not start:
        raise DataError(f"{file}: the file is empty. {WHERE_TO_GET}")
    if start.startswith(PARQUET):
        return _cached([file], partial(read_parquet, [file]), file)
    if start.startswith(ZIP):
        return partial(_fresh, partial(read_npz, file), file)
    if {"emotion", "pixels"} <= set(header_columns(start)):
        return _cached([file], partial(read_csv, file), file)
    return None


def _cached(files: Sequence[Path], read: Callable[[], Rows], source: Path | str) -> Reader:
    return partial(read_cached, files, partial(_fresh, read, source))
