"""Image headers checked for values that would make a decoder spend minutes or gigabytes on a small file."""

import re
import struct
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from fer_zoo.errors import ImageError

MAX_SCANS = 200  # of a JPEG; encoders write about ten, and each one is a pass over the whole picture
MIN_TILE_LIMIT = 1 << 20  # pixels: a TIFF or AVIF tile up to this size is always allowed

_MARKER = re.compile(rb"\xff+([^\x00\xff])")  # FF 00 is a data byte FF
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_WITHOUT_SEGMENT = {0x01, *range(0xD0, 0xD9)}  # TEM, RST0 to RST7, SOI
_WIDTH, _HEIGHT, _BITS, _SAMPLES, _STRIP_ROWS, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 258, 277, 278, 322, 323
_SIZE_TAGS = {_WIDTH, _HEIGHT, _BITS, _SAMPLES, _STRIP_ROWS, _TILE_WIDTH, _TILE_HEIGHT}
_TIFF_INTEGERS = {3: "H", 4: "I"}

# AVIF: AOM, "AV1 Bitstream & Decoding Process Specification", 5.5; ISO/IEC 14496-12, 8.11.
_MAX_BOXES = 1000  # boxes and items to parse; a picture has about ten, a tiled one up to 256 more
_MAX_UNITS = 20  # of an item; the sequence header is the first or second
_SEQUENCE_HEADER = 1
_CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0}  # own bytes before the boxes inside


def check_headers(encoded: bytes, form: str | None, size: tuple[int, int]) -> None:
    """Raise ImageError, without the file's name, for a file that a decoder would spend minutes or gigabytes
    on. form and size (width, height): as Pillow reads them from the header.
    """
    if form in ("JPEG", "MPO"):
        _check_scans(encoded)
    elif form == "TIFF":
        _check_tiles(encoded, size)
    elif form == "AVIF":
        _check_coded_sizes(encoded, size)


def _check_scans(encoded: bytes) -> None:
    if encoded.count(b"\xff\xda") <= MAX_SCANS:  # an upper bound, with thumbnails and trailing data
        return
    scans = (marker for marker in _list_markers(encoded) if marker == _START_OF_SCAN)
    if next(islice(scans, MAX_SCANS, None), None) is not None:
        raise ImageError(f"a JPEG with over {MAX_SCANS} scans, the maximum. Save it again.", "damaged")


def _list_markers(encoded: bytes) -> Iterator[int]:
    """Markers of a JPEG up to its end, as libjpeg reads them, without bytes inside of segments."""
    offset = 0
    while found := _MARKER.search(encoded, offset):
        marker, offset = found[1][0], found.end()
        yield marker
        if marker == _END_OF_IMAGE:
            return
        if marker not in _WITHOUT_SEGMENT:
            offset += int.from_bytes(encoded[offset : offset + 2], "big")


def _check_tiles(encoded: bytes, size: tuple[int, int]) -> None:
    """A whole tile is decoded, even if the picture is smaller."""
    tags = list(_list_size_tags(encoded))
    repeated = [tag for tag, count in Counter(tag for tag, _ in tags).items() if count > 1]
    if repeated:  # Pillow uses the last one, libtiff the first
        raise ImageError(f"a TIFF with a repeated tag {repeated[0]}. Save it again.", "damaged")
    values = dict(tags)
    pixels = values.get(_TILE_WIDTH, 0) * values.get(_TILE_HEIGHT, 0)
    allowed = _limit_pixels(size)
    if pixels > allowed:
        raise ImageError(
            f"a TIFF with tiles of {pixels:,} pixels; at most {allowed:,} are allowed for "
            f"{size[0]}x{size[1]}. Save it again.",
            "damaged",
        )


def _limit_pixels(size: tuple[int, int]) -> int:
    return max(MIN_TILE_LIMIT, 2 * size[0] * size[1])


def _check_coded_sizes(encoded: bytes, size: tuple[int, int]) -> None:
    allowed = _limit_pixels(size)
    for width, height in list_coded_sizes(encoded):
        if width * height > allowed:
            raise ImageError(
                f"an AVIF with {size[0]}x{size[1]} pixels in its header and {width}x{height} in its data; at "
                f"most {allowed:,} pixels are allowed. Save it again.",
                "damaged",
            )


