"""Pages that stand alone: templates filled with autoescape, with style and images inside and no script."""

import base64
import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from fer_zoo._version import __version__
from fer_zoo.emotions import COLORS, EMOTIONS

ACCENT, SUBDUED = "var(--accent)", "var(--subdued)"  # colors of style.css, for light and dark
HEATMAP_SIDE = 96  # pixels: twice the face
FILTERS: dict[str, Callable[..., str]] = {
    # a page may be shared: the name of a file, not its path on this machine; an address stays whole
    "basename": lambda source: source if "://" in source else Path(source).name,
    "count": lambda value: f"{value:,}",
    "fixed": lambda value, digits=2: f"{value:.{digits}f}",
    "interval": lambda ends, digits=2: f"{ends[0]:.{digits}%} to {ends[1]:.{digits}%}",
    "percent": lambda value, digits=2: f"{value:.{digits}%}",
}


class FaceFigure(NamedTuple):
    """A face and its caption."""

    images: list[str]  # data URIs, side by side
    alt: str  # what they show, for readers who cannot see them
    title: str = ""  # a line in bold
    text: str = ""
    # lines of the caption: index of the emotion, its probability, and `prediction` or `label`
    emotions: tuple[tuple[int, float, str], ...] = ()


@cache
def load_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fer_zoo.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    environment.filters |= FILTERS
    environment.globals |= {
        "ACCENT": ACCENT,
        "COLORS": list(COLORS.values()),
        "EMOTIONS": EMOTIONS,
        "SUBDUED": SUBDUED,
        "zip": zip,
    }
    return environment


def render_page(template: str, **context: Any) -> str:
    """A whole HTML page. `contents` collects its sections, for the links at its top."""
    return load_environment().get_template(template).render(contents=[], version=__version__, **context)


def render_part(template: str, macro: str, *values: Any) -> Markup:
    """What one macro of a template makes of the values."""
    part: Markup = getattr(load_environment().get_template(template).module, macro)(*values)
    return part


def encode_face(pixels: np.ndarray) -> str:
    """A data URI of a uint8 face (48, 48), grayscale."""
    return _encode(Image.fromarray(pixels), "PNG")


def encode_heatmap(pixels: np.ndarray, heatmap: np.ndarray) -> str:
    """A data URI of a heatmap, float (48, 48) in [0, 1], over a uint8 face (48, 48)."""
    from fer_zoo.recognition.saliency import draw_heat

    return _encode(draw_heat(pixels, heatmap, HEATMAP_SIDE), "WEBP")


def _encode(image: Image.Image, form: str) -> str:
    encoded = io.BytesIO()
    image.save(encoded, form, quality=85)
    return f"data:image/{form.lower()};base64,{base64.b64encode(encoded.getvalue()).decode()}"
