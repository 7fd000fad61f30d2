"""Pictures and downloads inside the page's HTML, as data URIs: there is no file on the server."""

import base64
import io

import numpy as np
from PIL import Image


def to_uri(kind: str, content: bytes) -> str:
    """kind: the MIME type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def encode_picture(image: Image.Image, form: str) -> str:
    encoded = io.BytesIO()
    image.save(encoded, form, quality=85)
    return to_uri(f"image/{form.lower()}", encoded.getvalue())


def encode_pixels(pixels: np.ndarray, form: str = "PNG") -> str:
    """pixels: uint8 (H, W), gray, or (H, W, 3), RGB."""
    return encode_picture(Image.fromarray(pixels), form)
