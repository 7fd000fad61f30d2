"""Every kind of picture is read correctly, or refused in one line with its name."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_zoo.errors import ImageError
from fer_zoo.utils import images
from fer_zoo.utils.images import (
    expand_paths,
    read_photo,
    read_scaled_photo,
    to_gray,
    whole_picture,
)

RED, BLUE = (200, 30, 30), (30, 30, 200)


def two_colors(mode: str = "RGB", size: tuple[int, int] = (64, 40)) -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.convert(mode)


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG with this size in its header and no pixels: it must be refused before decoding."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def faces48(count: int = 3) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (count, 48, 48), dtype=np.uint8)


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("PNG", "RGB"),
        ("PNG", "P"),
        ("WEBP", "RGB"),
        ("BMP", "RGB"),
        ("GIF", "P"),
        ("TIFF", "RGB"),
        ("TIFF", "CMYK"),
    ],
)
def test_each_format_keeps_its_colors(tmp_path: Path, form: str, mode: str) -> None:
    path = tmp_path / "wrong.suffix"
    image = two_colors().quantize(4) if mode == "P" else two_colors(mode)
    path.write_bytes(encode(image, form))
    photo = read_photo(path)
    assert (photo.mode, photo.size) == ("RGB", (64, 40))
    np.testing.assert_allclose(photo.getpixel((8, 20)), RED, atol=25)
    np.testing.assert_allclose(photo.getpixel((56, 20)), BLUE, atol=25)


def test_avif_is_read_where_pillow_has_it() -> None:
    from PIL import features

    if not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    np.testing.assert_allclose(read_photo(encode(two_colors(), "AVIF")).getpixel((8, 20)), RED, atol=25)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_gray_and_black_white_become_rgb(mode: str) -> None:
    image = Image.new("L", (32, 32), 0)
    image.paste(255, (16, 0, 32, 32))
    pixels = np.asarray(read_photo(encode(image.convert(mode), "PNG")))
    assert pixels.shape == (32, 32, 3) and pixels[:, 0].max() == 0 and pixels[:, 31].min() == 255


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_gray_is_scaled_not_clipped(form: str) -> None:
    values = np.tile(np.arange(256, dtype=np.uint16) * 257, (32, 1))
    pixels = np.asarray(read_photo(encode(Image.fromarray(values), form)))
    np.testing.assert_array_equal(pixels[0, :, 0], np.arange(256))


def test_float_tiff_with_1_as_white_is_read_and_other_scales_refused() -> None:
    ramp = np.tile(np.linspace(0, 1, 32, dtype=np.float32), (32, 1))
    pixels = np.asarray(read_photo(encode(Image.fromarray(ramp), "TIFF")))
    assert pixels[0, 0, 0] == 0 and pixels[0, 31, 0] == 255
    with pytest.raises(ImageError, match="floating-point"):
        read_photo(encode(Image.fromarray(ramp * 255), "TIFF"))
    ramp[0, 0] = np.nan
    with pytest.raises(ImageError, match="floating-point"):
        read_photo(encode(Image.fromarray(ramp), "TIFF"))


def test_32_bit_integers_are_refused() -> None:
    with pytest.raises(ImageError, match="32-bit"):
        read_photo(encode(Image.fromarray(np.full((20, 20), 70000, dtype=np.int32)), "TIFF"))


@pytest.mark.parametrize(("form", "mode"), [("PNG", "RGBA"), ("PNG", "LA"), ("WEBP", "RGBA")])
def test_transparent_pixels_become_white(form: str, mode: str) -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (16, 0, 32, 32))
    pixels = np.asarray(read_photo(encode(image.convert(mode), form)))
    assert pixels[:, 2].min() > 250 and pixels[:, 29].max() < 5


def test_transparent_palette_entries_become_white() -> None:
    image = Image.new("P", (32, 32), 0)
    image.putpalette([0, 0, 0, 200, 30, 30])
    image.paste(1, (16, 0, 32, 32))
    photo = read_photo(encode(image, "PNG", transparency=0))
    assert photo.getpixel((2, 2)) == (255, 255, 255) and photo.getpixel((29, 2)) == RED


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_first_frame_of_an_animation(form: str) -> None:
    frames = [Image.new("RGB", (32, 32), color) for color in (RED, BLUE)]
    photo = read_photo(encode(frames[0], form, save_all=True, append_images=frames[1:]))
    np.testing.assert_allclose(photo.getpixel((16, 16)), RED, atol=25)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(("orientation", "turn"), [(3, "ROTATE_180"), (6, "ROTATE_90"), (8, "ROTATE_270")])
def test_exif_rotation_is_applied(form: str, orientation: int, turn: str) -> None:
    upright = two_colors()
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright.transpose(Image.Transpose[turn])
    photo = read_photo(encode(stored, form, exif=exif))
    assert photo.size == upright.size
    np.testing.assert_allclose(photo.getpixel((8, 20)), RED, atol=25)


def test_large_picture_is_downscaled_and_its_scale_returned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo, scale = read_scaled_photo(encode(Image.new("RGB", (4000, 3000), RED), "JPEG", exif=exif))
    assert photo.size == (1200, 1600) and scale == (2.5, 2.5)
    assert read_scaled_photo(two_colors())[1] == (1.0, 1.0)


@pytest.mark.parametrize("size", [(4000, 3001), (3999, 1203), (1203, 3999)])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_each_axis_has_its_own_scale(form: str, orientation: int, size: tuple[int, int]) -> None:
    """Boxes would otherwise miss the picture's right or lower edge."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo, scale = read_scaled_photo(encode(Image.new("L", size), form, exif=exif))
    upright = size if orientation == 1 else size[::-1]
    assert max(photo.size) == 1600
    assert (photo.width * scale[0], photo.height * scale[1]) == pytest.approx(upright, abs=1e-6)


