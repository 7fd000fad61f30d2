"""Decoding in a child process: the same pixels and messages, and a malicious file kills only the child."""

import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_zoo import follow_video
from fer_zoo.errors import ImageError
from fer_zoo.recognition import decoder_process
from fer_zoo.recognition import video as frames
from fer_zoo.utils import images as photos
from fer_zoo.utils.images import read_scaled_photo

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the resources of a process cannot be limited")


@pytest.fixture
def isolated() -> Iterator[None]:
    assert decoder_process.isolate_decoding()
    yield
    photos.decode_bytes_with(None)
    frames.read_frames_with(None)
    decoder_process.stop_children()


class Blind:
    """A tracker that finds no faces."""

    def update(self, pixels: np.ndarray, seconds: float) -> list[object]:
        return []


def encode(width: int = 3000, height: int = 2000, form: str = "JPEG") -> bytes:
    written = io.BytesIO()
    ramp = np.linspace(0, 255, width * height * 3).reshape(height, width, 3).astype(np.uint8)
    Image.fromarray(ramp).save(written, form)
    return written.getvalue()


def write_video(path: Path, count: int = 40, side: int = 128) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (side, side))
    for index in range(count):
        writer.write(np.full((side, side, 3), 5 * index % 256, dtype=np.uint8))
    writer.release()
    return path


def list_idle() -> list[int]:
    return [child._process.pid for child in decoder_process._idle.queue if child]


@pytest.mark.parametrize("encoded", [encode(), encode(60, 50, "PNG"), encode(60, 50, "TIFF")])
def test_a_child_gives_the_same_pixels(encoded: bytes, isolated: None) -> None:
    expected, scale = photos.decode_photo(encoded)
    photo, same = read_scaled_photo(encoded)
    assert scale == same and photo.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(photo), np.asarray(expected))
    assert len(list_idle()) == 1  # it was used, and is idle again


@pytest.mark.parametrize(
    "encoded", [b"", b"not a picture", encode(60, 50)[:-300], encode(60, 50, "PNG")[:100]]
)
def test_a_child_gives_the_same_errors(encoded: bytes, isolated: None) -> None:
    with pytest.raises(ImageError) as expected:
        photos.decode_photo(encoded)
    with pytest.raises(ImageError) as caught:
        read_scaled_photo(encoded)
    assert (str(caught.value), caught.value.kind) == (str(expected.value), expected.value.kind)


def test_a_picture_that_takes_too_long_kills_only_its_child(isolated: None, monkeypatch) -> None:
    """180 scans of 36 megapixels, the number that passes the header check."""
    written = io.BytesIO()
    Image.new("RGB", (6000, 6000)).save(written, "JPEG", progressive=True)
    plain = written.getvalue()
    last = plain.rindex(b"\xff\xda")
    bomb = plain[:last] + plain[last:-2] * 180 + plain[-2:]
    monkeypatch.setattr(decoder_process, "PICTURE_CPU_S", 1)
    start = time.monotonic()
    with pytest.raises(ImageError, match="The bytes: decoding takes more time or memory") as caught:
        read_scaled_photo(bomb)
    assert time.monotonic() - start < 20 and caught.value.kind == "limit"
    assert list_idle() == []
    assert read_scaled_photo(encode(60, 50))[0].size == (60, 50)


def test_a_hanging_child_is_killed_at_the_time_limit(isolated: None, monkeypatch) -> None:
    read_scaled_photo(encode(60, 50))
    os.kill(list_idle()[0], signal.SIGSTOP)
    monkeypatch.setattr(decoder_process, "PICTURE_WALL_S", 0.3)
    with pytest.raises(ImageError, match="more time"):
        read_scaled_photo(encode(60, 50))


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited only on Linux")
def test_memory_is_limited(isolated: None, monkeypatch) -> None:
    """A picture of 25 megapixels where 50 MB are allowed."""
    written = io.BytesIO()
    Image.new("RGB", (5000, 5000)).save(written, "PNG")
    monkeypatch.setattr(decoder_process, "PICTURE_MEMORY", 50_000_000)
    with pytest.raises(ImageError, match="not enough memory"):
        read_scaled_photo(written.getvalue())
    assert read_scaled_photo(encode(60, 50))[0].size == (60, 50)


def test_a_dead_child_is_replaced(isolated: None) -> None:
    read_scaled_photo(encode(60, 50))
    (first,) = list_idle()
    os.kill(first, signal.SIGKILL)
    time.sleep(0.2)
    assert read_scaled_photo(encode(60, 50))[0].size == (60, 50)
    assert list_idle() != [first]


def test_many_threads_get_their_own_pictures(isolated: None) -> None:
    sizes: dict[int, tuple[int, int]] = {}

    def read(number: int) -> None:
        sizes[number] = read_scaled_photo(encode(60 + number, 50))[0].size

    threads = [threading.Thread(target=read, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == {number: (60 + number, 50) for number in range(12)}


def test_a_video_gives_the_same_frames_from_a_child(isolated: None, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.mp4")
    expected = list(frames.read_frames(clip, 10))
    read = list(follow_video(clip, Blind(), per_second=10))
    assert [frame.seconds for frame in read] == [frame.seconds for frame in expected]
    for frame, one in zip(read, expected, strict=True):
        np.testing.assert_array_equal(frame.pixels, one.pixels)
    with pytest.raises(ImageError, match="not a video"):
        (tmp_path / "none.mp4").write_bytes(b"not a video")
        list(follow_video(tmp_path / "none.mp4", Blind()))


def test_closing_the_generator_stops_the_child(isolated: None, tmp_path: Path, monkeypatch) -> None:
    started = []
    start = decoder_process._Child

    def record() -> object:
        started.append(start())
        return started[-1]

    monkeypatch.setattr(decoder_process, "_Child", record)
    followed = follow_video(write_video(tmp_path / "clip.mp4"), Blind())
    next(followed)
    followed.close()
    assert [child.is_alive for child in started] == [False]


@pytest.mark.parametrize("in_child", [True, False])
def test_the_time_limit_holds_while_frames_are_skipped(
    in_child: bool, isolated: None, tmp_path: Path
) -> None:
    """One frame in a million seconds is requested, so all others are skipped."""
    if not in_child:
        frames.read_frames_with(None)
    clip = write_video(tmp_path / "clip.mp4", count=500, side=256)
    start = time.monotonic()
    with pytest.raises(ImageError, match=r"not read to its end in 0\.01 s") as caught:
        list(follow_video(clip, Blind(), per_second=1e-6, longest_s=0.01))
    assert time.monotonic() - start < 5 and caught.value.kind == "time"
