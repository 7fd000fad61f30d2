"""Small files that would cost a decoder minutes or gigabytes, all generated here."""

import io
import struct
import time

import numpy as np
import pytest
from PIL import Image, features

from fer_zoo.errors import ImageError
from fer_zoo.utils.image_headers import MAX_SCANS, list_coded_sizes
from fer_zoo.utils.images import read_photo


def encode_jpeg(side: int = 64, **options: object) -> bytes:
    written = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).save(written, "JPEG", progressive=True, **options)
    return written.getvalue()


def repeat_last_scan(encoded: bytes, count: int) -> bytes:
    """A progressive JPEG with a repeated last scan."""
    last = encoded.rindex(b"\xff\xda")
    return encoded[:last] + encoded[last:-2] * count + encoded[-2:]


def make_tiff(*tags: tuple[int, int], order: str = "<", big: bool = False) -> bytes:
    """Truncated LZW data of 64x64 gray pixels, with these additional tags."""
    entries = [(256, 64), (257, 64), (258, 8), (259, 5), (262, 1), (277, 1), *tags]
    mark = {"<": b"II", ">": b"MM"}[order]
    if big:
        head = mark + struct.pack(f"{order}HHHQQ", 43, 8, 0, 16, len(entries))
        rows = b"".join(struct.pack(f"{order}HHQQ", tag, 16, 1, value) for tag, value in sorted(entries))
    else:
        head = mark + struct.pack(f"{order}HIH", 42, 8, len(entries))
        rows = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in sorted(entries))
    return (head + rows + bytes(8)).ljust(400, b"\0") + b"\x80\0" * 100


def test_a_jpeg_of_thousands_of_scans_is_refused_at_once() -> None:
    bomb = repeat_last_scan(encode_jpeg(512), 3000)
    start = time.process_time()
    with pytest.raises(ImageError, match="a JPEG with over 200 scans") as caught:
        read_photo(bomb)
    assert time.process_time() - start < 1 and caught.value.kind == "damaged"
    assert str(caught.value).startswith("The bytes: ") and "\n" not in str(caught.value)


def test_scans_of_a_thumbnail_and_after_the_picture_do_not_count() -> None:
    """As in a phone's photo with an embedded thumbnail and an appended video."""
    noise = b"\xff\xda\0\x02" * (MAX_SCANS + 1)
    plain = encode_jpeg()
    segment = b"\xff\xec" + struct.pack(">H", 2 + len(noise)) + noise
    photo = plain[:2] + segment + plain[2:] + noise
    assert photo.count(b"\xff\xda") > 2 * MAX_SCANS
    np.testing.assert_array_equal(np.asarray(read_photo(photo)), np.asarray(read_photo(plain)))


def test_a_jpeg_with_restart_markers_and_many_scans_is_read() -> None:
    photo = repeat_last_scan(encode_jpeg(restart_marker_rows=1), MAX_SCANS - 20)
    assert read_photo(photo).size == (64, 64)


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
def test_a_tiff_with_tiles_far_larger_than_the_picture_is_refused(order: str, big: bool) -> None:
    strips = ((324, 400), (325, 200))
    with pytest.raises(ImageError, match=r"tiles of 1,073,741,824 pixels; at most 1,048,576 .* for 64x64"):
        read_photo(make_tiff((322, 32768), (323, 32768), *strips, order=order, big=big))
    with pytest.raises(ImageError, match="a repeated tag 322"):  # libtiff uses the first, Pillow the last
        read_photo(make_tiff((322, 16384), (322, 64), (323, 64), *strips, order=order, big=big))
    with pytest.raises(ImageError, match="damaged or truncated"):  # the tiles are small enough
        read_photo(make_tiff((322, 64), (323, 64), *strips, order=order, big=big))


def test_normal_tiffs_are_read() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400), dtype=np.uint8))
    for options in ({}, {"compression": "tiff_lzw"}, {"big_tiff": True}, {"tiffinfo": {278: 2**32 - 1}}):
        written = io.BytesIO()
        noise.save(written, "TIFF", **options)
        np.testing.assert_array_equal(np.asarray(read_photo(written.getvalue()))[:, :, 0], np.asarray(noise))


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_avif_with_far_more_pixels_than_in_its_header_is_refused(mode: str) -> None:
    written = io.BytesIO()
    Image.new(mode, (2048, 1024), (200, 0, 0, 90)[: len(mode)]).save(written, "AVIF", speed=10)
    encoded = written.getvalue()
    assert set(list_coded_sizes(encoded)) == {(2048, 1024)} and read_photo(encoded).size == (1600, 800)
    forged = encoded.replace(
        b"ispe" + struct.pack(">III", 0, 2048, 1024), b"ispe" + struct.pack(">III", 0, 64, 64)
    )
    with pytest.raises(ImageError, match="an AVIF with 64x64 pixels in its header and 2048x1024 in its data"):
        read_photo(forged)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow was built without AVIF")
def test_a_truncated_avif_has_no_wrong_size() -> None:
    written = io.BytesIO()
    Image.new("RGB", (100, 80)).save(written, "AVIF", speed=10)
    for end in range(0, len(written.getvalue()), 7):
        assert set(list_coded_sizes(written.getvalue()[:end])) <= {(100, 80)}


def test_an_avif_with_huge_tables_is_parsed_quickly() -> None:
    """60,000 items, each starting with the same million units of padding."""
    unit, items = b"\x7a\0", 60_000
    table = struct.pack(">IHH", 0, 0x4400, items) + struct.pack(">HHHII", 1, 0, 1, 1_000_000, 9) * items
    meta = b"iloc" + table
    content = bytes(4) + struct.pack(">I", 4 + len(meta)) + meta
    bomb = struct.pack(">I4s", 8 + len(content), b"meta") + content + unit * 1_000_000
    start = time.perf_counter()
    assert list(list_coded_sizes(bomb)) == []
    assert time.perf_counter() - start < 2
