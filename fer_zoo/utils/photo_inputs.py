"""What people hold in their hands as a picture or as many: files, buffers, tensors, batches, generators."""

import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, TypeVar, Union

import numpy as np

from fer_zoo.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Photo: TypeAlias = Union[str, Path, bytes, BinaryIO, np.ndarray, "Image", "Tensor"]
Photos: TypeAlias = Photo | Iterable[Photo]
Item = TypeVar("Item")

MAX_BYTES = 300_000_000  # 40 megapixels of uncompressed 16-bit RGB have 240 MB
CHANNELS = (1, 3, 4)
_ADDRESS = re.compile(r"(https?|ftp|s3|gs|hf)://|data:", re.IGNORECASE)


def is_tensor(photo: object) -> bool:
    """Whether it is a tensor of torch, which is not imported for it."""
    return type(photo).__module__.split(".")[0] == "torch" and hasattr(photo, "detach")


def split_batch(given: Photos) -> tuple[Iterable[Photo], bool]:
    """One picture or several: the pictures, and whether a list was given.

    Several are any iterable but a path, bytes, a file or a Pillow image: a list, a generator, an array
    (N, H, W), (N, H, W, 1) or (N, H, W, 3), a tensor (N, H, W) or (N, C, H, W). An array (H, W, C) and a
    tensor (C, H, W) of 1, 3 or 4 channels are one picture.
    """
    if isinstance(given, np.ndarray):
        several = given.ndim == 4 or (given.ndim == 3 and given.shape[2] not in CHANNELS)
        return (given, True) if several else ([given], False)
    if is_tensor(given):
        shape = given.shape  # type: ignore[union-attr]  # a tensor, by the test above
        several = len(shape) == 4 or (len(shape) == 3 and shape[0] not in CHANNELS)
        return (given, True) if several else ([given], False)  # type: ignore[return-value, list-item]
    single = isinstance(given, (str, bytes, bytearray, Path)) or hasattr(given, "read")
    if single or not isinstance(given, Iterable):
        return [given], False  # type: ignore[list-item]  # a Pillow image, or what is refused when it is read
    return given, True  # type: ignore[return-value]  # neither bytes nor a tensor, by the tests above


def split_chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of at most `size` items."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def simplify_photo(photo: Photo) -> "str | Path | bytes | np.ndarray | Image":
    """A file object as its bytes, a tensor or an array (H, W, 1) as an array; all else as it is. Raises
    ImageError for an address of the web, a file over 300 MB, or a tensor that is not a picture.
    """
    if isinstance(photo, str) and _ADDRESS.match(photo):
        raise ImageError(f"{photo[:60]}: an address; download it first, then give the file or its bytes.")
    if isinstance(photo, (bytearray, memoryview)):
        return bytes(photo)
    if hasattr(photo, "read"):
        return _read_file(photo)
    if is_tensor(photo):
        photo = _as_array(photo)
    if isinstance(photo, np.ndarray) and photo.ndim == 3 and photo.shape[2] == 1:
        return photo[:, :, 0]
    return photo  # type: ignore[return-value]  # the other kinds are converted above


def _read_file(file: Any) -> bytes:
    """A buffer from its beginning, another file from where it stands."""
    encoded = file.getvalue() if isinstance(file, io.BytesIO) else file.read(MAX_BYTES + 1)
    if not isinstance(encoded, bytes):
        raise ImageError("The file is opened as text; open it in binary mode: open(path, 'rb').")
    if len(encoded) > MAX_BYTES:
        raise ImageError(f"The file has more than {MAX_BYTES:,} bytes.", "bytes")
    return encoded


def _as_array(tensor: Any) -> np.ndarray:
    """uint8 (H, W) or (H, W, C) of a tensor (H, W) or (C, H, W): uint8, or floating point from 0 to 1."""
    pixels = tensor.detach().cpu()
    if pixels.is_floating_point():
        values = pixels.float().numpy()
        if not (values.size and values.min() >= 0 and values.max() <= 1):  # False for NaN too
            raise ImageError(
                "The tensor has values outside 0-1; give it before it is normalized, or as uint8 (0-255)."
            )
        array = np.round(values * 255).astype(np.uint8)
    else:
        array = pixels.numpy()
    return array.transpose(1, 2, 0) if array.ndim == 3 and array.shape[0] in CHANNELS else array
