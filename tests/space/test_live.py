"""The Live tab's endpoint for frames, over HTTP on loopback, and its words."""

import base64
import io
import time
from collections import OrderedDict
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from fer_zoo import EMOTIONS


def encode(face: Image.Image, left: int = 100) -> str:
    """A 640x480 frame with that photo at that place, as the script sends it."""
    canvas = Image.new("RGB", (640, 480), (120, 130, 140))
    canvas.paste(face.resize((320, 375)), (left, 60))
    encoded = io.BytesIO()
    canvas.save(encoded, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.getvalue()).decode()}"


@pytest.fixture
def photo(portrait: Path) -> Image.Image:
    with Image.open(portrait) as opened:
        return opened.copy()


def send(served: Any, frame: Any, model: str = "cnn-baseline", camera: str = "one", **headers: str) -> Any:
    live = next(block for block in served.page.blocks.values() if block.elem_id == "live")
    sent = {"camera": camera, "model": model, "frame": frame}
    body = {"data": sent, "component_id": live._id, "fn_name": "read_frame", "session_hash": "live"}
    answer = httpx.post(f"{served.url}/gradio_api/component_server", json=body, headers=headers)
    answer.raise_for_status()
    return answer.json()


@pytest.fixture
def patient(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trackers to which no frame comes too late, so that a busy machine changes no result."""
    from live_tab import live_view

    slow = partial(live_view.FaceTracker, smoothing_s=1e6)
    monkeypatch.setattr(live_view, "FaceTracker", slow)
    monkeypatch.setattr(live_view, "TIMEOUT_S", 1e6)
    monkeypatch.setattr(live_view, "_trackers", OrderedDict())


@pytest.mark.usefixtures("patient")
def test_a_moving_face_keeps_its_number_and_nothing_is_stored(served: Any, photo: Image.Image) -> None:
    for left in range(100, 200, 20):
        answer = send(served, encode(photo, left))
        (face,) = answer["faces"]
        x, y, width, height = face["box"]
        assert face["number"] == 1 and answer["milliseconds"] > 0
        assert x + width / 2 == pytest.approx(left + 0.52 * 320, abs=20) and 60 < y < 300 and height > 60
        assert len(face["probabilities"]) == 7 and sum(face["probabilities"]) == pytest.approx(1)
    assert served.list_files() == []


@pytest.mark.usefixtures("patient")
def test_a_changed_face_changes_the_answer_little_at_first(served: Any, photo: Image.Image) -> None:
    def read(camera: str, face: Image.Image) -> np.ndarray:
        (seen,) = send(served, encode(face), camera=camera)["faces"]
        return np.array(seen["probabilities"])

    dark = photo.point(lambda value: int(value * 0.35))
    bright_alone, dark_alone = read("bright", photo), read("dark", dark)
    dark_after_bright = read("bright", dark)
    assert np.abs(bright_alone - dark_alone).max() > 1e-5
    np.testing.assert_allclose(dark_after_bright, bright_alone, rtol=0, atol=1e-7)


@pytest.mark.usefixtures("patient")
def test_cameras_do_not_share_their_faces(served: Any, photo: Image.Image) -> None:
    from live_tab import live_view

    assert send(served, encode(photo, 0), camera="left")["faces"][0]["number"] == 1
    assert send(served, encode(photo, 300), camera="right")["faces"][0]["number"] == 1
    assert send(served, encode(photo, 300), camera="left")["faces"][0]["number"] == 2
    for index in range(live_view.MAX_CAMERAS + 5):
        live_view._find_tracker(f"camera {index}", "cnn-baseline")
    assert len(live_view._trackers) == live_view.MAX_CAMERAS


def test_without_a_face_the_list_is_empty(served: Any, no_face: Path) -> None:
    with Image.open(no_face) as plain:
        assert send(served, encode(plain.convert("RGB")))["faces"] == []


NO_FRAMES = {
    "nothing": "",
    "a path": "/etc/passwd",
    "a PNG": "data:image/png;base64,AAAA",
    "no base64": "data:image/jpeg;base64,%",
    "too large": "data:image/jpeg;base64," + "A" * 500_000,
    "null": None,
    "a number": 7,
}


@pytest.mark.parametrize("frame", NO_FRAMES.values(), ids=list(NO_FRAMES))
def test_what_is_no_frame_is_refused_in_one_line(served: Any, frame: Any) -> None:
    assert send(served, frame)["error"] == "This frame is not a JPEG picture of at most 300 KB."
    assert "no es una imagen JPEG" in send(served, frame, **{"accept-language": "es"})["error"]


def test_damaged_frame_is_refused_in_one_line(served: Any) -> None:
    error = send(served, "data:image/jpeg;base64,AAAA")["error"]
    assert "not a picture" in error and "\n" not in error


@pytest.mark.parametrize("model", ["no-such-model", "/etc", "../weights"])
def test_model_that_is_not_offered_is_refused(served: Any, photo: Image.Image, model: str) -> None:
    assert "Known: cnn-baseline, resnet_48" in send(served, encode(photo), model)["error"]


def test_frame_is_dropped_while_the_processors_are_taken(served: Any, photo: Image.Image) -> None:
    from live_tab import live_view

    for _ in range(live_view.SIMULTANEOUS):
        assert live_view._slots.acquire(timeout=1)
    try:
        assert send(served, encode(photo)) == {"busy": True}
    finally:
        for _ in range(live_view.SIMULTANEOUS):
            live_view._slots.release()
    assert len(send(served, encode(photo))["faces"]) == 1


def test_view_speaks_both_languages_and_escapes_names(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from live_tab import live_view

    english, spanish = (live_view.render_live(language) for language in ("en", "es"))
    assert "Start camera" in english and "happy" in english and english.count("<tr style") == len(EMOTIONS)
    assert "Encender cámara" in spanish and "alegría" in spanish and "Start camera" not in spanish
    assert "<option selected>cnn-baseline</option>" in english
    monkeypatch.setattr(live_view, "list_names", lambda: ["<img src=x onerror=alert(1)>"])
    assert "<img" not in live_view.render_live("en")


@pytest.mark.slow
def test_ten_frames_a_second_for_one_face(served: Any, photo: Image.Image) -> None:
    """Server and HTTP, without the browser. `-s` shows the figure."""
    frames = [encode(photo, left) for left in range(100, 160, 2)]
    send(served, frames[0])
    start = time.perf_counter()
    for frame in frames:
        assert len(send(served, frame)["faces"]) == 1
    rate = len(frames) / (time.perf_counter() - start)
    print(f"{rate:.0f} live frames per second")
    assert rate > 10
