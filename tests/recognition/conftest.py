"""Photos for the tests: a portrait that matplotlib ships (Grace Hopper, US Navy, public domain), and no
face.
"""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def portrait() -> Image.Image:
    """RGB, 512x600 pixels, one face from the front."""
    from matplotlib.cbook import get_sample_data

    with get_sample_data("grace_hopper.jpg") as file:
        return Image.open(file).convert("RGB")


@pytest.fixture(scope="session")
def group(portrait: Image.Image) -> Image.Image:
    """Three times the same face at three sizes, far apart, on gray; 1200x700 pixels."""
    canvas = Image.new("RGB", (1200, 700), (120, 130, 140))
    for width, left in ((500, 20), (250, 600), (100, 1000)):
        canvas.paste(portrait.resize((width, width * 600 // 512), Image.Resampling.LANCZOS), (left, 60))
    return canvas


@pytest.fixture(scope="session")
def no_face() -> Image.Image:
    """RGB, 300x200 pixels of smooth random colors."""
    coarse = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((300, 200), Image.Resampling.BICUBIC)
