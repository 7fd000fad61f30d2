"""The seven emotions of FER2013, in the order of its CSV file, classes of one's own, and their colors."""

import re
from collections.abc import Iterable, Sequence

from fer_zoo.errors import FerZooError

EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
MAX_CLASSES = 200
MAX_CLASS_NAME = 100  # characters; of a model that was built with names of its own
SAFE_NAME = re.compile(r"[\w .-]{1,60}")  # classes of data, and all that names a score

# Found by a search for the palette whose closest pair is farthest apart in CIELAB, seen with normal color
# vision and without red, green or blue cones, at a contrast of 3 to 1 or more on white and on near-black.
COLORS: dict[str, str] = {
    "angry": "#AF501E",
    "disgust": "#2A754F",
    "fear": "#8F5C98",
    "happy": "#C18902",
    "sad": "#4758F0",
    "surprise": "#2A9AE6",
    "neutral": "#8D9294",
}
# Of classes that are not one of the seven, in rotation; each with a contrast of 3 to 1 or more on white.
OTHER_COLORS: tuple[str, ...] = ("#4E79A7", "#B07AA1", "#7B8B3A", "#A0713F", "#4A8C8C", "#8A6FBF", "#77787B")

SIDE = 48  # pixels: every face is 48x48 gray, uint8


def check_classes(names: Iterable[str]) -> tuple[str, ...]:
    """The class names as a tuple.

    Raises:
        FerZooError: they are not 2 to 200 different texts of 1 to 100 printable characters.
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise FerZooError(f"The classes are {names!r:.60}; allowed is a list of names, such as EMOTIONS.")
    classes = tuple(names)
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise FerZooError(f"There are {len(classes)} classes; allowed are 2 to {MAX_CLASSES}.")
    for name in classes:
        if not (
            isinstance(name, str) and name.strip() and len(name) <= MAX_CLASS_NAME and name.isprintable()
        ):
            raise FerZooError(
                f"A class has the name {name!r:.120}; allowed are 1 to {MAX_CLASS_NAME} printable characters."
            )
    if repeated := next((name for name in classes if classes.count(name) > 1), None):
        raise FerZooError(f"The class {repeated!r} is named twice; give each class a name of its own.")
    return classes


def find_colors(classes: Sequence[str]) -> list[str]:
    """A color "#RRGGBB" for each class: an emotion's own, or a neutral one for any other name."""
    return [COLORS.get(name, OTHER_COLORS[index % len(OTHER_COLORS)]) for index, name in enumerate(classes)]
