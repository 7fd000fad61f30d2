"""The annotated picture: every label is inside it, readable, and over no other face where there is room."""

import numpy as np
import pytest
from PIL import Image

import fer_zoo
from fer_zoo.emotions import COLORS, OTHER_COLORS
from fer_zoo.recognition.face_drawing import choose_text_color, place_label

SIZE = (120.0, 20.0)
PICTURE = (400, 300)


def overlap(one: tuple, other: tuple) -> float:
    sides = [min(one[i] + one[i + 2], other[i] + other[i + 2]) - max(one[i], other[i]) for i in (0, 1)]
    return max(0, sides[0]) * max(0, sides[1])


@pytest.mark.parametrize(
    "box", [(100, 100, 60, 60), (0, 0, 50, 50), (350, 250, 50, 50), (390, 0, 10, 300), (0, 0, 400, 300)]
)
def test_a_label_stays_inside_the_picture(box: tuple) -> None:
    x, y, width, height = place_label(box, SIZE, PICTURE, [])
    assert x >= 0 and y >= 0 and x + width <= PICTURE[0] and y + height <= PICTURE[1]


def test_a_label_is_above_its_box_where_nothing_is_in_its_way() -> None:
    assert place_label((100, 100, 60, 60), SIZE, PICTURE, []) == (100, 80, *SIZE)


@pytest.mark.parametrize(
    "neighbor",
    [(100, 40, 60, 59), (170, 60, 60, 60), (40, 60, 59, 60), (60, 20, 200, 79), (100, 161, 60, 60)],
)
def test_a_label_avoids_the_faces_beside_it(neighbor: tuple) -> None:
    box = (100, 100, 60, 60)
    assert overlap(place_label(box, SIZE, PICTURE, [neighbor]), neighbor) == 0


def test_labels_of_a_row_of_faces_cover_neither_faces_nor_each_other() -> None:
    boxes = [(20.0 + 70 * number, 60.0 + 15 * (number % 2), 60.0, 60.0) for number in range(5)]
    placed: list[tuple] = []
    for box in boxes:
        place = place_label(
            box, (90.0, 20.0), PICTURE, [*(other for other in boxes if other != box), *placed]
        )
        assert all(overlap(place, other) == 0 for other in [*placed, *(b for b in boxes if b != box)])
        placed.append(place)


def test_boxes_and_labels_are_drawn_in_the_colors_and_the_photo_is_not_changed() -> None:
    photo = Image.new("RGB", (400, 300), "#808080")
    boxes, labels = [(100, 100, 80, 90), (220, 90, 80, 90)], ["happy 93 %", "sad 51 %"]
    drawn = fer_zoo.draw_faces(photo, boxes, labels, [COLORS["happy"], COLORS["sad"]])
    assert drawn.size == photo.size and (np.asarray(photo) == 128).all()
    pixels = np.asarray(drawn)
    for name, (x, y) in {"happy": (140, 100), "sad": (260, 90)}.items():
        expected = [int(COLORS[name][start : start + 2], 16) for start in (1, 3, 5)]
        assert pixels[y, x].tolist() == expected
    assert (pixels[60:100, 100:180] == [193, 137, 2]).all(axis=2).sum() > 500, "the label is filled"


def test_boxes_are_in_the_pixels_of_a_large_photo() -> None:
    drawn = fer_zoo.draw_faces(Image.new("RGB", (3200, 2400)), [(1600, 1200, 400, 400)], ["x"], ["#FF0000"])
    assert drawn.size == (1600, 1200)
    assert np.asarray(drawn)[600, 900].tolist() == [255, 0, 0]
    with pytest.raises(ValueError, match="1 boxes have 0 labels"):
        fer_zoo.draw_faces(Image.new("RGB", (32, 32)), [(0, 0, 8, 8)], [], ["#FF0000"])


@pytest.mark.parametrize("color", [*COLORS.values(), *OTHER_COLORS])
def test_the_text_is_readable_on_every_color(color: str) -> None:
    def luminance(code: str) -> float:
        encoded = np.array([int(code[start : start + 2], 16) / 255 for start in (1, 3, 5)])
        linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    dark, light = sorted((luminance(color), luminance(choose_text_color(color))))
    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, 1.4.3
