"""From a photo to named probabilities: every face in it, scored by every chosen model."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Union

import numpy as np

from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import FerZooError
from fer_zoo.photos import Photo, read_scaled_photo, whole_picture
from fer_zoo.recognition.faces import MEDIAN_LANDMARKS, Face, crop_face, find_faces, find_faces_in_frame

if TYPE_CHECKING:
    from PIL.Image import Image

    from fer_zoo.models.classifier import FaceClassifier

TINY_SIDE = 32  # pixels: a smaller face is enlarged for the models, which have seen none such


@dataclass(frozen=True)
class Inspection:
    """All that was seen in a photo.

    photo: upright RGB, longest side at most 1600 pixels. faces: in pixels of this photo. crops: uint8
    (N, 48, 48). probabilities: for each model float (N, 7) in EMOTIONS order. milliseconds: time of each
    model for all N faces. scale: pixels of the given picture in one of `photo`.
    """

    photo: "Image"
    faces: list[Face]
    crops: np.ndarray
    probabilities: dict[str, np.ndarray]
    milliseconds: dict[str, float]
    scale: float

    def notes(self, index: int) -> list[str]:
        """What makes the face of that index hard to read: `tiny`, `profile`, or nothing."""
        face = self.faces[index]
        tiny = min(face.box[2:]) * self.scale < TINY_SIDE
        return [note for note, holds in (("tiny", tiny), ("profile", face.is_profile)) if holds]

    def describe_faces(self) -> list[dict[str, Any]]:
        """Box in the given picture's pixels, score, and each model's named probabilities, for each face."""
        faces = []
        for index, face in enumerate(self.faces):
            named = {
                name: dict(zip(EMOTIONS, map(float, table[index]), strict=True))
                for name, table in self.probabilities.items()
            }
            notes = self.notes(index)
            box = [round(side * self.scale) for side in face.box]
            faces.append(
                {"box": box, "score": face.score, "models": named, **({"notes": notes} if notes else {})}
            )
        return faces


class Recognizer:
    """Finds the faces in a photo and scores them with several models at once.

    models: names or folders as in `fer_zoo.load`, or classifiers. Weights are loaded at the first use.
    """

    def __init__(self, models: Sequence[Union[str, Path, "FaceClassifier"]] = ("cnn-baseline",)) -> None:
        if not models:
            raise FerZooError("No model is chosen; choose one or more, such as 'cnn-baseline'.")
        from fer_zoo.hub import find_artifact

        self._given = list(models)
        self._loaded: dict[str, FaceClassifier] = {}
        self._lock = Lock()
        for model in self._given:
            if isinstance(model, (str, Path)):
                find_artifact(model)  # an unknown name is told now, not at the first photo

    @property
    def models(self) -> dict[str, "FaceClassifier"]:
        """The loaded models by name."""
        from fer_zoo.hub import load

        with self._lock:
            if not self._loaded:
                models = [load(model) if isinstance(model, (str, Path)) else model for model in self._given]
                names = [model.name for model in models]
                for given, model in zip(self._given, models, strict=True):
                    # Two runs of one architecture are told apart by what was given.
                    self._loaded[model.name if names.count(model.name) == 1 else str(given)] = model
            return self._loaded

    def inspect(self, photo: Photo, whole: bool = False, frame_side: int | None = None) -> Inspection:
        """Find, crop and score. whole: take the whole picture as one face. frame_side: search in one quick
        pass with this many pixels along the longest side, as for the frames of a video. Raises ImageError for
        a broken picture.
        """
        image, scale = read_scaled_photo(photo)
        if whole:
            faces = [_whole_face(*image.size)]
            crops = whole_picture(image)[None]
        else:
            faces = find_faces_in_frame(image, frame_side) if frame_side else find_faces(image)
            crops = (
                np.stack([crop_face(image, face) for face in faces])
                if faces
                else np.zeros((0, SIDE, SIDE), np.uint8)
            )
        probabilities, milliseconds = {}, {}
        for name, model in self.models.items():
            start = time.perf_counter()
            probabilities[name] = _score(model, crops)
            milliseconds[name] = 1000 * (time.perf_counter() - start)
        return Inspection(image, faces, crops, probabilities, milliseconds, scale)

    def recognize(self, photo: Photo, whole: bool = False) -> dict[str, Any]:
        """The JSON of `fer-zoo predict` for one picture; boxes are x, y, width, height in its own pixels."""
        name = str(photo) if isinstance(photo, (str, Path)) else type(photo).__name__
        return {"image": name, "faces": self.inspect(photo, whole).describe_faces()}

    def recognize_many(self, photos: Iterable[Photo], whole: bool = False) -> Iterator[dict[str, Any]]:
        """`recognize` one by one; a broken picture gives {"image", "faces": [], "error"} and the others go
        on.
        """
        for photo in photos:
            try:
                yield self.recognize(photo, whole)
            except FerZooError as error:
                yield {"image": str(photo), "faces": [], "error": str(error)}


def _score(model: "FaceClassifier", crops: np.ndarray) -> np.ndarray:
    """float64 (N, 7)."""
    import torch

    if not len(crops):
        return np.zeros((0, len(EMOTIONS)))
    with torch.inference_mode():
        logits = model(torch.from_numpy(crops)[:, None])
    return logits.double().softmax(1).numpy()


def _whole_face(width: int, height: int) -> Face:
    """A face that fills the picture, its landmarks where FER2013's faces have them."""
    landmarks = MEDIAN_LANDMARKS / SIDE
    return Face((0, 0, width, height), 1.0, landmarks * (width, height), np.array([0.0, 0.0, width, height]))


def format_recognition(result: dict[str, Any]) -> str:
    """One line a face and model for people: place, answer, and the probabilities of all seven."""
    lines = [f"{result['image']}: {len(result['faces'])} face{'' if len(result['faces']) == 1 else 's'}"]
    for number, face in enumerate(result["faces"], 1):
        x, y, width, height = face["box"]
        notes = f" ({', '.join(face['notes'])})" if face.get("notes") else ""
        lines.append(f"  face {number} at {x},{y}, {width}x{height} pixels{notes}")
        for name, named in face["models"].items():
            ranked = sorted(named.items(), key=lambda item: -item[1])
            rest = "  ".join(
                f"{emotion} {probability:.0%}" for emotion, probability in ranked[1:] if probability >= 0.005
            )
            lines.append(f"    {name:<20} {ranked[0][0]:<9}{ranked[0][1]:>5.0%}   {rest}")
    return "\n".join(lines)
