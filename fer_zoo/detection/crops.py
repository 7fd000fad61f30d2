"""From a picture to the 48x48 crops of its faces, before any model sees them."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from PIL.Image import Image

from fer_zoo.detection.detector import (
    FRAME_DROP,
    FRAME_PER_BOX,
    MEDIAN_LANDMARKS,
    Face,
    crop_face,
    face_in,
    find_faces_in_frame,
    frame_face,
    sort_by_size,
)
from fer_zoo.detection.orientation import find_upright_faces
from fer_zoo.emotions import SIDE
from fer_zoo.errors import FerZooError, escape
from fer_zoo.utils.images import Photo, Scale, read_photo, read_scaled_photo, whole_picture

Boxes: TypeAlias = Sequence[Sequence[float]] | np.ndarray  # N times x, y, width, height
Detector: TypeAlias = Callable[[Image], Sequence[Face | Sequence[float]]]

MAX_FACES = 32  # of a photo: the largest
MAX_CROP_SIDE = 128  # pixels: a square up to this size is a face crop, as in FER2013, FER+ and RAF-DB
MAX_ASPECT = 1.25  # ratio of the sides up to which a picture counts as square
# FER2013's faces cover 76 % of their picture in the median. For 700 PublicTest faces padded with their edge
# pixels, resnet_48's accuracy on the whole canvas and on the face detected in it: 67.0 % and 70.4 % at 48 %
# covered, 62.9 % and 69.7 % at 35 %, 53.3 % and 68.6 % at 26 %.
MIN_COVERAGE = 1 / 3


class FoundFaces(NamedTuple):
    """The faces of a photo; the fields are those of an `Inspection`."""

    photo: Image
    faces: list[Face]
    crops: np.ndarray  # uint8 (N, 48, 48)
    scale: Scale
    faces_left_out: int = 0
    turned: int = 0


def find_crops(
    photo: Photo,
    whole: bool = False,
    frame_side: int | None = None,
    *,
    boxes: Boxes | None = None,
    detect: Detector | None = None,
) -> FoundFaces:
    """The faces of a photo before any model sees them; see `Recognizer.inspect`.

    frame_side: for a video frame, the longest side in pixels at which faces are detected, upright ones only.
    detect: finds the faces in place of the package's detector.
    """
    image, scale = read_scaled_photo(photo)
    if whole:
        return FoundFaces(image, [_whole_face(*image.size)], whole_picture(image)[None], scale)
    turned = 0
    if boxes is not None:
        found = faces = [_place_box(image.size, box, scale) for box in boxes]
    else:
        if detect is not None:
            found = sort_by_size([_place_box(image.size, box) for box in detect(image)])
        elif frame_side:
            found = find_faces_in_frame(image, frame_side)
        else:
            found, turned = find_upright_faces(image)
        faces = found[:MAX_FACES]
    crops = np.array([crop_face(image, face) for face in faces], np.uint8).reshape(-1, SIDE, SIDE)
    return FoundFaces(image, faces, crops, scale, len(found) - len(faces), turned)


def measure_outside(face: Face, size: tuple[int, int]) -> float:
    """The fraction of a face's crop outside a photo of `size` (width, height), where its edge is repeated."""
    (x, y), side, tilt = frame_face(face)
    steps = side * ((np.arange(SIDE) + 0.5) / SIDE - 0.5)
    across, down = np.meshgrid(steps, steps)
    xs = x + np.cos(tilt) * across - np.sin(tilt) * down
    ys = y + np.sin(tilt) * across + np.cos(tilt) * down
    return float(((xs < 0) | (ys < 0) | (xs > size[0]) | (ys > size[1])).mean())


def read_one_face(photo: Photo) -> np.ndarray:
    """Read the face that a picture shows as a model's input.

    A face crop is used as it is: a square of at most 128 pixels, or a larger picture of which one upright
    face covers a third or more. In any other picture faces are detected, and the largest is turned upright
    and cropped as `fer_zoo.predict` does it. A warning is issued for several faces, and for none, in which
    case the whole picture is used.

    Args:
        photo: Any form that `read_scaled_photo` takes.

    Returns:
        uint8 (48, 48), gray.

    Raises:
        ImageError: The picture cannot be read.
    """
    image = read_photo(photo)
    if is_face_crop(image):
        return whole_picture(image)
    faces, turned = find_upright_faces(image)
    if not faces:
        _warn(photo, "no face was found; the whole picture is used as one face.")
        return whole_picture(image)
    if len(faces) > 1:
        _warn(photo, f"{len(faces)} faces; only the largest is used. fer_zoo.predict(photo) returns all.")
    coverage = faces[0].box[2] * faces[0].box[3] / (image.width * image.height)
    if len(faces) == 1 and not turned and coverage >= MIN_COVERAGE:
        return whole_picture(image)
    return crop_face(image, faces[0])


def is_face_crop(image: Image) -> bool:
    """Whether a picture is small and nearly square, as the faces of FER2013, FER+ and RAF-DB are."""
    return max(image.size) <= min(MAX_CROP_SIDE, MAX_ASPECT * min(image.size))


def _place_box(size: tuple[int, int], box: Face | Sequence[float], scale: Scale = (1.0, 1.0)) -> Face:
    """A face known by its box x, y, width, height alone: level, and framed as the detector's boxes are.

    size: of the photo (width, height). scale: pixels of the box's picture in one of the photo, along x and y.
    """
    if isinstance(box, Face):
        return box
    given = np.asarray(box, dtype=np.float64).reshape(-1)
    outline = given / (*scale, *scale) if given.shape == (4,) else given
    if (
        outline.shape != (4,)
        or not np.isfinite(outline).all()
        or (outline[2:] < 1).any()
        or (outline[:2] >= size).any()
        or (outline[:2] + outline[2:] <= 0).any()
    ):
        sides = ", ".join(f"{side:g}" for side in given)
        raise FerZooError(
            f"A box is ({sides}); allowed is x, y, width, height in pixels of the picture, partly inside it."
        )
    side = float(np.sqrt(outline[2] * outline[3])) * FRAME_PER_BOX
    center = outline[:2] + outline[2:] / 2 - (0, FRAME_DROP * side)
    return face_in(size, outline, 1.0, center + (MEDIAN_LANDMARKS / SIDE - 0.5) * side)


def _whole_face(width: int, height: int) -> Face:
    """A face that fills the picture, with FER2013's median landmarks."""
    landmarks = MEDIAN_LANDMARKS / SIDE
    return Face((0, 0, width, height), 1.0, landmarks * (width, height), np.array([0.0, 0.0, width, height]))


def _warn(photo: Photo, message: str) -> None:
    name = str(photo) if isinstance(photo, (str, Path)) else "The picture"
    warnings.warn(escape(f"{name}: {message}"), stacklevel=3)
