"""Frames of a video file, one after another, and the faces in them."""

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fer_zoo.errors import ImageError
from fer_zoo.recognition.recognizer import Recognizer
from fer_zoo.recognition.sample_tables import check_sample_tables
from fer_zoo.recognition.tracking import FaceTracker, TrackedFace
from fer_zoo.utils.images import MAX_PIXELS

FRAME_SIDE = 640  # pixels: longest side of a frame in the detector; nobody waits for it as before a camera
USUAL_RATE = 25.0  # frames a second, where the file does not say

# FFmpeg reads playlists too, which name other files of this machine and of others; here a video is one file.
# So its first bytes must be those of a video, and FFmpeg is told the formats: OpenCV 5.0 heeds it, 4.11 not.
OPEN_OPTIONS = "format_whitelist;mov,matroska,avi,mpegts,mpeg,gif|protocol_whitelist;file"
_BEGINNINGS = re.compile(
    rb".{4}(ftyp|moov|mdat|wide|free|skip|pnot)"  # MP4, MOV
    rb"|\x1a\x45\xdf\xa3"  # Matroska, WebM
    rb"|RIFF.{4}AVI "
    rb"|G.{187}G|.{4}G.{191}G"  # MPEG transport streams, with times as cameras write them too
    rb"|\x00\x00\x01[\xba\xb3]"  # MPEG program streams and video
    rb"|GIF8",
    re.DOTALL,
)
_OTHER_THAN_MOV = (b"\x1a\x45\xdf\xa3", b"RIFF", b"\x00\x00\x01", b"GIF8", b"G")
_RULE = "Allowed are MP4, MOV, MKV, WebM, AVI, MPEG and GIF."


@dataclass(frozen=True)
class VideoFrame:
    """seconds: since the video's start. pixels: uint8 (H, W, 3), RGB, upright. faces: in sight, by number."""

    seconds: float
    pixels: np.ndarray
    faces: list[TrackedFace]


class RawFrame(NamedTuple):
    """seconds and pixels as in a VideoFrame. length: seconds of the whole video, as the file claims."""

    seconds: float
    pixels: np.ndarray
    length: float


_read_elsewhere: Callable[[Path, float, float | None], Iterator[RawFrame]] | None = None


def read_frames_with(read: Callable[[Path, float, float | None], Iterator[RawFrame]] | None) -> None:
    """From here on, `follow_video` takes its frames from another function; None ends it."""
    global _read_elsewhere
    _read_elsewhere = read


def follow_video(
    path: str | Path,
    tracker: FaceTracker | None = None,
    per_second: float = 10.0,
    progress: Callable[[int, int], object] = lambda done, total: None,
    longest_s: float | None = None,
) -> Iterator[VideoFrame]:
    """Find and read the faces of a video file, frame by frame; a face keeps its number while it is in sight.

    tracker: with the models to ask, `cnn-baseline` where there is none; a new one for each video. per_second:
    frames to read of each second. progress: called with the seconds read and those in all. longest_s:
    seconds that all of it may take. One frame is in memory at a time. Raises ImageError for a file that is no
    video or has too large frames, at its end for one whose rest is damaged, and when `longest_s` are over.
    """
    if not per_second > 0:
        raise ImageError(f"per_second is {per_second}; allowed is a number above 0.")
    place = Path(path)
    if not place.is_file():
        what = "a folder; give a video in it" if place.is_dir() else "no such file"
        raise ImageError(f"{path}: {what}.")
    tracker = tracker or FaceTracker(Recognizer(), frame_side=FRAME_SIDE)
    return _follow(place, tracker, per_second, progress, longest_s)


def _follow(
    path: Path,
    tracker: FaceTracker,
    per_second: float,
    progress: Callable[[int, int], object],
    longest_s: float | None,
) -> Iterator[VideoFrame]:
    read = _read_elsewhere or read_frames
    for seconds, pixels, length in read(path, per_second, longest_s):
        yield VideoFrame(seconds, pixels, tracker.update(pixels, seconds))
        progress(round(seconds), round(max(length, seconds)))


def read_frames(path: Path, per_second: float, longest_s: float | None = None) -> Iterator[RawFrame]:
    """The frames that `follow_video` reads, without their faces. Raises ImageError as it does."""
    start = time.monotonic()
    capture = _open(path)
    try:
        rate, length = _read_length(capture)
        due = latest = 0.0
        for latest in _grab(capture, rate or USUAL_RATE):
            if longest_s is not None and time.monotonic() - start > longest_s:
                raise make_time_error(path, longest_s)
            if latest + 1e-6 < due:
                continue
            whole, frame = capture.retrieve()
            if whole:
                due = max(due + 1 / per_second, latest)
                # OpenCV's are blue first.
                yield RawFrame(latest, np.ascontiguousarray(frame[:, :, ::-1]), length)
    finally:
        capture.release()
    if not due:
        raise ImageError(f"{path}: no frame of this video can be read. {_RULE}", "damaged")
    if latest < 0.9 * length - 1:
        raise ImageError(
            f"{path}: read up to {latest:.1f} s of {length:.1f} s; the rest is damaged.", "damaged"
        )


def make_time_error(path: Path, longest_s: float) -> ImageError:
    """For a video that takes longer to read than it may."""
    return ImageError(f"{path}: not read to its end in {longest_s:g} s; give a shorter video.", "time")


def _grab(capture: Any, rate: float) -> Iterator[float]:
    """The time of each frame in seconds, before it is decoded into pixels."""
    import cv2

    latest = -1 / rate
    while capture.grab():
        seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        latest = seconds if seconds > latest else latest + 1 / rate  # a file may have no times
        yield latest


def _open(path: Path) -> Any:
    # What FFmpeg has to say of a damaged file would come between our own lines. It reads this once.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = OPEN_OPTIONS
    import cv2

    refusal = ImageError(f"{path}: not a video that can be read here. {_RULE}", "format")
    try:
        with path.open("rb") as file:
            beginning = file.read(200)
    except OSError:
        raise refusal from None
    if not _BEGINNINGS.match(beginning):
        raise refusal
    if not beginning.startswith(_OTHER_THAN_MOV):
        check_sample_tables(path)
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise refusal
    width, height = (int(capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{path}: frames of {width}x{height} pixels; at most {MAX_PIXELS // 1_000_000} megapixels.",
            "pixels",
        )
    return capture


def _read_length(capture: Any) -> tuple[float, float]:
    """Frames a second and seconds in all, as the file claims; 0 for what it does not."""
    import cv2

    rate, frames = (capture.get(key) for key in (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT))
    if not (np.isfinite(rate) and rate > 0):
        return 0.0, 0.0
    return rate, max(0.0, frames / rate)
