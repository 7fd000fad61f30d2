"""The one face that a picture shows, as the models read it."""

import warnings
from pathlib import Path

import numpy as np

from fer_zoo.detection.detector import crop_face
from fer_zoo.detection.orientation import find_upright_faces
from fer_zoo.errors import escape
from fer_zoo.utils.images import Photo, read_photo, whole_picture

LARGEST_CROP = 128  # pixels: a square of at most so many is a face, as FER2013, FER+ and RAF-DB hold them
LARGEST_ASPECT = 1.25  # of the sides of what counts as square
# FER2013's faces cover 76 % of their picture in the median. With 700 PublicTest faces on canvases that their
# edge continues, resnet_48 is right, from the whole canvas and from the face found in it: at 48 % covered in
# 67.0 and 70.4 %, at 35 % in 62.9 and 69.7 %, at 26 % in 53.3 and 68.6 %.
LEAST_COVERED = 1 / 3


def read_one_face(photo: Photo) -> np.ndarray:
    """uint8 (48, 48), gray: the face that a picture shows, as the models read it.

    A face crop is the face as it is: a square of at most 128 pixels, or a larger picture of which one face
    covers a third or more. In any other picture the faces are searched, and the largest is turned upright and
    framed as `fer_zoo.predict` does it. A warning tells where there are several faces, or none: then the
    whole picture is taken.

    Args:
        photo: a path, an encoded picture as bytes, a Pillow image or a uint8 array (H, W) or (H, W, 3).

    Raises:
        ImageError: the picture cannot be read.
    """
    image = read_photo(photo)
    if max(image.size) <= min(LARGEST_CROP, LARGEST_ASPECT * min(image.size)):
        return whole_picture(image)
    faces, turned = find_upright_faces(image)
    if not faces:
        _warn(photo, "no face is found; the whole picture is taken as one face.")
        return whole_picture(image)
    if len(faces) > 1:
        _warn(photo, f"{len(faces)} faces; the largest is answered. fer_zoo.predict(photo) answers each.")
    covered = faces[0].box[2] * faces[0].box[3] / (image.width * image.height)
    if len(faces) == 1 and not turned and covered >= LEAST_COVERED:
        return whole_picture(image)
    return crop_face(image, faces[0])


def _warn(photo: Photo, words: str) -> None:
    name = str(photo) if isinstance(photo, (str, Path)) else "The picture"
    warnings.warn(escape(f"{name}: {words}"), stacklevel=3)
