"""MP4 and MOV files whose tables claim far more than the file can hold; all generated here."""

import struct
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_zoo.errors import ImageError
from fer_zoo.recognition.sample_tables import check_sample_tables
from fer_zoo.recognition.video import read_frames


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 64))
    for index in range(4):
        writer.write(np.full((64, 64, 3), 9 * index, np.uint8))
    writer.release()
    return path


def change(path: Path, kind: bytes, offset: int, *values: int) -> None:
    """Overwrite numbers in a box, `offset` bytes after its name."""
    content = bytearray(path.read_bytes())
    struct.pack_into(f">{len(values)}I", content, content.index(kind) + 4 + offset, *values)
    path.write_bytes(content)


def box(kind: bytes, *content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + sum(map(len, content)), kind) + b"".join(content)


def test_a_file_of_a_kilobyte_with_80_million_samples_is_refused_at_once(clip: Path) -> None:
    change(clip, b"stsz", 4, 1, 80_000_000)
    start = time.perf_counter()
    with pytest.raises(ImageError, match=r"clip\.mp4: its table 'stsz' claims 80,000,000 entries") as caught:
        next(read_frames(clip, 10))
    assert (
        time.perf_counter() - start < 1 and caught.value.kind == "damaged" and "\n" not in str(caught.value)
    )


@pytest.mark.parametrize("kind", [b"stts", b"stsc", b"stco", b"stsz"])
def test_a_table_with_more_entries_than_bytes_is_refused(clip: Path, kind: bytes) -> None:
    change(clip, kind, 8 if kind == b"stsz" else 4, 1000)
    with pytest.raises(ImageError, match=f"its table {kind.decode()!r} claims 1,000 entries"):
        next(read_frames(clip, 10))


@pytest.mark.parametrize("long_box", [False, True])
def test_fragments_are_counted_too(tmp_path: Path, long_box: bool) -> None:
    fragment = box(b"moof", box(b"traf", box(b"trun", struct.pack(">II", 0, 50_000_000))))
    if long_box:
        fragment = struct.pack(">I4sQ", 1, b"moof", len(fragment) + 8) + fragment[8:]
    path = tmp_path / "clip.mp4"
    path.write_bytes(box(b"ftyp", b"isom0000") + fragment)
    with pytest.raises(ImageError, match="'trun' claims 50,000,000 entries"):
        check_sample_tables(path)


def test_millions_of_empty_boxes_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(box(b"ftyp", b"isom0000") + box(b"free") * 300_000)
    with pytest.raises(ImageError, match="over 200,000 boxes"):
        check_sample_tables(path)


def test_good_tables_pass(clip: Path, tmp_path: Path) -> None:
    assert len(list(read_frames(clip, 1000))) == 4
    path = (
        tmp_path / "sound.mov"
    )  # uncompressed sound: two hours of one-byte samples, all there but not written
    path.write_bytes(
        box(b"ftyp", b"qt  0000") + box(b"stbl", box(b"stsz", struct.pack(">III", 0, 1, 50_000)))
    )
    with path.open("r+b") as file:
        file.truncate(100_000)
    check_sample_tables(path)
