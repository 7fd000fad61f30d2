"""Videos: numbers and times of faces, the summary as text, CSV and PNG, and damaged files."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image

from fer_zoo import EMOTIONS, FaceTracker, Recognizer, follow_video
from fer_zoo.cli.main import main
from fer_zoo.errors import ImageError
from fer_zoo.recognition import video as frames
from fer_zoo.recognition.timeline import draw_timeline
from fer_zoo.recognition.tracking import TrackedFace
from fer_zoo.recognition.video import FRAME_SIDE, VideoFrame
from fer_zoo.recognition.video_summary import FaceStory, VideoStory

RATE, COUNT = 25, 50  # frames a second, frames


def write_video(
    path: Path, codec: str, draw: Callable[[int], np.ndarray], rate: float = RATE, count: int = COUNT
) -> Path:
    """RGB frames, two seconds of them."""
    height, width = draw(0).shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), rate, (width, height))
    assert writer.isOpened()
    for index in range(count):
        writer.write(np.ascontiguousarray(draw(index)[:, :, ::-1]))
    writer.release()
    return path


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """uint8 (240, 205, 3)."""
    with get_sample_data("grace_hopper.jpg") as file:
        return np.asarray(Image.open(file).convert("RGB").resize((205, 240)))


@pytest.fixture(scope="module")
def walk(tmp_path_factory, portrait: np.ndarray) -> Path:
    """A face that moves 6 pixels to the right in each frame; a second, still one in the second half."""

    def draw(index: int) -> np.ndarray:
        canvas = np.full((300, 800, 3), 128, dtype=np.uint8)
        canvas[30:270, 10 + 6 * index : 215 + 6 * index] = portrait
        if index >= COUNT // 2:
            canvas[30:270, 580:785] = portrait[:, ::-1]
        return canvas

    return write_video(tmp_path_factory.mktemp("videos") / "walk.mp4", "mp4v", draw)


def test_faces_keep_their_numbers_and_their_times(walk: Path) -> None:
    seen = list(follow_video(walk))
    assert [frame.seconds for frame in seen] == pytest.approx(np.arange(0, 2, 0.1), abs=0.021)
    assert [[face.number for face in frame.faces] for frame in seen] == [[1]] * 10 + [[1, 2]] * 10
    walking = [frame.faces[0].box[0] for frame in seen]
    speeds = np.diff(walking) / np.diff([frame.seconds for frame in seen])
    assert np.median(speeds) == pytest.approx(6 * RATE, rel=0.1)


def test_a_higher_rate_than_the_videos_reads_every_frame(walk: Path) -> None:
    seconds = [frame.seconds for frame in follow_video(walk, per_second=1000)]
    assert seconds == pytest.approx(np.arange(COUNT) / RATE, abs=0.001)


def test_probabilities_are_those_of_the_frames_as_pictures(walk: Path) -> None:
    recognizer = Recognizer(["cnn-baseline"])
    tracker = FaceTracker(recognizer, smoothing_s=0, frame_side=FRAME_SIDE)
    for frame in follow_video(walk, tracker, per_second=2):
        alone = recognizer.inspect(frame.pixels, frame_side=FRAME_SIDE).probabilities["cnn-baseline"]
        followed = np.stack([face.probabilities["cnn-baseline"] for face in frame.faces])
        assert followed.sum() == pytest.approx(len(frame.faces))
        np.testing.assert_allclose(np.sort(followed, axis=0), np.sort(alone, axis=0))


def test_the_command_writes_a_csv_and_a_timeline(walk: Path, tmp_path: Path, capsys) -> None:
    models = "cnn-baseline,efficientnet_lite0"
    main(["video", str(walk), "--models", models, "--out", str(tmp_path), "--json"])
    described = json.loads(capsys.readouterr().out)
    assert described["video"] == str(walk) and described["frames"] == 20
    assert [face["face"] for face in described["faces"]] == [1, 2]
    assert described["faces"][1]["from"] == pytest.approx(1, abs=0.05)
    with (tmp_path / "faces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(face["frames"] for face in described["faces"]) == 30
    assert all(float(one["seconds"]) <= float(two["seconds"]) for one, two in pairwise(rows))
    for name in ("cnn-baseline", "efficientnet_lite0"):
        mine = [
            [float(row[f"{name}.{emotion}"]) for emotion in EMOTIONS] for row in rows if row["face"] == "2"
        ]
        mean = [described["faces"][1]["models"][name][emotion] for emotion in EMOTIONS]
        np.testing.assert_allclose(np.mean(mine, axis=0), mean, atol=1e-4)
    picture = np.asarray(Image.open(tmp_path / "timeline.png").convert("RGB")).reshape(-1, 3)
    assert len(np.unique(picture, axis=0)) > 1000  # the portraits, and the bands


def test_the_text_has_a_line_for_each_face_and_model(walk: Path, capsys) -> None:
    main(["video", str(walk), "--per-second", "5", "--smoothing", "0"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{walk}: 1.8 s, 10 frames read, 2 faces"
    assert lines[1] == "  face 1, 0.0 to 1.8 s" and "neutral" in lines[2]
    assert lines[3] == "  face 2, 1.0 to 1.8 s" and len(lines) == 5


def test_a_video_without_faces_has_a_timeline_too(tmp_path: Path, capsys) -> None:
    empty = write_video(tmp_path / "empty.mp4", "mp4v", lambda _: np.full((120, 160, 3), 90, dtype=np.uint8))
    main(["video", str(empty), "--out", str(tmp_path / "described")])
    assert "20 frames read, 0 faces" in capsys.readouterr().out
    assert (tmp_path / "described" / "faces.csv").read_text().count("\n") == 1
    assert Image.open(tmp_path / "described" / "timeline.png").width == 800


def test_each_portrait_keeps_its_aspect_ratio_and_names_are_not_formulas(tmp_path: Path) -> None:
    """A tall face in red and a wide one in green, each alone in its color."""
    story, probabilities = VideoStory(["m$x_$"]), {"m$x_$": np.full(7, 1 / 7)}
    pixels = np.zeros((90, 90, 3), dtype=np.uint8)
    pixels[:80, :20], pixels[:20, 10:90] = (255, 0, 0), (0, 255, 0)
    tall = TrackedFace(1, (0, 20, 10, 60), 0.9, probabilities)
    wide = TrackedFace(2, (20, 0, 60, 10), 0.9, probabilities)
    for seconds in (0.0, 1.0):
        story.add(VideoFrame(seconds, pixels, [tall, wide]))
    draw_timeline(story, "a$b_$.mp4", tmp_path / "timeline.png")
    picture = np.asarray(Image.open(tmp_path / "timeline.png").convert("RGB")).astype(int)
    for color, ratio in (((255, 0, 0), 6), ((0, 255, 0), 1 / 6)):
        rows, columns = np.nonzero((np.abs(picture - color) < 30).all(axis=2))
        assert np.ptp(rows) / np.ptp(columns) == pytest.approx(ratio, rel=0.15)


def test_the_readable_part_of_a_damaged_video_is_scored(tmp_path: Path, portrait: np.ndarray, capsys) -> None:
    def draw(index: int) -> np.ndarray:
        return np.roll(np.pad(portrait, ((30, 30), (60, 55), (0, 0)), mode="edge"), index % 3, axis=1)

    video = write_video(tmp_path / "long.avi", "MJPG", draw)
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 3])
    with pytest.raises(SystemExit) as stop:
        main(["video", str(video), "--out", str(tmp_path / "described")])
    printed = capsys.readouterr()
    assert stop.value.code == 2 and printed.err.count("\n") == 1 and "the rest is damaged" in printed.err
    assert "1 face" in printed.out and (tmp_path / "described" / "timeline.png").exists()


def test_a_whole_video_of_long_frames_is_not_damaged(tmp_path: Path) -> None:
    """The last of four frames begins two seconds before the end."""

    def draw(index: int) -> np.ndarray:
        return np.full((64, 64, 3), 60 * index, np.uint8)

    read = list(follow_video(write_video(tmp_path / "slides.mp4", "mp4v", draw, rate=0.5, count=4)))
    assert [frame.seconds for frame in read] == [0, 2, 4, 6]


def test_a_video_that_is_cut_off_before_its_index_is_not_of_another_format(
    walk: Path, tmp_path: Path
) -> None:
    (tmp_path / "cut.mp4").write_bytes(walk.read_bytes()[:5000])
    with pytest.raises(ImageError, match="may be cut off") as refused:
        list(follow_video(tmp_path / "cut.mp4"))
    assert refused.value.kind == "damaged"


def test_ctrl_c_keeps_the_results_so_far(walk: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    usual, seen = FaceTracker.update, []

    def update(self: FaceTracker, *frame: object) -> list[TrackedFace]:
        seen.append(frame)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return usual(self, *frame)

    monkeypatch.setattr(FaceTracker, "update", update)
    with pytest.raises(SystemExit) as stop:
        main(["video", str(walk), "--out", str(tmp_path)])
    printed = capsys.readouterr()
    assert stop.value.code == 130 and "3 frames read" in printed.out
    assert printed.err == "Stopped at 0.2 s of the video; the results so far are complete.\n"
    assert (tmp_path / "faces.csv").read_text().count("\n") == 4


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "not a video"), (b"this is not a video" * 200, "not a video"), (None, "no such file")],
)
def test_a_file_that_is_not_a_video_is_one_line(content: bytes | None, reason: str, tmp_path: Path) -> None:
    """In a new process: FFmpeg's own messages are silenced at its first use."""
    path = tmp_path / "x.mp4"
    if content is not None:
        path.write_bytes(content)
    run = subprocess.run(
        [sys.executable, "-m", "fer_zoo", "video", str(path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 2 and not run.stdout
    assert run.stderr.count("\n") == 1 and reason in run.stderr and "x.mp4" in run.stderr


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x.mp4", "frame%02d.png"])
def test_only_files_are_opened(address: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError, match="no such file"):
        follow_video(address)
    with pytest.raises(ImageError, match="a folder"):
        follow_video(tmp_path)


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile walk.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nwalk.mp4\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_playlist_under_the_name_of_a_video_opens_no_other_file(walk: Path, playlist: str) -> None:
    path = walk.with_name("list.mp4")
    path.write_text(playlist)
    with pytest.raises(ImageError, match="not a video"):
        next(follow_video(path))


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("mp4v", "a.mov"),
        ("mp4v", "a.mkv"),
        ("VP80", "a.webm"),
        ("MJPG", "a.avi"),
        ("PIM1", "a.mpg"),
        ("MPG2", "a.ts"),
    ],
)
def test_every_container_is_read(codec: str, name: str, tmp_path: Path, portrait: np.ndarray) -> None:
    path = write_video(tmp_path / name, codec, lambda _: portrait[:, :204])
    tracker = FaceTracker(Recognizer(["cnn-baseline"]))
    seen = [frame.faces for frame in follow_video(path, tracker, per_second=5)]
    assert len(seen) == 10 and all(len(faces) == 1 for faces in seen)


def test_frames_that_are_too_large_are_refused(walk: Path, monkeypatch) -> None:
    monkeypatch.setattr(frames, "MAX_PIXELS", 1000)
    with pytest.raises(ImageError, match="frames of 800x300 pixels"):
        next(follow_video(walk))


@pytest.mark.parametrize("options", [["--per-second", "0"], ["--smoothing", "-1"], ["--models", "cnn"]])
def test_wrong_options_are_one_line(walk: Path, options: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["video", str(walk), *options])
    assert stop.value.code == 2 and capsys.readouterr().err.count("\n") == 1


def test_a_file_without_timestamps_uses_its_frame_rate(monkeypatch) -> None:
    class Timeless:
        left = 3

        def grab(self) -> bool:
            self.left -= 1
            return self.left >= 0

        def get(self, _: int) -> float:
            return 0.0

    assert list(frames._grab(Timeless(), 10.0)) == pytest.approx([0.0, 0.1, 0.2])


def test_a_timeline_is_split_where_the_face_is_out_of_sight() -> None:
    story = FaceStory(seconds=[0.0, 0.5, 1.5, 2.6, 2.7])
    assert [segment.tolist() for segment in story.segments] == [[0, 1, 2], [3, 4]]


def test_faces_are_sorted_by_the_frames_that_show_them() -> None:
    face = TrackedFace(1, (0, 0, 4, 4), 0.9, {"m": np.full(7, 1 / 7)})
    story = VideoStory(["m"])
    for index in range(6):
        here = [TrackedFace(number, face.box, 0.9, face.probabilities) for number in range(1, index + 2)]
        story.add(VideoFrame(index / 10, np.zeros((8, 8, 3), dtype=np.uint8), here))
    assert [number for number, _ in story.longest] == [1, 2, 3, 4, 5, 6]
    assert story.describe("x")["faces"][5] == {
        "face": 6,
        "from": 0.5,
        "to": 0.5,
        "frames": 1,
        "models": {"m": dict.fromkeys(EMOTIONS, 0.1429)},
    }
