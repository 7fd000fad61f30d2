"""The size of an AVIF's pictures as their AV1 data have it, which a decoder goes by: the size that the file
tells first (`ispe`) may be another.

AOM, "AV1 Bitstream & Decoding Process Specification", 5.5; ISO/IEC 14496-12, 8.11.
"""

import struct
from collections.abc import Iterator
from itertools import islice

MOST = 1000  # boxes and items that are looked into; a picture has some ten, one of tiles at most 256 more
MAX_UNITS = 20  # of an item; the sequence header is the first or second
_SEQUENCE_HEADER = 1
_CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0}  # bytes of their own before the boxes inside


def list_coded_sizes(encoded: bytes) -> Iterator[tuple[int, int]]:
    """Width and height in each sequence header at the beginning of an item's data. What is cut off is left
    out. Not for the frames of an animation.
    """
    boxes = list(islice(_list_boxes(encoded, 0, len(encoded)), MOST))
    inside = next((begins for kind, begins, _ in boxes if kind == b"idat"), 0)
    for kind, begins, ends in boxes:
        try:
            if kind == b"iloc":
                for method, offset in islice(_list_items(encoded[begins:ends]), MOST):
                    yield from _list_sequence_sizes(encoded, offset + (inside if method == 1 else 0))
            elif kind == b"av1C":
                yield from _list_sequence_sizes(encoded, begins + 4)
        except (struct.error, IndexError):
            continue


def _list_boxes(encoded: bytes, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, beginning and end of the content of every box."""
    while place + 16 <= end:
        length, kind, long_length = struct.unpack_from(">I4sQ", encoded, place)
        begins = place + (16 if length == 1 else 8)
        ends = min(end, place + (long_length if length == 1 else length or end - place))
        if ends < begins:
            return
        if kind in _CONTAINERS:
            yield from _list_boxes(encoded, begins + _CONTAINERS[kind], ends)
        else:
            yield kind, begins, ends
        place = ends


def _list_items(table: bytes) -> Iterator[tuple[int, int]]:
    """Construction method and offset of the first extent of each item, of an `iloc` box."""
    reader = _Bits(table)
    version, _ = reader.read(8), reader.read(24)
    offset, length, base, index = (8 * reader.read(4) for _ in range(4))
    for _ in range(reader.read(32 if version == 2 else 16)):
        reader.read(32 if version == 2 else 16)
        method = reader.read(16) & 15 if version else 0
        reader.read(16)
        start = reader.read(base)
        for extent in range(reader.read(16)):
            reader.read(index if version else 0)
            place = start + reader.read(offset)
            reader.read(length)
            if not extent:
                yield method, place


def _list_sequence_sizes(encoded: bytes, place: int) -> Iterator[tuple[int, int]]:
    """Of the sequence headers among the OBUs from there on, up to the first of a frame."""
    for _ in range(MAX_UNITS):
        kind, has_extension, has_size = encoded[place] >> 3 & 15, encoded[place] & 4, encoded[place] & 2
        place += 2 if has_extension else 1
        size, shift = len(encoded) - place, 0
        if has_size:
            size = 0
            while True:
                size |= (encoded[place] & 127) << shift
                place, shift = place + 1, shift + 7
                if not encoded[place - 1] & 128:
                    break
        if kind == _SEQUENCE_HEADER:
            yield _read_sequence_size(_Bits(encoded[place : place + min(size, 500)]))
        elif kind not in (2, 5, 15):  # temporal delimiter, metadata, padding
            return
        place += size


class _Bits:
    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0

    def read(self, count: int) -> int:
        """The next bits as a number. Raises IndexError behind the end."""
        end = self._place + count
        if end > 8 * len(self._content):
            raise IndexError
        first, last = self._place // 8, -(-end // 8)
        value = int.from_bytes(self._content[first:last], "big") >> (8 * last - end)
        self._place = end
        return value & ((1 << count) - 1)


def _read_sequence_size(bits: _Bits) -> tuple[int, int]:
    bits.read(4)  # profile, still picture
    if bits.read(1):  # reduced header
        bits.read(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(width_bits) + 1, bits.read(height_bits) + 1


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.read(1):  # timing
        bits.read(64)
        if bits.read(1):
            zeros = 0
            while not bits.read(1):
                zeros += 1
            bits.read(zeros)
        if bits.read(1):  # decoder model
            delay_bits = bits.read(5) + 1
            bits.read(42)
    has_display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if delay_bits and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if has_display_delay and bits.read(1):
            bits.read(4)
