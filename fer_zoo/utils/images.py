"""The only conversion of any picture to an upright RGB photo, and of a face image to 48x48 gray."""

import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from fer_zoo.emotions import SIDE
from fer_zoo.errors import ImageError, one_line
from fer_zoo.utils.image_headers import check_headers
from fer_zoo.utils.photo_inputs import MAX_BYTES, simplify_photo
from fer_zoo.utils.photo_inputs import Photo as Photo

if TYPE_CHECKING:
    from PIL.Image import Image

# Of the files in a folder that are read.
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"}
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
VIDEOS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm")
MAX_PIXELS = 40_000_000
MIN_SIDE = 16  # pixels
MAX_WORKING_SIDE = 1600  # pixels: a photo's longest side after reading; 24-pixel faces are still detected

SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height

_FORMAT_RULE = f"Allowed are {', '.join(FORMATS[:-1])} and {FORMATS[-1]}; save the picture as one of them."
_GRAY_16_BIT = ("I;16", "I;16L", "I;16B", "I;16N")

Scale: TypeAlias = tuple[float, float]  # of x and y: a picture's own pixels per pixel of its read image

_byte_decoder: "Callable[[bytes], tuple[Image, Scale]] | None" = None


def decode_bytes_with(decode: "Callable[[bytes], tuple[Image, Scale]] | None") -> None:
    """Decode pictures given as bytes by `decode` from now on; None restores the default."""
    global _byte_decoder
    _byte_decoder = decode


def readable_formats(*extra: str) -> list[str]:
    """The formats among FORMATS and `extra` that this build of Pillow reads, to pass to Image.open.

    Pillow's other formats include some, such as EPS, for which it starts another program.
    """
    import PIL.Image

    known = set(PIL.Image.registered_extensions().values())
    return [form for form in (*FORMATS, *extra) if form in known]


def read_photo(photo: Photo) -> "Image":
    """Read an upright RGB image, its longest side at most 1600 pixels; see `read_scaled_photo`."""
    return read_scaled_photo(photo)[0]


def read_scaled_photo(photo: Photo) -> tuple["Image", Scale]:
    """Read an upright RGB image, its longest side at most 1600 pixels.

    EXIF rotation is applied, transparent pixels become white, only the first frame of an animation is read,
    and 16-bit gray is scaled to 8 bits.

    Args:
        photo: A path, an encoded picture as bytes or as an open file, a Pillow image, a uint8 array (H, W),
            (H, W, 1), (H, W, 3) or (H, W, 4) in RGB(A) order, or a tensor (H, W) or (C, H, W), uint8 or
            floating point from 0 to 1.

    Returns:
        The image, and the number of the picture's own pixels per pixel of the image, along x and y, which
        differ where the sides of a smaller image are rounded.

    Raises:
        ImageError: The picture cannot be read or is outside the allowed size.
    """
    photo = simplify_photo(photo)
    if _byte_decoder and isinstance(photo, bytes):
        return _byte_decoder(photo)
    return decode_photo(photo)


def decode_photo(photo: Photo) -> tuple["Image", Scale]:
    """`read_scaled_photo` in this process, regardless of `decode_bytes_with`."""
    import PIL.Image

    photo, name = simplify_photo(photo), _name(photo)
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
            # A large JPEG is decoded at half size or less, as long as that is at least the working size.
            scale = min(1.0, MAX_WORKING_SIDE / max(width, height))
            image.draft(None, (int(width * scale), int(height * scale)))
        upright = _upright_rgb(image)
    except ImageError as error:
        raise ImageError(f"{name}: {error}", error.kind) from None
    except MemoryError:
        raise ImageError(f"{name}: not enough memory to decode it; make it smaller.", "damaged") from None
    except Exception as error:  # decoders raise many types of errors for a damaged file
        reason = f"the picture is damaged or truncated ({one_line(error)})"
        raise ImageError(f"{name}: {reason}.", "damaged") from None
    if image.getexif().get(0x0112) in SIDEWAYS:  # not of a TIFF: its size is the upright one
        width, height = height, width
    return upright, (width / upright.width, height / upright.height)


def to_gray(image: "Image", size: int = SIDE) -> np.ndarray:
    """Convert an image to gray uint8 (size, size), by resizing both sides.

    Luma is ITU-R 601 (Pillow's "L"), which maps gray RGB pixels to themselves: a gray image of this size is
    unchanged.
    """
    from PIL.Image import Resampling

    gray = image.convert("L")
    if gray.size != (size, size):
        gray = gray.resize((size, size), Resampling.LANCZOS)
    return np.array(gray)


def whole_picture(photo: "Image", size: int = SIDE) -> np.ndarray:
    """Convert a photo of one face to gray uint8 (size, size); its edges are repeated to make it square."""
    import PIL.Image

    width, height = photo.size
    if width == height:
        return to_gray(photo, size)
    longest = max(width, height)
    above, left = (longest - height) // 2, (longest - width) // 2
    margins = ((above, longest - height - above), (left, longest - width - left))
    return to_gray(PIL.Image.fromarray(np.pad(np.asarray(photo.convert("L")), margins, mode="edge")), size)


