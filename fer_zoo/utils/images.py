"""A picture in any form becomes an upright RGB photo, an image of a face becomes 48x48 gray: here and only
here.
"""

import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np

from fer_zoo.emotions import SIDE
from fer_zoo.errors import ImageError
from fer_zoo.utils.image_headers import check_headers

if TYPE_CHECKING:
    from PIL.Image import Image

Photo: TypeAlias = Union[str, Path, bytes, np.ndarray, "Image"]

SUFFIXES = {
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".avif",
}  # when a folder is searched
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
VIDEOS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm")
MAX_PIXELS = 40_000_000
MAX_BYTES = 300_000_000  # as many pixels of 16-bit RGB, not packed, take 240 MB
MIN_SIDE = 16  # pixels
MAX_WORKING_SIDE = 1600  # pixels: a photo's longest side after reading; a face of 24 pixels is found in it

_FORMAT_RULE = f"Allowed are {', '.join(FORMATS[:-1])} and {FORMATS[-1]}; save the picture as one of them."
_GREY_16_BIT = ("I;16", "I;16L", "I;16B", "I;16N")


_decode_elsewhere: "Callable[[bytes], tuple[Image, float]] | None" = None


def decode_bytes_with(decode: "Callable[[bytes], tuple[Image, float]] | None") -> None:
    """From here on, pictures that come as bytes are decoded by another function; None ends it."""
    global _decode_elsewhere
    _decode_elsewhere = decode


def read_photo(photo: Photo) -> "Image":
    """Upright RGB image, its longest side at most 1600 pixels; see read_scaled_photo."""
    return read_scaled_photo(photo)[0]


def read_scaled_photo(photo: Photo) -> tuple["Image", float]:
    """Upright RGB image, longest side at most 1600 pixels, and how many of the picture's own pixels make one.

    photo: a path, an encoded picture as bytes, a Pillow image, or a uint8 array (H, W), (H, W, 3) or (H, W,
    4) in RGB(A) order. EXIF rotation is applied, transparency lies on white, of an animation the first
    frame counts, and 16-bit gray is scaled to 8. Raises ImageError for what cannot be read or is outside
    the allowed size.
    """
    if _decode_elsewhere and isinstance(photo, bytes):
        return _decode_elsewhere(photo)
    return decode_photo(photo)


def decode_photo(photo: Photo) -> tuple["Image", float]:
    """`read_scaled_photo` in this process, whatever `decode_bytes_with` was given."""
    import PIL.Image

    name = _name(photo)
    if isinstance(photo, np.ndarray):
        image = _from_array(photo)
    elif isinstance(photo, PIL.Image.Image):
        image = photo
    else:
        image = _open(photo, name)
    width, height = image.size
    if width * height > MAX_PIXELS or min(width, height) < MIN_SIDE:
        raise ImageError(
            f"{name}: {width}x{height} pixels; allowed are sides from {MIN_SIDE} pixels"
            f" and at most {MAX_PIXELS // 1_000_000} megapixels.",
            "pixels",
        )
    try:
        if image is not photo:
            # A large JPEG is halved while it is decoded, as long as both of its sides stay long enough.
            shrunk = min(1.0, MAX_WORKING_SIDE / max(width, height))
            image.draft(None, (int(width * shrunk), int(height * shrunk)))
        upright = _upright_rgb(image)
    except ImageError as fault:
        raise ImageError(f"{name}: {fault}", fault.kind) from None
    except MemoryError:
        what = "there is not enough memory to decode it; make it smaller"
        raise ImageError(f"{name}: {what}.", "damaged") from None
    except Exception as fault:  # decoders raise errors of many kinds for a damaged file
        what = f"the picture is damaged or cut off ({_one_line(fault)})"
        raise ImageError(f"{name}: {what}.", "damaged") from None
    return upright, max(width, height) / max(upright.size)


def to_gray48(image: "Image") -> np.ndarray:
    """The gray contract, uint8 (48, 48), of an image of a face; its sides are stretched to 48 pixels.

    Luma is ITU-R 601 (Pillow's "L"), which leaves a gray RGB pixel as it is: a 48x48 gray image passes
    unchanged.
    """
    from PIL.Image import Resampling

    gray = image.convert("L")
    if gray.size != (SIDE, SIDE):
        gray = gray.resize((SIDE, SIDE), Resampling.LANCZOS)
    return np.array(gray)


def whole_picture(photo: "Image") -> np.ndarray:
    """uint8 (48, 48) of a photo that shows one face and little else; edges are repeated to make it square."""
    import PIL.Image

    width, height = photo.size
    if width == height:
        return to_gray48(photo)
    longest = max(width, height)
    above, left = (longest - height) // 2, (longest - width) // 2
    margins = ((above, longest - height - above), (left, longest - width - left))
    return to_gray48(PIL.Image.fromarray(np.pad(np.asarray(photo.convert("L")), margins, mode="edge")))


def read_face(photo: Photo) -> np.ndarray:
    """uint8 (48, 48) of a picture in any form that read_photo takes, the whole of it being the face."""
    return whole_picture(read_photo(photo))