def test_arrays_by_dtype_and_shape() -> None:
    pixels = np.asarray(two_colors())
    np.testing.assert_array_equal(np.asarray(read_photo(pixels)), pixels)
    np.testing.assert_array_equal(np.asarray(read_photo(pixels[:, ::-1])), pixels[:, ::-1])
    np.testing.assert_array_equal(np.asarray(read_photo(pixels[:, :, 0]))[:, :, 1], pixels[:, :, 0])
    clear = np.concatenate([pixels, np.zeros_like(pixels[:, :, :1])], axis=2)
    assert np.asarray(read_photo(clear)).min() == 255
    for wrong in (pixels / 255.0, pixels.astype(np.int64), pixels[None], pixels[:, :, :2], pixels[:0]):
        with pytest.raises(ImageError, match="uint8"):
            read_photo(wrong)


def test_given_pillow_image_is_not_changed() -> None:
    data = encode(two_colors(size=(3400, 2000)), "JPEG")
    given = Image.open(io.BytesIO(data))
    read_photo(given)
    assert given.size == (3400, 2000)


def broken_files() -> dict[str, bytes]:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    return {
        "empty.jpg": b"",
        "text.jpg": b"this is not a picture",
        "short.jpg": encode(noise, "JPEG")[:-900],
        "short.png": encode(noise, "PNG")[:-900],
        "short.webp": encode(noise, "WEBP")[:-900],
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='99' height='99'></svg>",
        "phone.heic": struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(200),
        "dot.png": encode(Image.new("RGB", (1, 1)), "PNG"),
    }


@pytest.mark.parametrize("name", sorted(broken_files()))
def test_broken_file_gives_one_line_with_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(broken_files()[name])
    with pytest.raises(ImageError) as caught:
        read_photo(path)
    assert name in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(ImageError):
        read_photo(path.read_bytes())


@pytest.mark.parametrize("size", [(8000, 5001), (20000, 20000)])
def test_too_many_pixels_in_the_header_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="40 megapixels"):
        read_photo(png_header(*size))


def test_missing_file_folder_and_other_types(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nowhere\.jpg: no such file"):
        read_photo(tmp_path / "nowhere.jpg")
    with pytest.raises(ImageError, match="folder"):
        read_photo(tmp_path)
    with pytest.raises(ImageError, match="NoneType"):
        read_photo(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF"])
def test_gray_48_face_is_unchanged(tmp_path: Path, form: str) -> None:
    for row in faces48():
        path = tmp_path / f"face.{form.lower()}"
        Image.fromarray(row).save(path, form)
        np.testing.assert_array_equal(whole_picture(read_photo(path)), row)
        np.testing.assert_array_equal(whole_picture(read_photo(row)), row)
        np.testing.assert_array_equal(whole_picture(read_photo(np.repeat(row[:, :, None], 3, axis=2))), row)


def test_color_becomes_luma() -> None:
    for color, luma in (((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29), ((255, 255, 255), 255)):
        assert set(to_gray(Image.new("RGB", (48, 48), color)).ravel()) == {luma}


def test_whole_picture_keeps_proportions() -> None:
    image = Image.new("RGB", (200, 100), "black")
    image.paste("white", (80, 30, 120, 70))  # a square stays a square
    bright = whole_picture(image) > 127
    assert bright.any(axis=1).sum() == bright.any(axis=0).sum() == pytest.approx(48 * 40 / 200, abs=1)


def test_expand_paths(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "inner/c.webp", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in expand_paths([str(tmp_path)])] == ["a.JPG", "b.png", "c.webp"]
    assert [path.name for path in expand_paths([str(tmp_path / "*.png")])] == ["b.png"]
    assert expand_paths([str(tmp_path / "notes.txt")]) == [tmp_path / "notes.txt"]
    for absent in ("absent.jpg", "*.gif"):
        with pytest.raises(ImageError, match="no such file"):
            expand_paths([str(tmp_path / absent)])


@pytest.mark.parametrize("size", [(3200, 2400), (2400, 3200), (3264, 2448)])
def test_a_large_jpeg_is_decoded_at_half_size(size: tuple[int, int], monkeypatch) -> None:
    """For any aspect ratio: phones use 4:3, and full decoding takes twice as long."""
    decoded = []
    turn = images._upright_rgb
    monkeypatch.setattr(images, "_upright_rgb", lambda image: decoded.append(image.size) or turn(image))
    photo, scale = read_scaled_photo(encode(Image.new("RGB", size, RED), "JPEG"))
    assert decoded == [(size[0] // 2, size[1] // 2)]
    assert max(photo.size) == 1600 and scale == pytest.approx((max(size) / 1600,) * 2)


def test_a_jpeg_below_twice_the_working_size_is_decoded_in_full() -> None:
    assert read_photo(encode(two_colors(size=(3000, 900)), "JPEG")).size == (1600, 480)


def test_a_video_is_refused_with_its_command(tmp_path: Path) -> None:
    clip = tmp_path / "clip.MP4"
    clip.write_bytes(b"\x00\x00\x00 ftypisom" * 20)
    with pytest.raises(ImageError, match=r"clip\.MP4: not a picture .* For videos, use `fer-zoo video`"):
        read_photo(clip)