def expand_paths(given: Sequence[str]) -> list[Path]:
    """List the picture files of paths, folders (searched recursively) and glob patterns, in a stable order.
    Raises ImageError for a name that matches nothing.
    """
    from glob import glob

    found: list[Path] = []
    for name in given:
        path = Path(name).expanduser()
        error = "no such file. Give pictures, folders or patterns such as 'photos/*.jpg'."
        if path.is_dir():
            matches = sorted(entry for entry in path.rglob("*") if entry.suffix.lower() in SUFFIXES)
            error = f"no picture in this folder. {_FORMAT_RULE}"
        elif path.exists():
            matches = [path]
        else:
            matches = sorted(file for file in map(Path, glob(str(path), recursive=True)) if file.is_file())
        if not matches:
            is_web = name.startswith(("http://", "https://"))
            raise ImageError(f"{name}: {'a web address. Download the picture first.' if is_web else error}")
        found += matches
    return found


def _name(photo: object) -> str:
    if isinstance(photo, (str, Path)):
        return str(photo)
    return f"The {type(photo).__name__}" if isinstance(photo, (bytes, np.ndarray)) else "The picture"


def _from_array(pixels: np.ndarray) -> "Image":
    import PIL.Image

    is_image = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
    if pixels.dtype != np.uint8 or not is_image or not pixels.size:
        is_float = pixels.dtype.kind == "f"
        hint = " Convert it: (array * 255).round().astype('uint8') if 1 is white." if is_float else ""
        raise ImageError(
            f"The array is {pixels.dtype} {pixels.shape}; allowed is uint8 (H, W), (H, W, 3) or (H, W, 4)."
            + hint
        )
    return PIL.Image.fromarray(np.ascontiguousarray(pixels))


def _open(photo: str | Path | bytes, name: str) -> "Image":
    """Open a picture and check its header, without decoding it."""
    import PIL.Image

    if not isinstance(photo, (str, Path, bytes)):
        raise ImageError(
            f"A {type(photo).__name__} is not a picture; give a path, bytes, a Pillow image or an array."
        )
    if not isinstance(photo, bytes) and not Path(photo).is_file():
        reason = "a folder; give the pictures in it" if Path(photo).is_dir() else "no such file"
        raise ImageError(f"{name}: {reason}.")
    try:
        size = len(photo) if isinstance(photo, bytes) else Path(photo).stat().st_size
        if size > MAX_BYTES:
            raise ImageError(f"{size:,} bytes; at most {MAX_BYTES:,} are allowed.", "bytes")
        encoded = photo if isinstance(photo, bytes) else Path(photo).read_bytes()
        if not encoded:
            raise ImageError(f"empty, 0 bytes. {_FORMAT_RULE}", "damaged")
        with warnings.catch_warnings():
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            image = PIL.Image.open(io.BytesIO(encoded), formats=readable_formats())
        check_headers(encoded, image.format, image.size)
        return image
    except PIL.UnidentifiedImageError:
        rule = "For videos, use `fer-zoo video`." if name.lower().endswith(VIDEOS) else _FORMAT_RULE
        raise ImageError(f"{name}: not a picture in a supported format. {rule}", "format") from None
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning):
        limit = f"over {MAX_PIXELS // 1_000_000} megapixels"
        raise ImageError(f"{name}: {limit}; make it smaller.", "pixels") from None
    except ImageError as error:
        raise ImageError(f"{name}: {error}", error.kind) from None
    except Exception as error:  # decoders raise many types of errors for a damaged header
        raise ImageError(f"{name}: cannot be read ({one_line(error)}).", "damaged") from None


def _upright_rgb(image: "Image") -> "Image":
    """RGB, at most MAX_WORKING_SIDE pixels, with EXIF rotation applied. The given image is not modified."""
    import PIL.Image
    from PIL import ImageOps

    image.load()  # Pillow rotates a TIFF here and then removes its orientation tag
    rotation = image.getexif().get(0x0112, 1)  # before a conversion could lose it
    if image.mode in _GRAY_16_BIT or image.mode in ("I", "F"):
        image = _to_8_bit(image)
    converted = image.convert("RGBA" if image.has_transparency_data else "RGB")
    converted.thumbnail((MAX_WORKING_SIDE, MAX_WORKING_SIDE), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
    if converted.mode == "RGBA":
        white = PIL.Image.new("RGBA", converted.size, "white")
        converted = PIL.Image.alpha_composite(white, converted).convert("RGB")
    converted.getexif()[0x0112] = rotation
    return ImageOps.exif_transpose(converted)


def _to_8_bit(image: "Image") -> "Image":
    """Mode L from a 16-bit gray image (65535 is white) or a floating-point one (1 is white)."""
    import PIL.Image

    values = np.asarray(image)
    if image.mode == "F":
        if not (values.min() >= 0 and values.max() <= 1):  # False for NaN too
            raise ImageError(
                "a floating-point picture with values outside 0-1 has no agreed white; save it as 8-bit.",
                "format",
            )
        return PIL.Image.fromarray(np.round(values * 255).astype(np.uint8))
    if image.mode == "I" and image.format != "PNG":  # some versions of Pillow open a 16-bit PNG as I
        raise ImageError(
            "a 32-bit integer picture, which has no agreed white; save it as 8-bit or 16-bit gray.", "format"
        )
    return PIL.Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