def expand_paths(given: Sequence[str]) -> list[Path]:
    """The picture files that paths, folders (with what is inside them) and glob patterns name, in a stable
    order.

    Raises ImageError for a name that leads to nothing.
    """
    from glob import glob

    found: list[Path] = []
    for name in given:
        path = Path(name).expanduser()
        if path.is_dir():
            inside = sorted(entry for entry in path.rglob("*") if entry.suffix.lower() in SUFFIXES)
            if not inside:
                raise ImageError(f"{name}: no picture in this folder. {_FORMAT_RULE}")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            matches = sorted(
                Path(match) for match in glob(str(path), recursive=True) if Path(match).is_file()
            )
            if not matches:
                raise ImageError(
                    f"{name}: no such file. Give pictures, folders or patterns such as 'photos/*.jpg'."
                )
            found += matches
    return found


def _name(photo: object) -> str:
    if isinstance(photo, (str, Path)):
        return str(photo)
    return f"The {type(photo).__name__}" if isinstance(photo, (bytes, np.ndarray)) else "The picture"


def _from_array(pixels: np.ndarray) -> "Image":
    import PIL.Image

    shape_is_right = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
    if pixels.dtype != np.uint8 or not shape_is_right or not pixels.size:
        raise ImageError(
            f"The array is {pixels.dtype} {pixels.shape}; allowed is uint8 (H, W), (H, W, 3) or (H, W, 4)."
            + (
                " Convert it: (array * 255).round().astype('uint8') if 1 is white."
                if pixels.dtype.kind == "f"
                else ""
            )
        )
    return PIL.Image.fromarray(np.ascontiguousarray(pixels))


def _open(photo: str | Path | bytes, name: str) -> "Image":
    """The picture with only its header read."""
    import PIL.Image

    if not isinstance(photo, (str, Path, bytes)):
        raise ImageError(
            f"A {type(photo).__name__} is no picture; give a path, bytes, a Pillow image or an array."
        )
    if not isinstance(photo, bytes) and not Path(photo).is_file():
        what = "a folder; give the pictures in it" if Path(photo).is_dir() else "no such file"
        raise ImageError(f"{name}: {what}.")
    PIL.Image.init()
    readable = [form for form in FORMATS if form in PIL.Image.OPEN]  # a Pillow may be built without AVIF
    try:
        size = len(photo) if isinstance(photo, bytes) else Path(photo).stat().st_size
        if size > MAX_BYTES:
            raise ImageError(f"{size:,} bytes; at most {MAX_BYTES:,} are allowed.", "bytes")
        encoded = photo if isinstance(photo, bytes) else Path(photo).read_bytes()
        if not encoded:
            raise ImageError(f"empty, 0 bytes. {_FORMAT_RULE}", "damaged")
        with warnings.catch_warnings():
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            image = PIL.Image.open(io.BytesIO(encoded), formats=readable)
        check_headers(encoded, image.format, image.size)
        return image
    except PIL.UnidentifiedImageError:
        what = "not a picture of a kind that is read here"
        rule = "For videos there is `fer-zoo video`." if name.lower().endswith(VIDEOS) else _FORMAT_RULE
        raise ImageError(f"{name}: {what}. {rule}", "format") from None
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
        what = f"over {MAX_PIXELS // 1_000_000} megapixels"
        raise ImageError(f"{name}: {what}; make it smaller.", "pixels") from None
    except ImageError as fault:
        raise ImageError(f"{name}: {fault}", fault.kind) from None
    except Exception as fault:  # decoders raise errors of many kinds for a damaged header
        raise ImageError(f"{name}: cannot be read ({_one_line(fault)}).", "damaged") from None


def _upright_rgb(image: "Image") -> "Image":
    """RGB, at most MAX_WORKING_SIDE pixels, turned as its EXIF says. The given image is left as it was."""
    import PIL.Image
    from PIL import ImageOps

    image.load()  # Pillow turns a TIFF here, and then takes the mark away
    rotation = image.getexif().get(0x0112, 1)  # before a conversion could lose it
    if image.mode in _GREY_16_BIT or image.mode in ("I", "F"):
        image = _to_8_bit(image)
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    plain.thumbnail((MAX_WORKING_SIDE, MAX_WORKING_SIDE), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
    if plain.mode == "RGBA":
        plain = PIL.Image.alpha_composite(PIL.Image.new("RGBA", plain.size, "white"), plain).convert("RGB")
    plain.getexif()[0x0112] = rotation
    return ImageOps.exif_transpose(plain)


def _to_8_bit(image: "Image") -> "Image":
    """L of a 16-bit gray image (65535 is white) or of a floating-point one (1 is white)."""
    import PIL.Image

    values = np.asarray(image)
    if image.mode == "F":
        if not (values.min() >= 0 and values.max() <= 1):  # written so that NaN fails
            raise ImageError(
                "a floating-point picture with values outside 0-1 has no agreed white; save it as 8-bit.",
                "format",
            )
        return PIL.Image.fromarray(np.round(values * 255).astype(np.uint8))
    if image.mode == "I" and image.format != "PNG":  # Pillow gives 16-bit PNG as I in some versions
        raise ImageError(
            "a 32-bit integer picture, which has no agreed white; save it as 8-bit or 16-bit gray.",
            "format",
        )
    return PIL.Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _one_line(fault: Exception) -> str:
    return " ".join(str(fault).split())[:200] or type(fault).__name__
