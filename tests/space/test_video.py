"""The Video tab: what is read of a file, and what is refused."""

import re
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fer_zoo import VideoStory
from fer_zoo.errors import ImageError
from fer_zoo.recognition import video as frames
from fer_zoo.recognition.tracking import TrackedFace
from fer_zoo.recognition.video import VideoFrame

SCRIPT = "<img src=x onerror=alert(1)>"


def tell(files: int, seen: list[float], answers: np.ndarray | None = None) -> VideoStory:
    """A story with that many faces, seen at those seconds."""
    story = VideoStory(["m"])
    for seconds in seen:
        shares = {"m": np.full(7, 1 / 7) if answers is None else answers}
        faces = [TrackedFace(number, (0, 0, 4, 4), 0.9, shares) for number in range(1, files + 1)]
        story.add(VideoFrame(seconds, np.zeros((8, 8, 3), dtype=np.uint8), faces))
    return story


def test_a_video_is_read_frame_by_frame(served: Any, clip: Path) -> None:
    (html,) = served.press("read_video", [served.upload(clip), ["resnet_48", "cnn-baseline"]])
    assert "clip.mp4: 1.8 s, faces: 2" in html and html.count('class="fz-story"') == 2
    assert re.findall(r"Face \d<small>([^<]+)", html) == ["0.0 to 1.8 s", "1.0 to 1.8 s"]
    assert re.findall(r"<h3>(\S+)", html) == ["cnn-baseline", "resnet_48"] * 2
    assert html.count("<path") == 4 * 7 and "left out" not in html
    assert (
        "Most of the time, by cnn-baseline: face 1 looks " in html and "of its frames); face 2 looks " in html
    )
    assert re.findall(r"left:[\d.]+%\">([^<]+)", html)[:5] == ["0 s", "0.5 s", "1 s", "1.5 s", "2 s"]
    assert html.count("data:image/jpeg") == 2 + 1  # two portraits and the frames
    (html,) = served.press("read_video", [served.upload(clip), ["cnn-baseline"]], language="es")
    assert "clip.mp4: 1,8 s, caras: 2" in html and "de 0,0 a 1,8 s" in html and "enojo" in html


@pytest.mark.parametrize(
    ("content", "language", "told"),
    [
        (b"no video" * 100, "en", "odd.mp4: this video format is not supported. Save it as MP4."),
        (b"no video" * 100, "es", "odd.mp4: este formato de vídeo no se admite. Guárdalo como MP4."),
        (b"ffconcat version 1.0\nfile clip.mp4\n", "en", "odd.mp4: this video format is not supported."),
    ],
)
def test_what_is_no_video_is_told(
    served: Any, tmp_path: Path, content: bytes, language: str, told: str
) -> None:
    (tmp_path / "odd.mp4").write_bytes(content)
    with pytest.raises(RuntimeError, match=re.escape(told)):
        served.press("read_video", [served.upload(tmp_path / "odd.mp4"), ["cnn-baseline"]], language=language)


