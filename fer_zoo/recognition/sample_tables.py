"""What the tables of an MP4 or MOV claim, checked before FFmpeg makes room for it."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fer_zoo.errors import ImageError

MAX_BOXES = 200_000  # two hours in fragments of a second have 50,000

# Those that FFmpeg looks into.
_CONTAINERS = {
    *(b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex"),
    *(b"edts", b"udta", b"dinf", b"tref", b"wave"),
}
_ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stsc": 12, b"stco": 4, b"co64": 8, b"stss": 4, b"stps": 4}
_SIZED_SAMPLES, _PACKED_SIZES, _FRAGMENT = b"stsz", b"stz2", b"trun"


def check_sample_tables(path: Path) -> None:
    """Raises ImageError for an MP4 or MOV with more samples or entries than its bytes can hold. FFmpeg takes
    about 40 bytes of memory for each.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        for number, (kind, payload, head) in enumerate(_list_boxes(file, size), 1):
            if number > MAX_BOXES:
                raise ImageError(f"{path}: a video in over {MAX_BOXES:,} boxes; save it anew.", "damaged")
            count, most = _count_entries(kind, payload, head, size)
            if count > most:
                raise ImageError(
                    f"{path}: its table {kind.decode()!r} claims {count:,} entries, but there is room for "
                    f"{most:,}; save it anew.",
                    "damaged",
                )


def _list_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, bytes]]:
    """Kind, bytes of payload and the first 12 of them, of every box, those in containers too."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(28)
        length, kind = struct.unpack_from(">I4s", head)
        begins = 8
        if length == 1 and len(head) >= 16:
            (length,) = struct.unpack_from(">Q", head, 8)
            begins = 16
        if length == 0:  # up to the end
            length = size - place
        if length < begins:
            return
        yield kind, min(length, size - place) - begins, head[begins : begins + 12]
        place += begins if kind in _CONTAINERS else length


def _count_entries(kind: bytes, payload: int, head: bytes, size: int) -> tuple[int, int]:
    """Entries that a table claims, and the most that there can be in a file of this size."""
    if len(head) < 8:
        return 0, 0
    second, third = struct.unpack(">II", head[4:].ljust(8, b"\0")[:8])
    if kind in _ENTRY_BYTES:
        return second, max(0, payload - 8) // _ENTRY_BYTES[kind]
    if kind == _SIZED_SAMPLES:  # a size for all of them, or 0 and a table
        return third, size // second if second else max(0, payload - 12) // 4
    if kind == _PACKED_SIZES:
        return third, max(0, payload - 12) * 2
    return (second, size) if kind == _FRAGMENT else (0, 0)  # a sample has a byte at least
