"""Of a crowd only the largest faces are read, and every tab says how many it leaves out."""

import base64
import io
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


def test_nothing_is_said_where_every_face_is_read(file: dict[str, str]) -> None:
    from compare_tab.compare_view import add_photo
    from page.endpoints import compare

    assert "left out" not in add_photo(file, MODELS, None)[1]
    assert "faces_left_out" not in compare(SimpleNamespace(**file), MODELS)
