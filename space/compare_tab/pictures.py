"""Pictures inside the page's HTML, as data URIs: there is no file on the server."""

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image


def encode_picture(image: "Image", form: str) -> str:
    encoded = io.BytesIO()
    image.save(encoded, form, quality=85)
    return f"data:image/{form.lower()};base64,{base64.b64encode(encoded.getvalue()).decode()}"


def encode_pixels(crop: "np.ndarray") -> str:
    """crop: uint8 (H, W), grey."""
    import PIL.Image

    return encode_picture(PIL.Image.fromarray(crop), "PNG")
