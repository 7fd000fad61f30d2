"""The photo's input, and what to try first: drawn faces, photos in the public domain from packages."""

import io
import json
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from page.data_uris import encode_picture
from page.limits import LARGEST_PICTURE
from page.templates import render
from page.words import list_texts, say

FOLDER = Path(__file__).parents[1] / "examples"  # drawn by fer_zoo.data.synthetic
THUMBNAIL_HEIGHT = 320  # pixels


class ExamplePhoto(NamedTuple):
    """key: also of its description, `example.KEY` in the locales."""

    key: str
    path: Path


def _find_in_package(package: str, place: str) -> Path:
    """Without importing it. It may be missing."""
    found = find_spec(package)
    folders = found.submodule_search_locations if found else None
    return Path(*(folders or ["missing"])[:1], place)


_FINDERS: dict[str, Callable[[], Path]] = {
    # Rear Admiral Grace Hopper, by James S. Davis, US Navy: public domain.
    "portrait": lambda: _find_in_package("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    "crowd": lambda: FOLDER / "drawn-crowd.webp",
    "drawn": lambda: FOLDER / "drawn-faces.png",
    # Eileen Collins, by NASA: public domain. scikit-image is not needed otherwise.
    "astronaut": lambda: _find_in_package("skimage", "data/astronaut.png"),
}


@cache
def list_examples() -> tuple[ExamplePhoto, ...]:
    """Those that are here."""
    found = [ExamplePhoto(key, find()) for key, find in _FINDERS.items()]
    return tuple(example for example in found if example.path.is_file())


def find_example(key: object) -> ExamplePhoto:
    """The first one for a key that is unknown: a visitor's script may send anything."""
    return next((example for example in list_examples() if example.key == key), list_examples()[0])


@cache
def encode_thumbnail(path: Path) -> str:
    """As a data URI."""
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        small = image.convert("RGB")
    small.thumbnail((4 * THUMBNAIL_HEIGHT, THUMBNAIL_HEIGHT))
    return encode_picture(small, "WEBP")


def render_photo_input(language: str = "en") -> str:
    examples = [
        {
            "key": example.key,
            "name": say(language, f"example.{example.key}"),
            "source": encode_thumbnail(example.path),
        }
        for example in list_examples()
    ]
    words = json.dumps(list_texts(language, "photo"))
    return render("photo", language, examples=examples, script_words=words, largest=LARGEST_PICTURE)
