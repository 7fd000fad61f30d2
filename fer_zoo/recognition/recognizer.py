"""From a photo to named probabilities: every face in it, scored by every chosen model."""

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import numpy as np

from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import FerZooError, escape
from fer_zoo.photos import Photo, read_scaled_photo, whole_picture
from fer_zoo.recognition.faces import MEDIAN_LANDMARKS, Face, crop_face, find_faces, find_faces_in_frame

if TYPE_CHECKING:
    from PIL.Image import Image

    from fer_zoo.models.classifier import FaceClassifier

TINY_SIDE = 32  # pixels: a smaller face is enlarged for the models, which have seen none such
# On 1,500 PublicTest faces: 99.5 % have a detail (below) over 0.40 of their contrast and a contrast over 22.
# Blurred by a Gaussian of 1 pixel their median detail is 0.26, and cnn-baseline is right in 57 % instead of
# 68 %; darkened to 30 % their median contrast is 16, and it is right in 59 %. Contrast, and not brightness,
# so that a dark skin in good light is no fault.
BLURRED_DETAIL = 0.27
FAINT_CONTRAST = 15.0  # standard deviation of the crop's grey, 0-255


@dataclass(frozen=True)
class Inspection:
    """All that was seen in a photo.

    photo: upright RGB, longest side at most 1600 pixels. faces: in pixels of this photo. crops: uint8
    (N, 48, 48). probabilities: for each model float (N, 7) in EMOTIONS order. milliseconds: time of each
    model for all N faces. scale: pixels of the given picture in one of `photo`. faults: what went wrong with
    each model that has no probabilities.
    """

    photo: "Image"
    faces: list[Face]
    crops: np.ndarray
    probabilities: dict[str, np.ndarray]
    milliseconds: dict[str, float]
    scale: float
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> dict[str, list[int]]:
        """For each model the index of the likeliest emotion of each face."""
        return {name: table.argmax(1).tolist() for name, table in self.probabilities.items()}

    def notes(self, index: int) -> list[str]:
        """What makes a face hard to read: some of `tiny`, `profile`, `blurred` and `faint`."""
        face, crop = self.faces[index], self.crops[index].astype(np.float32)
        contrast = float(crop.std())
        tiny = min(face.box[2:]) * self.scale < TINY_SIDE
        faint = contrast < FAINT_CONTRAST
        blurred = not (tiny or faint) and _measure_detail(crop) < BLURRED_DETAIL * contrast
        notes = {"tiny": tiny, "profile": face.is_profile, "blurred": blurred, "faint": faint}
        return [note for note, holds in notes.items() if holds]

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

    models: names or folders as in `fer_zoo.load`, or classifiers. Weights are loaded at the first use. A name
    stands for one model of it: a folder whose model is named as another's goes by its path.
    """

    def __init__(self, models: Sequence[Union[str, Path, "FaceClassifier"]] = ("cnn-baseline",)) -> None:
        if not models:
            raise FerZooError("No model is chosen; choose one or more, such as 'cnn-baseline'.")
        names = [_read_name(model) for model in models]  # an unknown name is told now, not at the first photo
        # Two runs of one architecture are told apart by what was given.
        self._given = {
            name if names.count(name) == 1 else str(model): model
            for name, model in zip(names, models, strict=True)
        }
        self._loaded: dict[str, FaceClassifier] = {}
        self._lock = Lock()

    @property
    def names(self) -> list[str]:
        """Of the models, loaded or not."""
        return list(self._given)

    @property
    def models(self) -> dict[str, "FaceClassifier"]:
        """The models by name, loaded."""
        return {name: self._load(name) for name in self._given}

    def _load(self, name: str) -> "FaceClassifier":
        from fer_zoo.hub import load

        with self._lock:
            if name not in self._loaded:
                model = self._given[name]
                self._loaded[name] = load(model) if isinstance(model, (str, Path)) else model
            return self._loaded[name]

    def select(self, names: Sequence[str]) -> "Recognizer":
        """A recognizer of some of the models, in the given order; each is loaded once for both."""
        chosen = copy.copy(self)
        chosen._given = {name: self._given[name] for name in names}
        return chosen

    def inspect(
        self,
        photo: Photo,
        whole: bool = False,
        frame_side: int | None = None,
        keep_going: bool = False,
    ) -> Inspection:
        """Find, crop and score. Raises ImageError for a broken picture.

        whole: take the whole picture as one face. frame_side: search in one quick pass with this many pixels
        along the longest side, as for the frames of a video. keep_going: a model that cannot be loaded or
        that fails stands in `faults` instead of raising its error.
        """
        image, faces, crops, scale = find_crops(photo, whole, frame_side)
        milliseconds = {}

        def score(name: str) -> np.ndarray:
            model = self._load(name)
            start = time.perf_counter()
            table = _score(model, crops)
            milliseconds[name] = 1000 * (time.perf_counter() - start)
            return table

        probabilities, faults = _do_for_each(self._given, score, keep_going)
        return Inspection(image, faces, crops, probabilities, milliseconds, scale, faults)

    def explain(
        self, crops: np.ndarray, answers: Mapping[str, Sequence[int]], keep_going: bool = False
    ) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Where each model sees the evidence for an answer: float32 maps (N, 48, 48) in [0, 1] by model.

        crops: uint8 (N, 48, 48), as in an Inspection. answers: for each model and face an index of EMOTIONS,
        as its `answers`. Second come the faults of models that fail, where keep_going; else they raise.
        """
        import torch

        from fer_zoo.recognition.explain import explain

        faces = torch.from_numpy(crops)[:, None]
        return _do_for_each(
            answers, lambda name: explain(self._load(name), faces, answers[name]).numpy(), keep_going
        )

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


