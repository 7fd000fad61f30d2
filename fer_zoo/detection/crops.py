"""From a picture to the 48x48 crops of its faces, before any model sees them."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fer_zoo.detection.detector import MEDIAN_LANDMARKS, Face, crop_face, find_faces_in_frame
from fer_zoo.detection.orientation import find_upright_faces
from fer_zoo.emotions import SIDE
from fer_zoo.utils.images import Photo, read_scaled_photo, whole_picture

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_FACES = 32  # of a photo: the largest


class FoundFaces(NamedTuple):
    """As in an Inspection."""

    photo: "Image"
    faces: list[Face]
    crops: np.ndarray
    scale: float
    faces_left_out: int = 0
    turned: int = 0


def find_crops(photo: Photo, whole: bool = False, frame_side: int | None = None) -> FoundFaces:
    """The faces of a photo before any model sees them; see `Recognizer.inspect`. Raises ImageError."""
    image, scale = read_scaled_photo(photo)
    if whole:
        return FoundFaces(image, [_whole_face(*image.size)], whole_picture(image)[None], scale)
    found, turned = (find_faces_in_frame(image, frame_side), 0) if frame_side else find_upright_faces(image)
    faces = found[:MAX_FACES]
    crops = np.array([crop_face(image, face) for face in faces], np.uint8).reshape(-1, SIDE, SIDE)
    return FoundFaces(image, faces, crops, scale, len(found) - len(faces), turned)


def _whole_face(width: int, height: int) -> Face:
    """A face that fills the picture, its landmarks where FER2013's faces have them."""
    landmarks = MEDIAN_LANDMARKS / SIDE
    return Face((0, 0, width, height), 1.0, landmarks * (width, height), np.array([0.0, 0.0, width, height]))
