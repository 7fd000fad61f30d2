"""Pictures inside the page's HTML, as data URIs: there is no file on the server."""

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

WARM = (255, 122, 0)  # RGB: stands out from grey for every form of colour blindness
DENSEST = 0.75  # share of the colour where the heat is 1
HEAT_SIDE = 144  # pixels: the crop three times enlarged


def encode_picture(image: "Image", form: str) -> str:
    encoded = io.BytesIO()
    image.save(encoded, form, quality=85)
    return f"data:image/{form.lower()};base64,{base64.b64encode(encoded.getvalue()).decode()}"


def encode_pixels(crop: "np.ndarray") -> str:
    """crop: uint8 (H, W), grey."""
    import PIL.Image

    return encode_picture(PIL.Image.fromarray(crop), "PNG")


def encode_heat(crop: "np.ndarray", heat: "np.ndarray") -> str:
    """The heat, float (48, 48) in [0, 1], as a warm veil over the uint8 crop (48, 48)."""
    import PIL.Image

    size = (HEAT_SIDE, HEAT_SIDE)
    grey = PIL.Image.fromarray(crop).convert("RGB").resize(size, PIL.Image.Resampling.NEAREST)
    veil = PIL.Image.fromarray((heat * DENSEST * 255).round().astype("uint8"))
    veil = veil.resize(size, PIL.Image.Resampling.BILINEAR)
    return encode_picture(PIL.Image.composite(PIL.Image.new("RGB", size, WARM), grey, veil), "WEBP")
