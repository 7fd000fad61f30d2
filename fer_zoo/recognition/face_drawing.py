"""A photo with a box and a label on each face: labels inside the picture, and beside the other faces."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from fer_zoo.utils.images import Photo, read_scaled_photo

Box: TypeAlias = tuple[float, float, float, float]  # x, y, width, height

LARGEST_TEXT, SMALLEST_TEXT = 1 / 22, 11  # of the picture's longest side; pixels
TEXT_PER_FACE = 0.24  # of the box's width: a label of ten letters is somewhat wider than its face
PADDING = 0.3  # of the text's height, around it


def draw_faces(
    photo: Photo, boxes: Sequence[Sequence[float]], labels: Sequence[str], colors: Sequence[str]
) -> Image.Image:
    """Draw a box and a label on each face of a photo.

    A label lies above its box; where it would leave the picture, or cover another face or label, below it, in
    it or beside it, whichever covers least.

    Args:
        photo: any form that `fer_zoo.predict` takes, N faces on it.
        boxes: N times x, y, width, height in pixels of the photo as given.
        labels: N texts, such as "happy 93 %".
        colors: N colors "#RRGGBB", of box and label.

    Returns:
        RGB, upright, the longest side at most 1600 pixels.

    Raises:
        ImageError: the photo cannot be read.
        ValueError: there are not as many labels and colors as boxes.
    """
    if not len(boxes) == len(labels) == len(colors):
        raise ValueError(f"{len(boxes)} boxes have {len(labels)} labels and {len(colors)} colors.")
    image, scale = read_scaled_photo(photo)
    image = image.copy()
    draw = ImageDraw.Draw(image)
    scaled: list[Box] = [
        (x / scale[0], y / scale[1], width / scale[0], height / scale[1]) for x, y, width, height in boxes
    ]
    thickness = max(2, round(max(image.size) / 400))
    for (x, y, width, height), color in zip(scaled, colors, strict=True):
        draw.rectangle((x, y, x + width, y + height), outline=color, width=thickness)
    placed: list[Box] = []
    for index, (box, label, color) in enumerate(zip(scaled, labels, colors, strict=True)):
        font = _choose_font(label, box, image.size)
        left, top, right, bottom = font.getbbox(label)
        pad = PADDING * (bottom - top)
        size = (right - left + 2 * pad, bottom - top + 2 * pad)
        others = [other for number, other in enumerate(scaled) if number != index]
        label_box = place_label(box, size, image.size, [*others, *placed])
        placed.append(label_box)
        x, y = label_box[:2]
        draw.rectangle((x, y, x + size[0], y + size[1]), fill=color)
        draw.text((x + pad - left, y + pad - top), label, font=font, fill=choose_text_color(color))
    return image


def place_label(box: Box, size: tuple[float, float], picture: tuple[int, int], avoid: Sequence[Box]) -> Box:
    """Where a label of `size` (width, height) goes that belongs to `box`: x, y, width, height inside the
    picture (width, height), over as little of `avoid` as possible. A label larger than the picture begins at
    its edge.
    """
    candidates = [
        (max(0.0, min(x, picture[0] - size[0])), max(0.0, min(y, picture[1] - size[1])), *size)
        for x, y in _list_corners(box, size)
    ]
    return min(candidates, key=lambda one: round(sum(_measure_overlap(one, other) for other in avoid)))


def _list_corners(box: Box, size: tuple[float, float]) -> Iterator[tuple[float, float]]:
    """Upper left corners, the best first: above and below the box, in it, beside it."""
    x, y, width, height = box
    centered = x + (width - size[0]) / 2
    if y >= size[1]:
        yield from ((x, y - size[1]), (centered, y - size[1]), (x + width - size[0], y - size[1]))
    yield from ((x, y + height), (centered, y + height), (x + width - size[0], y + height))
    yield from ((x, y), (x, y + height - size[1]))
    yield from ((x - size[0], y), (x + width, y), (x - size[0], y + height / 2), (x + width, y + height / 2))


def _measure_overlap(one: Box, other: Box) -> float:
    """Square pixels."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _choose_font(
    label: str, box: Box, picture: tuple[int, int]
) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own, as large as suits face and picture, smaller for a label wider than the picture."""
    size = max(SMALLEST_TEXT, min(LARGEST_TEXT * max(picture), TEXT_PER_FACE * box[2]))
    font = ImageFont.load_default(size)
    wide = font.getbbox(label)[2] + 2 * PADDING * size
    return ImageFont.load_default(max(6, size * picture[0] / wide)) if wide > picture[0] else font


def choose_text_color(background: str) -> str:
    """Black or white, whichever has more contrast on "#RRGGBB" (WCAG 2.2, relative luminance)."""
    encoded = [int(background[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in encoded)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#FFFFFF"
