"""`fer_zoo.predict`: every face of a photo in one call."""

from collections.abc import Iterable
from typing import Any

from fer_zoo.recognition.recognizer import Model, Recognizer
from fer_zoo.utils.photo_inputs import Photos


def predict(
    photo: Photos,
    models: Model | Iterable[Model] = "cnn-baseline",
    whole: bool = False,
) -> Any:
    """Find every face of a photo and score it with each model; several give a list.

    Each call loads the models; a `Recognizer` loads them once.

    Args:
        photo: a path, an encoded picture as bytes or as an open file, a Pillow image, a uint8 array (H, W) or
            (H, W, 3), a tensor (C, H, W), or several of them: a list, a generator, an array (N, H, W, 3).
        models: one or more names or folders as in `fer_zoo.load`, or classifiers.
        whole: take the whole picture as the face.

    Returns:
        What `Recognizer.recognize` returns, with the most probable emotion of each model: {"image", "faces":
        [{"box", "score", "models": {name: {emotion: probability}}, "top": {name: emotion}}]}. In a list, a
        picture that cannot be read has "error" and no faces.

    Raises:
        ImageError: a single picture cannot be read.
        FerZooError: a model does not exist.
    """
    return Recognizer(models)(photo, whole=whole)
