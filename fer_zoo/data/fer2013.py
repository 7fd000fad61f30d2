"""FER2013 in any common format, recognized by content, as three splits of uint8 faces."""

import hashlib
import os
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from fer_zoo.data.cache import read_cached
from fer_zoo.data.csv_reader import COLUMNS, header_columns, read_csv
from fer_zoo.data.image_readers import class_folders, explain_folder, read_folder, read_npz, read_parquet
from fer_zoo.data.labels_and_splits import (
    PRIVATE,
    PUBLIC,
    TRAINING,
    Rows,
    fingerprint_rows,
    parse_usage,
    split_rows,
)
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError, UnknownNameError
from fer_zoo.utils.hub_client import fetch_files

HOW_TO_GET = (
    "Get fer2013.csv from the Kaggle challenge 'Challenges in Representation Learning: Facial Expression "
    "Recognition' (or a copy as icml_face_data.csv, image folders or Parquet), then give its path with "
    "--data PATH or the environment variable FER_ZOO_DATA."
)
PARQUET, ZIP = b"PAR1", b"PK\x03\x04"  # first bytes of the file
HUB_SCHEME = "hf://"
# At the revision refs/convert/parquet the Hub has a Parquet copy of most datasets.
_HUB_ADDRESS = re.compile(
    r"hf://datasets/(?P<repo>[^/@]+/[^/@]+)(@(?P<revision>refs/[^/]+/[^/]+|[^/]+))?(/(?P<folder>.+?))?/?"
)
MAX_DOWNLOAD_BYTES = 2_000_000_000  # the challenge's CSV has 301 million
FORMATS = (
    "a CSV with the columns emotion, pixels and Usage; a folder with train/<class>/* and test/<class>/*; "
    "a Parquet file (or folder of them) with image, label and split; an .npz with pixels, emotion and usage"
)


@dataclass(frozen=True)
class Faces:
    """Faces and their labels."""

    pixels: np.ndarray  # uint8 (N, 1, 48, 48), gray
    labels: np.ndarray  # int64 (N,), indices in EMOTIONS; float32 (N, 7) in a training set with soft labels

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
    """The three splits and their source."""

    training: Faces
    public_test: Faces
    private_test: Faces
    fingerprint: str  # depends on faces, labels and splits, not on file format or order
    source: str
    note: str = ""  # a caveat about the splits, for a reader of scores
    excluded: str = ""  # name of the file that lists the excluded faces
    label_source: str = "fer2013"

    @property
    def info(self) -> DataInfo:
        """The `data` of `fit`."""
        return DataInfo(self.fingerprint, self.source, self.excluded, self.label_source)

    def split(self, name: str) -> Faces:
        """The faces of `train`, `public`, `private` or `test` (both test splits). Raises UnknownNameError."""
        splits = {"train": self.training, "public": self.public_test, "private": self.private_test}
        if name == "test":
            is_one = self.public_test is self.private_test
            return self.public_test if is_one else concatenate((self.public_test, self.private_test))
        if name not in splits:
            raise UnknownNameError("split", name, [*splits, "test"])
        return splits[name]


def concatenate(parts: Sequence[Faces]) -> Faces:
    return Faces(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("pixels", "labels")))


def read_fer2013(path: str | Path | None = None) -> FER2013:
    """Read FER2013 from a file, a folder or the Hugging Face Hub.

    Parsed CSV and Parquet files are cached by content (see `fer_zoo.data.cache`).

    Args:
        path: The challenge's fer2013.csv, icml_face_data.csv, an image folder, Parquet, an .npz, a folder
            that contains one of these, or hf://datasets/OWNER/NAME[@REVISION][/FOLDER], a dataset of the
            Hub in Parquet. By default the environment variable FER_ZOO_DATA.

    Raises:
        DataError: No path is given, nothing is recognized there, or a row is invalid.
        HubError: The dataset cannot be downloaded.
    """
    source = find_source(path)
    if isinstance(source, str):
        files, address = fetch_parquet(source)
        return _assemble(*_cached(files, partial(read_parquet, files), address)(), address)
    try:
        read = _find_reader(source)
        if read is None:
            unknown = f"{source}: no FER2013 recognized there. Looked for {FORMATS}."
            raise DataError(explain_folder(source) or unknown)
        rows, fingerprint = read()
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error}).") from None
    return _assemble(rows, fingerprint, str(source))


def find_source(path: str | Path | None = None) -> Path | str:
    """The existing file or folder, or the Hub address, that `read_fer2013` reads.

    Raises DataError if no path is given or it does not exist.
    """
    given = path if path is not None else os.environ.get("FER_ZOO_DATA")
    if not given:
        raise DataError(f"No data given. {HOW_TO_GET}")
    if str(given).startswith(HUB_SCHEME):
        return str(given)
    source = Path(given).expanduser()
    if not source.exists():
        raise DataError(f"{source}: no such file or folder. {HOW_TO_GET}")
    return source


