"""What a picture's file claims about itself, checked before a decoder believes it."""

import re
import struct
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from fer_zoo.errors import ImageError
from fer_zoo.utils.avif_headers import list_coded_sizes

MAX_SCANS = 200  # of a JPEG; encoders write about ten, and each one is a pass over the whole picture
LEAST_TILE = 1 << 20  # pixels of a TIFF's or AVIF's tile that are allowed whatever the picture's size

_MARKER = re.compile(rb"\xff+([^\x00\xff])")  # FF 00 is a data byte FF
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment: TEM, RST0 to RST7, SOI
_WIDTH, _HEIGHT, _BITS, _SAMPLES, _STRIP_ROWS, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 258, 277, 278, 322, 323
_SIZE_TAGS = {_WIDTH, _HEIGHT, _BITS, _SAMPLES, _STRIP_ROWS, _TILE_WIDTH, _TILE_HEIGHT}
_TIFF_INTEGERS = {3: "H", 4: "I"}


def check_headers(encoded: bytes, form: str | None, size: tuple[int, int]) -> None:
    """Raises ImageError, without the file's name, for a small file that a decoder would spend minutes or
    gigabytes on. form and size: as Pillow reads them from the header.
    """
    if form in ("JPEG", "MPO"):
        _check_scans(encoded)
    elif form == "TIFF":
        _check_tiles(encoded, size)
    elif form == "AVIF":
        _check_coded_sizes(encoded, size)


def _check_scans(encoded: bytes) -> None:
    if encoded.count(b"\xff\xda") <= MAX_SCANS:  # thumbnails and what follows the picture included
        return
    scans = (marker for marker in _list_markers(encoded) if marker == _START_OF_SCAN)
    if next(islice(scans, MAX_SCANS, None), None) is not None:
        raise ImageError(f"a JPEG of over {MAX_SCANS} scans, the most allowed. Save it anew.", "damaged")


def _list_markers(encoded: bytes) -> Iterator[int]:
    """Markers of a JPEG up to its end, as libjpeg meets them: those inside of segments are none."""
    place = 0
    while found := _MARKER.search(encoded, place):
        marker, place = found[1][0], found.end()
        yield marker
        if marker == _END_OF_IMAGE:
            return
        if marker not in _ALONE:
            place += int.from_bytes(encoded[place : place + 2], "big")


def _check_tiles(encoded: bytes, size: tuple[int, int]) -> None:
    """A tile is decoded whole, even if the picture is smaller."""
    tags = list(_list_size_tags(encoded))
    repeated = [tag for tag, count in Counter(tag for tag, _ in tags).items() if count > 1]
    if repeated:  # Pillow believes the last one, libtiff the first
        raise ImageError(f"a TIFF that has its tag {repeated[0]} twice. Save it anew.", "damaged")
    values = dict(tags)
    pixels = values.get(_TILE_WIDTH, 0) * values.get(_TILE_HEIGHT, 0)
    allowed = max(LEAST_TILE, 2 * size[0] * size[1])
    if pixels > allowed:
        raise ImageError(
            f"a TIFF with tiles of {pixels:,} pixels; at most {allowed:,} are allowed for "
            f"{size[0]}x{size[1]}. Save it anew.",
            "damaged",
        )


def _check_coded_sizes(encoded: bytes, size: tuple[int, int]) -> None:
    allowed = max(LEAST_TILE, 2 * size[0] * size[1])
    for width, height in list_coded_sizes(encoded):
        if width * height > allowed:
            raise ImageError(
                f"an AVIF that says {size[0]}x{size[1]} pixels and holds {width}x{height}; at most "
                f"{allowed:,} are allowed then. Save it anew.",
                "damaged",
            )


def _list_size_tags(encoded: bytes) -> Iterator[tuple[int, int]]:
    """Tags that decide on the memory, and their values, of the first picture of a TIFF or BigTIFF."""
    order = "<" if encoded[:2] == b"II" else ">"
    big = encoded[2:4] in (b"+\0", b"\0+")
    try:
        (start,) = struct.unpack_from(f"{order}Q" if big else f"{order}I", encoded, 8 if big else 4)
        (count,) = struct.unpack_from(f"{order}Q" if big else f"{order}H", encoded, start)
        start, entry, value = (start + 8, 20, 12) if big else (start + 2, 12, 8)
        for place in range(start, start + entry * count, entry):
            tag, kind = struct.unpack_from(f"{order}HH", encoded, place)
            if tag not in _SIZE_TAGS:
                continue
            integer = _TIFF_INTEGERS.get(kind, "Q" if big else "I")
            yield tag, struct.unpack_from(f"{order}{integer}", encoded, place + value)[0]
    except struct.error:
        raise ImageError("a TIFF whose directory is cut off.", "damaged") from None
