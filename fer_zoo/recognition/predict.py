"""`fer_zoo.predict`: every face of a photo in one call."""

from collections.abc import Iterable, Mapping
from typing import Any

from fer_zoo.recognition.recognizer import Model, Recognizer
from fer_zoo.utils.images import Photo


def predict(
    photo: Photo | list[Photo] | tuple[Photo, ...],
    models: Model | Iterable[Model] = "cnn-baseline",
    whole: bool = False,
) -> Any:
    """Find every face of a photo and score it with each model; a list gives a list.

    Each call loads the models; a `Recognizer` loads them once.

    Args:
        photo: a path, an encoded picture as bytes, a Pillow image, a uint8 array (H, W) or (H, W, 3), or a
            list of them.
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
    recognizer = Recognizer(models)
    if isinstance(photo, (list, tuple)):
        return [_add_top(result) for result in recognizer.recognize_many(photo, whole)]
    return _add_top(recognizer.recognize(photo, whole))


def _add_top(result: dict[str, Any]) -> dict[str, Any]:
    faces = [{**face, "top": _find_top(face["models"])} for face in result["faces"]]
    return {**result, "faces": faces}


def _find_top(models: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    return {name: max(named, key=named.__getitem__) for name, named in models.items()}
