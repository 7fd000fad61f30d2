"""The sample tables of an MP4 or MOV, checked before FFmpeg allocates memory for them."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fer_zoo.errors import ImageError

MAX_BOXES = 200_000  # two hours in fragments of a second have 50,000

# Those that FFmpeg parses.
_CONTAINERS = {
    *(b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex"),
    *(b"edts", b"udta", b"dinf", b"tref", b"wave"),
}
_ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stsc": 12, b"stco": 4, b"co64": 8, b"stss": 4, b"stps": 4}
_SIZED_SAMPLES, _PACKED_SIZES, _FRAGMENT = b"stsz", b"stz2", b"trun"


def check_sample_tables(path: Path) -> None:
    """Raises ImageError for an MP4 or MOV that claims more samples or entries than its size allows. FFmpeg
    allocates about 40 bytes for each.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        for number, (kind, payload, head) in enumerate(_list_boxes(file, size), 1):
            if number > MAX_BOXES:
                raise ImageError(f"{path}: a video of over {MAX_BOXES:,} boxes; save it again.", "damaged")
            count, max_count = _count_entries(kind, payload, head, size)
            if count > max_count:
                raise ImageError(
                    f"{path}: its table {kind.decode()!r} claims {count:,} entries; the file has room for "
                    f"{max_count:,}. Save it again.",
                    "damaged",
                )


def _list_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, bytes]]:
    """Type, payload size and the first 12 payload bytes of every box, nested ones included."""
    offset = 0
    while offset + 8 <= size:
        file.seek(offset)
        head = file.read(28)
        length, kind = struct.unpack_from(">I4s", head)
        header = 8
        if length == 1 and len(head) >= 16:
            (length,) = struct.unpack_from(">Q", head, 8)
            header = 16
        if length == 0:  # to the end of the file
            length = size - offset
        if length < header:
            return
        yield kind, min(length, size - offset) - header, head[header : header + 12]
        offset += header if kind in _CONTAINERS else length


def _count_entries(kind: bytes, payload: int, head: bytes, size: int) -> tuple[int, int]:
    """Entries that a table claims, and the maximum for a file of this size."""
    if len(head) < 8:
        return 0, 0
    second, third = struct.unpack(">II", head[4:].ljust(8, b"\0")[:8])
    if kind in _ENTRY_BYTES:
        return second, max(0, payload - 8) // _ENTRY_BYTES[kind]
    if kind == _SIZED_SAMPLES:  # one size for all, or 0 and a table
        return third, size // second if second else max(0, payload - 12) // 4
    if kind == _PACKED_SIZES:
        return third, max(0, payload - 12) * 2
    return (second, size) if kind == _FRAGMENT else (0, 0)  # a sample has at least one byte
