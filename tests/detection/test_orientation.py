"""Turned photos: faces are detected, boxes refer to the given picture, and the result reports the turn."""

import io

import numpy as np
import pytest
from PIL import Image
from torch import Tensor, nn

from fer_zoo.detection.orientation import find_upright_faces
from fer_zoo.emotions import EMOTIONS
from fer_zoo.recognition.recognizer import Recognizer, format_recognition

# Pillow's counterclockwise rotation of the photo, and the clockwise degrees that undo it.
TURNS = [
    (Image.Transpose.ROTATE_90, 90),
    (Image.Transpose.ROTATE_180, 180),
    (Image.Transpose.ROTATE_270, 270),
]


class MeanGray(nn.Module):
    name, classes = "mean-gray", EMOTIONS

    def forward(self, faces: Tensor) -> Tensor:
        return faces.float().mean((2, 3)).expand(-1, 7)


RECOGNIZER = Recognizer(MeanGray().eval())


@pytest.mark.parametrize(("turn", "degrees"), TURNS)
@pytest.mark.parametrize("name", ["portrait", "group"])
def test_a_turned_photo_gives_the_result_of_the_upright_one(
    request: pytest.FixtureRequest, name: str, turn: Image.Transpose, degrees: int
) -> None:
    photo: Image.Image = request.getfixturevalue(name)
    upright, turned = RECOGNIZER.inspect(photo), RECOGNIZER.inspect(photo.transpose(turn))
    assert (upright.turned, turned.turned) == (0, degrees)
    assert len(turned.faces) == len(upright.faces)
    for ours, theirs in zip(turned.crops.astype(float), upright.crops.astype(float), strict=True):
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.98
    for face, other in zip(turned.faces, upright.faces, strict=True):
        x, y, width, height = face.box
        mask = Image.new("L", turned.photo.size)
        mask.paste(255, (x, y, x + width, y + height))
        box = mask.rotate(-degrees, expand=True).getbbox()  # where the box is in the upright photo
        left, above, wide, high = other.box
        np.testing.assert_allclose(box, (left, above, left + wide, above + high), atol=8)


def test_the_result_reports_that_the_photo_was_turned(portrait: Image.Image) -> None:
    result = RECOGNIZER.recognize(portrait.rotate(180))
    assert result["turned"] == 180
    assert "turned by 180 degrees clockwise, so that the faces are upright" in format_recognition(result)
    assert "turned" not in RECOGNIZER.recognize(portrait)
    assert "turned" not in format_recognition(RECOGNIZER.recognize(portrait))


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_photo_rotated_by_exif_is_not_turned_again(portrait: Image.Image, orientation: int) -> None:
    stored = portrait.transpose({3: TURNS[1][0], 6: TURNS[0][0], 8: TURNS[2][0]}[orientation])
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    stored.save(file, "JPEG", quality=95, exif=exif)
    seen, upright = RECOGNIZER.inspect(file.getvalue()), RECOGNIZER.inspect(portrait)
    assert seen.turned == 0
    np.testing.assert_allclose(seen.faces[0].box, upright.faces[0].box, atol=4)


def test_a_large_photo_upside_down_has_its_small_faces_too(portrait: Image.Image) -> None:
    canvas = Image.new("RGB", (1600, 1200), (120, 130, 140))
    for width, left in ((120, 100), (300, 600), (120, 1300)):
        canvas.paste(portrait.resize((width, width * 600 // 512), Image.Resampling.LANCZOS), (left, 500))
    faces, degrees = find_upright_faces(canvas.rotate(180))
    assert (len(faces), degrees) == (3, 180)


def test_one_tilted_face_does_not_turn_the_others(portrait: Image.Image) -> None:
    canvas = Image.new("RGB", (1200, 600), (120, 130, 140))
    small = portrait.resize((350, 410), Image.Resampling.LANCZOS)
    for left, picture in ((20, small), (800, small), (400, small.rotate(180))):
        canvas.paste(picture, (left, 90))
    assert find_upright_faces(canvas)[1] == 0


def test_no_face_in_any_orientation(no_face: Image.Image) -> None:
    assert find_upright_faces(no_face) == ([], 0)
