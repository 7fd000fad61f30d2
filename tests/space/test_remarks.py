"""What was not read as it is, every tab says: smaller faces of a crowd, photos that are upside down."""

import base64
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from fer_zoo import Recognizer

SPANISH = SimpleNamespace(headers={"accept-language": "es"})
MODELS = ["cnn-baseline"]
TOLD = "Only the largest faces are read; smaller ones left out: 9."
TOLD_IN_SPANISH = "Solo se leen las caras más grandes; quedaron sin leer, más pequeñas: 9."


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every picture has nine faces more than are read."""
    inspect = Recognizer.inspect

    def inspect_crowd(*given: Any, **options: Any) -> Any:
        seen = inspect(*given, **options)
        object.__setattr__(seen, "faces_left_out", 9)
        return seen

    monkeypatch.setattr(Recognizer, "inspect", inspect_crowd)


@pytest.fixture
def file(tmp_path: Path, portrait: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "crowd.png").write_bytes(portrait.read_bytes())
    return {"path": str(tmp_path / "crowd.png"), "orig_name": "crowd.png"}


@pytest.mark.usefixtures("crowd")
def test_compare_and_its_endpoint_say_so(file: dict[str, str]) -> None:
    from compare_tab.compare_view import add_photo
    from page.endpoints import compare

    assert f"One face. {TOLD}" in add_photo(file, MODELS, None)[1]
    assert TOLD_IN_SPANISH in add_photo(file, MODELS, SPANISH)[1]
    assert compare(SimpleNamespace(**file), MODELS)["faces_left_out"] == 9


@pytest.mark.usefixtures("crowd")
def test_many_pictures_say_so_with_the_name(file: dict[str, str]) -> None:
    from batch_tab.batch_view import read_batch

    assert f"crowd.png: {TOLD}" in read_batch([file], MODELS, None)
    assert f"crowd.png: {TOLD_IN_SPANISH}" in read_batch([file], MODELS, SPANISH)


@pytest.mark.usefixtures("crowd")
def test_a_video_and_a_live_frame_say_so(file: dict[str, str], clip: Path, portrait: Path) -> None:
    from live_tab.live_view import read_frame
    from video_tab.video_view import read_video

    Path(file["path"]).write_bytes(clip.read_bytes())
    assert TOLD in read_video(file, MODELS, None)
    frame = io.BytesIO()
    with Image.open(portrait) as opened:
        opened.save(frame, "JPEG")
    uri = "data:image/jpeg;base64," + base64.b64encode(frame.getvalue()).decode()
    sent = {"camera": "crowd", "model": MODELS[0], "frame": uri}
    assert read_frame(sent, None)["note"] == TOLD and read_frame(sent, SPANISH)["note"] == TOLD_IN_SPANISH


@pytest.mark.parametrize(
    ("turned", "told", "in_spanish"),
    [
        (180, "The photo was upside down; it was read turned by 180 degrees.", "La foto estaba boca abajo;"),
        (90, "The photo was on its side; it was read turned clockwise by 90 degrees.", "girada 90 grados"),
    ],
)
def test_a_turned_photo_is_told(file: dict[str, str], turned: int, told: str, in_spanish: str) -> None:
    from batch_tab.batch_view import read_batch
    from compare_tab.compare_view import add_photo
    from page.endpoints import compare

    with Image.open(file["path"]) as opened:
        opened.rotate(turned, expand=True).save(file["path"])  # counterclockwise
    assert f"One face. {told}" in add_photo(file, MODELS, None)[1]
    assert in_spanish in add_photo(file, MODELS, SPANISH)[1]
    assert compare(SimpleNamespace(**file), MODELS)["turned"] == turned
    html = read_batch([file], MODELS, None)
    assert f"crowd.png: {told}" in html
    listing = base64.b64decode(re.findall(r'href="data:application/json;base64,([^"]+)"', html)[0])
    assert json.loads(listing)[0]["turned"] == turned


def test_a_name_that_is_no_unicode_is_told_with_question_marks(file: dict[str, str]) -> None:
    from batch_tab.batch_view import read_batch
    from compare_tab.compare_view import add_photo
    from page.endpoints import compare

    odd = {**file, "orig_name": "half-\ud83d.png"}
    assert 'data-stem="half-?"' in add_photo(odd, MODELS, None)[1]
    assert "half-?.png" in read_batch([odd], MODELS, None)
    assert compare(SimpleNamespace(**odd), MODELS)["image"] == "half-?.png"


def test_a_picture_that_takes_too_long_is_told_in_both_languages() -> None:
    from fer_zoo.errors import ImageError
    from page.uploads import explain

    error = ImageError("The bytes: decoding takes more time or memory than is allowed.", "limit")
    assert explain(error, "a.png") == "a.png: decoding takes more time or memory than is allowed."
    assert explain(error, "a.png", "es").startswith("a.png: leerla lleva más tiempo o memoria")


def test_nothing_is_said_where_every_face_is_read(file: dict[str, str]) -> None:
    from compare_tab.compare_view import add_photo
    from page.endpoints import compare

    html = add_photo(file, MODELS, None)[1]
    assert "left out" not in html and "turned" not in html
    assert compare(SimpleNamespace(**file), MODELS).keys() == {"image", "faces"}
