"""Frames of a video file, and the faces in them."""

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fer_zoo.errors import ImageError
from fer_zoo.recognition.cuts import CutDetector
from fer_zoo.recognition.recognizer import Recognizer
from fer_zoo.recognition.sample_tables import check_sample_tables
from fer_zoo.recognition.tracking import FaceTracker, TrackedFace
from fer_zoo.utils.images import MAX_PIXELS

FRAME_SIDE = (
    640  # pixels: longest side of a frame in the detector; more than for a camera, as latency does not matter
)
DEFAULT_RATE = 25.0  # frames a second, where the file has none

# FFmpeg also reads playlists, which refer to other files, local or remote; here a video is one file. So its
# first bytes must be those of a video, and FFmpeg gets a list of formats, which OpenCV 5.0 applies, not 4.11.
OPEN_OPTIONS = "format_whitelist;mov,matroska,avi,mpegts,mpeg,gif|protocol_whitelist;file"
_SIGNATURES = re.compile(
    rb".{4}(ftyp|moov|mdat|wide|free|skip|pnot)"  # MP4, MOV
    rb"|\x1a\x45\xdf\xa3"  # Matroska, WebM
    rb"|RIFF.{4}AVI "
    rb"|G.{187}G|.{4}G.{191}G"  # MPEG transport streams, also with timestamps, as cameras write them
    rb"|\x00\x00\x01[\xba\xb3]"  # MPEG program streams and video
    rb"|GIF8",
    re.DOTALL,
)
_NOT_MOV = (b"\x1a\x45\xdf\xa3", b"RIFF", b"\x00\x00\x01", b"GIF8", b"G")
_ALLOWED = "Allowed are MP4, MOV, MKV, WebM, AVI, MPEG and GIF."


@dataclass(frozen=True)
class VideoFrame:
    """A frame and its faces."""

    seconds: float  # since the start of the video
    pixels: np.ndarray  # uint8 (H, W, 3), RGB, upright
    faces: list[TrackedFace]  # in sight, sorted by number


class RawFrame(NamedTuple):
    """A frame without its faces."""

    seconds: float
    pixels: np.ndarray
    length: float  # seconds of the whole video, according to the file


_reader: Callable[[Path, float, float | None], Iterator[RawFrame]] | None = None


def read_frames_with(reader: Callable[[Path, float, float | None], Iterator[RawFrame]] | None) -> None:
    """From now on `follow_video` gets its frames from `reader`; None restores `read_frames`."""
    global _reader
    _reader = reader


def follow_video(
    path: str | Path,
    tracker: FaceTracker | None = None,
    per_second: float = 10.0,
    progress: Callable[[int, int], object] = lambda done, total: None,
    longest_s: float | None = None,
) -> Iterator[VideoFrame]:
    """Find and score the faces of a video file, frame by frame; a face keeps its number while it is in sight
    and no cut comes.

    One frame is in memory at a time.

    Args:
        path: MP4, MOV, MKV, WebM, AVI, MPEG or GIF.
        tracker: with the models; default `cnn-baseline`. Use a new one for each video.
        per_second: frames to read of each second.
        progress: called with (seconds read, seconds in all).
        longest_s: time limit in seconds.

    Yields:
        The frames with their faces.

    Raises:
        ImageError: the file is not a video or its frames are too large; at the end, if the rest is damaged;
            or the time limit is exceeded.
    """
    if not per_second > 0:
        raise ImageError(f"per_second is {per_second}; allowed is a number above 0.")
    file = Path(path)
    if not file.is_file():
        reason = "a folder; give a video in it" if file.is_dir() else "no such file"
        raise ImageError(f"{path}: {reason}.")
    tracker = tracker or FaceTracker(Recognizer(), frame_side=FRAME_SIDE)
    return _follow(file, tracker, per_second, progress, longest_s)


def _follow(
    path: Path,
    tracker: FaceTracker,
    per_second: float,
    progress: Callable[[int, int], object],
    longest_s: float | None,
) -> Iterator[VideoFrame]:
    cuts = CutDetector()
    for seconds, pixels, length in (_reader or read_frames)(path, per_second, longest_s):
        if cuts.is_cut(pixels):
            tracker.start_scene()
        yield VideoFrame(seconds, pixels, tracker.update(pixels, seconds))
        progress(round(seconds), round(max(length, seconds)))


def read_frames(path: Path, per_second: float, longest_s: float | None = None) -> Iterator[RawFrame]:
    """The frames that `follow_video` reads, without their faces. Raises ImageError as it does."""
    start = time.monotonic()
    capture = _open(path)
    try:
        rate, length = _read_length(capture)
        due = latest = 0.0
        count = 0
        for latest in _grab(capture, rate or DEFAULT_RATE):
            count += 1
            if longest_s is not None and time.monotonic() - start > longest_s:
                raise make_time_error(path, longest_s)
            if latest + 1e-6 < due:
                continue
            decoded, frame = capture.retrieve()
            if decoded:
                due = max(due + 1 / per_second, latest)
                yield RawFrame(latest, np.ascontiguousarray(frame[:, :, ::-1]), length)  # BGR to RGB
    finally:
        capture.release()
    if not due:
        raise ImageError(f"{path}: no frame of this video can be read. {_ALLOWED}", "damaged")
    # The last frame may last for seconds: it begins long before the end of a file that is whole.
    if latest < 0.9 * length - 1 and count < 0.9 * length * rate:
        raise ImageError(
            f"{path}: read up to {latest:.1f} s of {length:.1f} s; the rest is damaged.", "damaged"
        )


def make_time_error(path: Path, longest_s: float) -> ImageError:
    """For a video that exceeds its time limit."""
    return ImageError(f"{path}: not read to its end in {longest_s:g} s; give a shorter video.", "time")


def _grab(capture: Any, rate: float) -> Iterator[float]:
    """The timestamp of each frame in seconds, before it is decoded."""
    import cv2

    latest = -1 / rate
    while capture.grab():
        seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        latest = seconds if seconds > latest else latest + 1 / rate  # a file may have no timestamps
        yield latest


def _open(path: Path) -> Any:
    # FFmpeg's messages would mix with our own output. It reads these variables once.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = OPEN_OPTIONS
    import cv2

    error = ImageError(f"{path}: not a video that can be read here. {_ALLOWED}", "format")
    try:
        with path.open("rb") as file:
            signature = file.read(200)
    except OSError:
        raise error from None
    if not _SIGNATURES.match(signature):
        raise error
    if not signature.startswith(_NOT_MOV):
        check_sample_tables(path)
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        told = "no frame of this video can be read; it may be cut off"
        raise ImageError(f"{path}: {told}. {_ALLOWED}", "damaged")
    width, height = (int(capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{path}: frames of {width}x{height} pixels; at most {MAX_PIXELS // 1_000_000} megapixels.",
            "pixels",
        )
    return capture


def _read_length(capture: Any) -> tuple[float, float]:
    """Frames a second and seconds in all, according to the file; 0 if unknown."""
    import cv2

    rate, frames = (capture.get(key) for key in (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT))
    if not (np.isfinite(rate) and rate > 0):
        return 0.0, 0.0
    return rate, max(0.0, frames / rate)