def _assemble(rows: Rows, fingerprint: str, source: str) -> FER2013:
    indices, note = split_rows(rows, source)
    absent = sorted(set(range(len(EMOTIONS))) - set(rows.labels[indices[TRAINING]].tolist()))
    if absent:
        names = ", ".join(EMOTIONS[label] for label in absent)
        note = " ".join(filter(None, [note, f"{source}: Training has no face of {names}."]))
    if note:
        warnings.warn(note, stacklevel=3)
    training, public = (_select(rows, indices[code]) for code in (TRAINING, PUBLIC))
    private = public if indices[PRIVATE] is indices[PUBLIC] else _select(rows, indices[PRIVATE])
    return FER2013(training, public, private, fingerprint, source, note)


def _select(rows: Rows, indices: np.ndarray) -> Faces:
    return Faces(rows.pixels[indices][:, None], rows.labels[indices].astype(np.int64))


def _parse(read: Callable[[], Rows], source: Path | str) -> tuple[Rows, str]:
    rows = read()
    return rows, fingerprint_rows(rows, split_rows(rows, str(source))[0])


Reader = Callable[[], tuple[Rows, str]]


def _find_reader(source: Path) -> Reader | None:
    """The reader for a path or for the one data set inside of it; None if nothing is recognized."""
    if source.is_file():
        return _file_reader(source)
    if found := _folder_reader(source):
        return found
    entries = [entry for entry in sorted(source.iterdir()) if not entry.name.startswith(".")]
    readers = [_inner_reader(entry) for entry in entries]
    names = [entry.name for entry, reader in zip(entries, readers, strict=True) if reader]
    if len(names) > 1:
        raise DataError(
            f"{source}: contains several data sets ({', '.join(names)}). Give the path of one of them."
        )
    return next((reader for reader in readers if reader), None)


def _folder_reader(folder: Path) -> Reader | None:
    if class_folders(folder):
        return partial(_parse, partial(read_folder, folder), folder)
    parquet = sorted(entry for entry in folder.glob("*.parquet") if entry.is_file())
    return _cached(parquet, partial(read_parquet, parquet), folder) if parquet else None


def _inner_reader(entry: Path) -> Reader | None:
    """The reader for an entry of a folder; None for a CSV without Usage (train.csv) or an empty file."""
    if entry.is_dir():
        return _folder_reader(entry)
    start = _first_line(entry)
    is_npz = start.startswith(ZIP) and entry.suffix == ".npz"
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
        return _cached([file], partial(read_parquet, [file]), file)
    if start.startswith(ZIP):
        return partial(_parse, partial(read_npz, file), file)
    if {"emotion", "pixels"} <= set(header_columns(start)):
        return _cached([file], partial(read_csv, file), file)
    return None


def _cached(files: Sequence[Path], read: Callable[[], Rows], source: Path | str) -> Reader:
    return partial(read_cached, files, partial(_parse, read, source))


def fetch_parquet(address: str) -> tuple[list[Path], str]:
    """Download the Parquet files of hf://datasets/OWNER/NAME[@REVISION][/FOLDER].

    Returns the files and the address with the commit. Raises DataError for another address, or for a dataset
    without Parquet files or with several sets of them; HubError.
    """
    match = _HUB_ADDRESS.fullmatch(address)
    if match is None:
        raise DataError(f"{address}: not hf://datasets/OWNER/NAME[@REVISION][/FOLDER].")

    def choose(paths: Sequence[str]) -> list[str]:
        return _choose_parquet(paths, match["folder"] or "", address)

    fetched = fetch_files(
        match["repo"], choose, revision=match["revision"], repo_type="dataset", max_bytes=MAX_DOWNLOAD_BYTES
    )
    return list(fetched.files.values()), f"hf://datasets/{match['repo']}@{fetched.commit}"


def _choose_parquet(paths: Sequence[str], folder: str, address: str) -> list[str]:
    prefix = f"{folder}/" if folder else ""
    chosen = sorted(path for path in paths if path.startswith(prefix) and path.endswith(".parquet"))
    if not chosen:
        raise DataError(
            f"{address}: no Parquet file there. The Hub's Parquet copy of a dataset is at "
            "hf://datasets/OWNER/NAME@refs/convert/parquet."
        )
    parts = {path[len(prefix) :].split("/")[0] for path in chosen if "/" in path[len(prefix) :]}
    sets = sorted(part for part in parts if parse_usage(part) is None)
    if len(sets) > 1:
        raise DataError(
            f"{address}: contains several data sets ({', '.join(sets)}). Add /FOLDER to select one."
        )
    return chosen
