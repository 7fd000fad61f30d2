"""Uploaded pictures and zips become pictures in memory, within bounds that are checked before unpacking."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from fer_zoo import FerZooError
from page.limits import LARGEST_PICTURE, LARGEST_TOTAL
from page.uploads import ZIP_START, Upload, UploadError, cut_name, find_name, read_upload
from page.words import say

MAX_PICTURES = 200
MAX_ENTRIES = 1000  # of a zip, folders and what is skipped included
ENTRY_MARK = b"PK\x01\x02"  # begins each entry in the directory of a zip
# Python unpacks the other two kinds of zip, bzip2 and LZMA, without a bound on what comes out at a time.
READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Picture(NamedTuple):
    """A picture, or why there is none."""

    name: str
    encoded: bytes = b""
    error: FerZooError | None = None


class DropError(Exception):
    """The whole drop is outside the bounds. Its text is for the visitor."""


def read_pictures(files: Iterable[Any], language: str) -> list[Picture]:
    """Every picture of the uploads, in order. files: Gradio's FileData or the same as dicts.

    One that cannot be read has an `error`. Raises DropError when there are too many or they are too large.
    """
    pictures: list[Picture] = []
    total = 0
    for file in files:
        for picture in _read_file(file, language, len(pictures), total):
            pictures.append(picture)
            total += len(picture.encoded)
            _check(len(pictures), total, language)
    return pictures


def _check(count: int, total: int, language: str) -> None:
    if count > MAX_PICTURES:
        raise DropError(say(language, "batch.too_many", most=MAX_PICTURES))
    if total > LARGEST_TOTAL:
        raise DropError(say(language, "batch.too_large", most=LARGEST_TOTAL // 1_000_000))


def _read_file(file: Any, language: str, count: int, total: int) -> Iterator[Picture]:
    try:
        upload = read_upload(file, zips=True)
    except UploadError as error:
        name = find_name(file)
        yield Picture(name, error=UploadError(f"{name}: {error}", error.kind))
        return
    if upload.encoded.startswith(ZIP_START):
        yield from _read_zip(upload, language, count, total)
    else:
        yield Picture(upload.name, upload.encoded)


def _read_zip(upload: Upload, language: str, count: int, total: int) -> Iterator[Picture]:
    """The pictures inside, in the order of the zip, also those in folders. Nothing is written to disk.

    count, total: how many pictures and bytes were there before.
    """
    if upload.encoded.count(ENTRY_MARK) > MAX_ENTRIES:  # zipfile would read them all first
        raise DropError(say(language, "batch.too_many_entries", name=upload.name, most=MAX_ENTRIES))
    try:
        with zipfile.ZipFile(io.BytesIO(upload.encoded)) as archive:
            entries = [entry for entry in archive.infolist() if _is_wanted(entry)]
            unpacked = sum(entry.file_size for entry in entries if not _refuse(entry, language))
            _check(count + len(entries), total + unpacked, language)
            for entry in entries:
                yield _read_entry(archive, entry, language)
    except DropError:
        raise
    except Exception:  # zipfile raises errors of many kinds for a damaged directory
        yield Picture(upload.name, error=FerZooError(f"{upload.name}: {say(language, 'batch.bad_zip')}"))


def _is_wanted(entry: zipfile.ZipInfo) -> bool:
    """Not a folder, nor what macOS adds, nor a hidden file."""
    path = PurePosixPath(entry.filename)
    return not (entry.is_dir() or path.name.startswith(".") or "__MACOSX" in path.parts)


def _refuse(entry: zipfile.ZipInfo, language: str) -> str:
    """Why the entry is not unpacked, or nothing."""
    if entry.flag_bits & 1:
        return say(language, "batch.locked")
    if entry.compress_type not in READABLE:
        return say(language, "batch.packed")
    if entry.file_size > LARGEST_PICTURE:
        return say(language, "batch.large", most=LARGEST_PICTURE // 1_000_000)
    return ""


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, language: str) -> Picture:
    name, refusal = cut_name(entry.filename), _refuse(entry, language)
    if refusal:
        return Picture(name, error=FerZooError(f"{name}: {refusal}"))
    try:
        return Picture(name, archive.read(entry))  # stops at the size that was checked
    except Exception:  # zipfile and zlib raise errors of many kinds for a damaged entry
        return Picture(name, error=FerZooError(f"{name}: {say(language, 'batch.bad_zip')}"))