def test_only_uploads_and_offered_models_are_read(served: Any, clip: Path) -> None:
    outside = {"path": str(clip), "orig_name": "clip.mp4", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(RuntimeError) as refused:
        served.press("read_video", [outside, ["cnn-baseline"]])
    assert str(clip) not in str(refused.value)
    for models, told in (([], "No model is selected"), (["../weights"], "Unknown model")):
        with pytest.raises(RuntimeError, match=told):
            served.press("read_video", [served.upload(clip), models])


def test_only_the_first_minute_is_read(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from page.offered_models import create_recognizer
    from video_tab import video_view

    recognizer = create_recognizer(["cnn-baseline"])
    steps: list[tuple[int, int]] = []
    monkeypatch.setattr(video_view, "LONGEST_S", 1)
    story, note, _ = video_view.gather(clip, recognizer, lambda *step: steps.append(step))
    assert note == "cut" and 0.9 <= story.end <= 1 and story.frames == 6 and steps[0] == (0, 2)
    monkeypatch.setattr(video_view, "LONGEST_WORK_S", 0.0)
    story, note, _ = video_view.gather(clip, recognizer, lambda *_: None)
    assert note == "slow" and story.frames == 0


def test_time_is_up_also_while_frames_are_passed_over(
    served: Any, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 50 frames only the first is due; each look at the clock takes ten seconds."""
    from video_tab import video_view

    ticks = count(step=10)
    monkeypatch.setattr(video_view, "FRAMES_A_SECOND", 0.01)
    monkeypatch.setattr(frames, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    (html,) = served.press("read_video", [served.upload(clip), ["cnn-baseline"]])
    assert "Stopped after 90 s of work: only the first 0.0 s of the video were read" in html
    assert next(ticks) == 110
    (html,) = served.press("read_video", [served.upload(clip), ["cnn-baseline"]], language="es")
    assert "Detenido tras 90 s de trabajo" in html


def test_the_rest_of_a_damaged_file_is_told(tmp_path: Path, clip: Path) -> None:
    import cv2

    from page.offered_models import create_recognizer
    from video_tab.video_view import gather

    source, path = cv2.VideoCapture(str(clip)), tmp_path / "long.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (640, 320))
    while (step := source.read())[0]:
        writer.write(step[1])
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    story, note, _ = gather(path, create_recognizer(["cnn-baseline"]), lambda *_: None)
    assert note == "damaged_rest" and 1 <= story.end <= 2


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Read up to 0.0 s; reading the rest takes more memory than is allowed."),
        ("es", "Leído hasta 0,0 s; leer el resto necesita más memoria de la permitida."),
    ],
)
def test_a_decoder_that_ends_for_lack_of_memory_is_told(
    served: Any, clip: Path, monkeypatch: pytest.MonkeyPatch, language: str, told: str
) -> None:
    from video_tab import video_view

    failure = ImageError("clip.mp4: decoding it takes more memory than is allowed.", "limit")
    follow = video_view.follow_video

    def end_after(count: int) -> Any:
        def read(*given: Any, **options: Any) -> Iterator[VideoFrame]:
            yield from islice(follow(*given, **options), count)
            raise failure

        return read

    monkeypatch.setattr(video_view, "follow_video", end_after(1))
    (html,) = served.press("read_video", [served.upload(clip), ["cnn-baseline"]], language=language)
    assert told in html
    monkeypatch.setattr(video_view, "follow_video", end_after(0))
    with pytest.raises(RuntimeError, match=r"clip\.mp4: (reading it takes|leerlo necesita)"):
        served.press("read_video", [served.upload(clip), ["cnn-baseline"]], language=language)


def test_many_faces_and_none_are_told() -> None:
    from video_tab.video_html import render_story

    crowd = render_story(tell(9, [0.0, 0.2]), "crowd.mp4", "", "en")
    assert crowd.count('class="fz-story"') == 6 and "Faces in fewer frames, not shown: 3." in crowd
    empty = render_story(tell(0, [0.0, 0.2]), "empty.mp4", "", "es")
    assert "No se encontró ninguna cara." in empty and "fz-legend" not in empty


def test_names_cannot_bring_script_into_the_page() -> None:
    from video_tab.video_html import render_story

    story = tell(1, [0.0])
    story.models, story.faces[1].faces[0].probabilities[SCRIPT] = [SCRIPT], np.full(7, 1 / 7)
    html = render_story(story, SCRIPT, SCRIPT, "en")
    assert SCRIPT not in html and html.count("&lt;img src=x") >= 4


def test_the_frames_of_a_long_video_are_thinned_evenly() -> None:
    from video_tab.filmstrip import MOST, Filmstrip

    film = Filmstrip()
    for index in range(300):
        film.add(index / 5, np.full((90, 160, 3), index % 256, dtype=np.uint8))
    layout = film.describe()
    gaps = np.diff(layout["seconds"])
    assert 25 <= len(gaps) < MOST and gaps.max() <= 1.01 * gaps.min() + 0.21
    assert layout["columns"] == 10 and layout["height"] == 90


def test_a_model_of_other_classes_has_its_own_names_and_legend() -> None:
    from video_tab.video_html import render_story

    story = VideoStory(["m"])
    face = TrackedFace(1, (0, 0, 4, 4), 0.9, {"m": np.array([0.9, 0.1])}, {"m": ("calm", "happy")})
    story.add(VideoFrame(0.0, np.zeros((8, 8, 3), dtype=np.uint8), [face]))
    html = render_story(story, "a.mp4", "", "es")
    assert "cara 1, calm (100" in html and html.count("fz-swatch") == 2 and "alegría" in html