class FoundFaces(NamedTuple):
    """photo, faces, crops and scale as in an Inspection."""

    photo: "Image"
    faces: list[Face]
    crops: np.ndarray
    scale: float


def find_crops(photo: Photo, whole: bool = False, frame_side: int | None = None) -> FoundFaces:
    """The faces of a photo before any model sees them; see `Recognizer.inspect`. Raises ImageError."""
    image, scale = read_scaled_photo(photo)
    if whole:
        return FoundFaces(image, [_whole_face(*image.size)], whole_picture(image)[None], scale)
    faces = find_faces_in_frame(image, frame_side) if frame_side else find_faces(image)
    crops = [crop_face(image, face) for face in faces]
    return FoundFaces(image, faces, np.stack(crops) if crops else np.zeros((0, SIDE, SIDE), np.uint8), scale)


def _measure_detail(crop: np.ndarray) -> float:
    """Standard deviation of the Laplacian (four neighbours) of grey float (48, 48), without the border."""
    around = crop[:-2, 1:-1] + crop[2:, 1:-1] + crop[1:-1, :-2] + crop[1:-1, 2:]
    return float((4 * crop[1:-1, 1:-1] - around).std())


def _read_name(model: Union[str, Path, "FaceClassifier"]) -> str:
    """Without loading it. Raises UnknownNameError, ArtifactError."""
    if not isinstance(model, (str, Path)):
        return model.name
    from fer_zoo.artifact import read_config
    from fer_zoo.hub import find_artifact

    return str(read_config(find_artifact(model))["fer_zoo"].get("name"))


def _do_for_each(
    names: Iterable[str], work: Callable[[str], np.ndarray], keep_going: bool
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Results by name, and in one line what went wrong with the others."""
    results, faults = {}, {}
    for name in names:
        try:
            results[name] = work(name)
        except Exception as error:  # a model may fail in any way; the others are not to suffer from it
            if not keep_going:
                raise
            faults[name] = " ".join(str(error).split()) or type(error).__name__
    return results, faults


def _score(model: "FaceClassifier", crops: np.ndarray) -> np.ndarray:
    """float64 (N, 7)."""
    import torch

    if not len(crops):
        return np.zeros((0, len(EMOTIONS)))
    faces = torch.from_numpy(crops)[:, None]
    with torch.inference_mode():
        device = next(model.parameters(), faces).device
        logits = model(faces.to(device, memory_format=torch.channels_last))  # as in predict_logits
    return logits.double().softmax(1).cpu().numpy()


def _whole_face(width: int, height: int) -> Face:
    """A face that fills the picture, its landmarks where FER2013's faces have them."""
    landmarks = MEDIAN_LANDMARKS / SIDE
    return Face((0, 0, width, height), 1.0, landmarks * (width, height), np.array([0.0, 0.0, width, height]))


def format_recognition(result: dict[str, Any]) -> str:
    """One line a face and model for people: place, answer, and the probabilities of all seven."""
    faces = len(result["faces"])
    lines = [f"{escape(result['image'])}: {faces} face{'' if faces == 1 else 's'}"]
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