def _list_size_tags(encoded: bytes) -> Iterator[tuple[int, int]]:
    """Tags that determine the memory needed, with values, of the first picture of a TIFF or BigTIFF."""
    order = "<" if encoded[:2] == b"II" else ">"
    big = encoded[2:4] in (b"+\0", b"\0+")
    try:
        (start,) = struct.unpack_from(f"{order}Q" if big else f"{order}I", encoded, 8 if big else 4)
        (count,) = struct.unpack_from(f"{order}Q" if big else f"{order}H", encoded, start)
        start, entry, value = (start + 8, 20, 12) if big else (start + 2, 12, 8)
        for offset in range(start, start + entry * count, entry):
            tag, kind = struct.unpack_from(f"{order}HH", encoded, offset)
            if tag not in _SIZE_TAGS:
                continue
            integer = _TIFF_INTEGERS.get(kind, "Q" if big else "I")
            yield tag, struct.unpack_from(f"{order}{integer}", encoded, offset + value)[0]
    except struct.error:
        raise ImageError("a TIFF with a truncated directory.", "damaged") from None


def list_coded_sizes(encoded: bytes) -> Iterator[tuple[int, int]]:
    """Width and height in each AV1 sequence header at the start of an AVIF item's data.

    A decoder uses these sizes; the file's `ispe` box may have others. Truncated headers are skipped, and so
    are the frames of an animation.
    """
    boxes = list(islice(_list_boxes(encoded, 0, len(encoded)), _MAX_BOXES))
    data_start = next((start for kind, start, _ in boxes if kind == b"idat"), 0)
    for kind, start, end in boxes:
        try:
            if kind == b"iloc":
                for method, offset in islice(_list_items(encoded[start:end]), _MAX_BOXES):
                    yield from _list_sequence_sizes(encoded, offset + (data_start if method == 1 else 0))
            elif kind == b"av1C":
                yield from _list_sequence_sizes(encoded, start + 4)
        except (struct.error, IndexError):
            continue


def _list_boxes(encoded: bytes, offset: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, and start and end of the content, of every box."""
    while offset + 16 <= end:
        length, kind, long_length = struct.unpack_from(">I4sQ", encoded, offset)
        start = offset + (16 if length == 1 else 8)
        stop = min(end, offset + (long_length if length == 1 else length or end - offset))
        if stop < start:
            return
        if kind in _CONTAINERS:
            yield from _list_boxes(encoded, start + _CONTAINERS[kind], stop)
        else:
            yield kind, start, stop
        offset = stop


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
            position = start + reader.read(offset)
            reader.read(length)
            if not extent:
                yield method, position


def _list_sequence_sizes(encoded: bytes, offset: int) -> Iterator[tuple[int, int]]:
    """Sizes in the sequence headers among the OBUs from `offset` up to the first frame."""
    for _ in range(_MAX_UNITS):
        kind, has_extension, has_size = encoded[offset] >> 3 & 15, encoded[offset] & 4, encoded[offset] & 2
        offset += 2 if has_extension else 1
        size, shift = len(encoded) - offset, 0
        if has_size:
            size = 0
            while True:
                size |= (encoded[offset] & 127) << shift
                offset, shift = offset + 1, shift + 7
                if not encoded[offset - 1] & 128:
                    break
        if kind == _SEQUENCE_HEADER:
            yield _read_sequence_size(_Bits(encoded[offset : offset + min(size, 500)]))
        elif kind not in (2, 5, 15):  # temporal delimiter, metadata, padding
            return
        offset += size


class _Bits:
    def __init__(self, content: bytes) -> None:
        self._content, self._offset = content, 0  # offset in bits

    def read(self, count: int) -> int:
        """The next bits as a number. Raises IndexError past the end."""
        end = self._offset + count
        if end > 8 * len(self._content):
            raise IndexError
        first, last = self._offset // 8, -(-end // 8)
        value = int.from_bytes(self._content[first:last], "big") >> (8 * last - end)
        self._offset = end
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
