"""From a photo to named probabilities: every face, scored by several models."""

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np

from fer_zoo.detection.crops import find_crops
from fer_zoo.detection.detector import Face
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import FerZooError, UnknownNameError, escape
from fer_zoo.utils.images import Photo

if TYPE_CHECKING:
    from PIL.Image import Image

    from fer_zoo.artifacts.classifier import FaceClassifier

Model: TypeAlias = Union[str, Path, "FaceClassifier"]

TINY_SIDE = 32  # pixels: a smaller face is upsampled, and no training face was
# On 1,500 PublicTest faces: 99.5 % have detail (below) over 0.40 of their contrast and contrast over 22.
# Blurred by a Gaussian of 1 pixel their median detail is 0.26, and cnn-baseline is right in 57 % instead of
# 68 %; darkened to 30 % their median contrast is 16, and it is right in 59 %. Contrast, not brightness:
# dark skin in good light is not a defect.
BLURRED_DETAIL = 0.27
FAINT_CONTRAST = 15.0  # standard deviation of the crop's gray, 0-255


@dataclass(frozen=True)
class Inspection:
    """The faces of a photo with the probabilities of each model."""

    photo: "Image"  # RGB, by its EXIF orientation, longest side at most 1600 pixels
    faces: list[Face]  # in pixels of `photo`
    crops: np.ndarray  # uint8 (N, 48, 48), upright
    probabilities: dict[str, np.ndarray]  # by model, float (N, C) in the order of its classes
    milliseconds: dict[str, float]  # by model, for all N faces
    scale: float  # pixels of the given picture in one of `photo`
    errors: dict[str, str] = field(default_factory=dict)  # by model that has no probabilities
    faces_left_out: int = 0  # smaller faces beyond the 32 largest
    turned: int = 0  # degrees clockwise (0, 90, 180, 270) by which the photo is rotated to make faces upright
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by model; EMOTIONS where none

    @property
    def answers(self) -> dict[str, list[int]]:
        """For each model the index of the most probable class of each face."""
        return {name: table.argmax(1).tolist() for name, table in self.probabilities.items()}

    def name_classes(self, model: str) -> tuple[str, ...]:
        """Names of the columns of the model's probabilities."""
        return self.classes.get(model, EMOTIONS)

    def notes(self, index: int) -> list[str]:
        """Why a face may be misclassified: some of `tiny`, `profile`, `blurred` and `faint`."""
        face, crop = self.faces[index], self.crops[index].astype(np.float32)
        contrast = float(crop.std())
        tiny = min(face.box[2:]) * self.scale < TINY_SIDE
        faint = contrast < FAINT_CONTRAST
        blurred = not (tiny or faint) and _measure_detail(crop) < BLURRED_DETAIL * contrast
        notes = {"tiny": tiny, "profile": face.is_profile, "blurred": blurred, "faint": faint}
        return [note for note, applies in notes.items() if applies]

    def describe(self) -> dict[str, Any]:
        """`faces`, and `faces_left_out` and `turned` where they are not 0."""
        optional = {"faces_left_out": self.faces_left_out, "turned": self.turned}
        return {"faces": self.describe_faces(), **{key: value for key, value in optional.items() if value}}

    def describe_faces(self) -> list[dict[str, Any]]:
        """Box in the given picture's pixels, score, and each model's named probabilities, for each face."""
        faces = []
        for index, face in enumerate(self.faces):
            named = {
                name: dict(zip(self.name_classes(name), map(float, table[index]), strict=True))
                for name, table in self.probabilities.items()
            }
            notes = self.notes(index)
            box = [round(side * self.scale) for side in face.box]
            faces.append(
                {"box": box, "score": face.score, "models": named, **({"notes": notes} if notes else {})}
            )
        return faces


class Recognizer:
    """Finds the faces in a photo and scores them with several models. It is thread-safe.

    Args:
        models: one or more names or folders as in `fer_zoo.load`, or classifiers. Weights are loaded at the
            first use. Models of the same name are identified by what was given, such as their folders.

    Raises:
        FerZooError: no model is given, or one that does not exist.
    """

    def __init__(self, models: Model | Iterable[Model] = ("cnn-baseline",)) -> None:
        models = _as_list(models)
        if not models:
            raise FerZooError("No model is chosen; choose one or more, such as 'cnn-baseline'.")
        names = [_read_name(model) for model in models]  # an unknown name raises now, not at the first photo
        self._given = {
            name if names.count(name) == 1 else str(model): model
            for name, model in zip(names, models, strict=True)
        }
        self._loaded: dict[str, FaceClassifier] = {}
        self._lock = Lock()

    @property
    def names(self) -> list[str]:
        """Names of the models, loaded or not."""
        return list(self._given)

    @property
    def models(self) -> dict[str, "FaceClassifier"]:
        """The models by name, loaded."""
        return {name: self._load(name) for name in self._given}

    def _load(self, name: str) -> "FaceClassifier":
        from fer_zoo.artifacts.hub import load

        with self._lock:
            if name not in self._loaded:
                model = self._given[name]
                self._loaded[name] = load(model) if isinstance(model, (str, Path)) else model
            return self._loaded[name]

    def select(self, names: str | Sequence[str]) -> "Recognizer":
        """A recognizer of some of the models, in the given order, with shared weights. Raises
        UnknownNameError.
        """
        names = [names] if isinstance(names, str) else names
        for name in names:
            if name not in self._given:
                raise UnknownNameError("model", name, self._given)
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
        """Find, crop and score the faces.

        Args:
            photo: as in `fer_zoo.predict`.
            whole: take the whole picture as the face.
            frame_side: longest side, in pixels, for one fast search, as in video frames.
            keep_going: the error of a model that fails goes into `errors` instead of being raised.

        Raises:
            ImageError: the picture cannot be read.
        """
        found = find_crops(photo, whole, frame_side)
        milliseconds = {}

        def score(name: str) -> np.ndarray:
            model = self._load(name)
            start = time.perf_counter()
            table = _score(model, found.crops)
            milliseconds[name] = 1000 * (time.perf_counter() - start)
            return table

        probabilities, errors = _run_for_each(self._given, score, keep_going)
        return Inspection(
            found.photo,
            found.faces,
            found.crops,
            probabilities,
            milliseconds,
            found.scale,
            errors,
            found.faces_left_out,
            found.turned,
            {name: find_classes(self._loaded[name]) for name in probabilities},
        )

    def explain(
        self, crops: np.ndarray, answers: Mapping[str, Sequence[int]], keep_going: bool = False
    ) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Compute saliency maps: which pixels of a face are each model's evidence for an emotion.

        Args:
            crops: uint8 (N, 48, 48), as in an Inspection.
            answers: by model, an index of its classes for each face, as the `answers` of an Inspection.
            keep_going: return the errors of models that fail instead of raising them.

        Returns:
            By model, float32 maps (N, 48, 48) in [0, 1]; and the errors by model.
        """
        import torch

        from fer_zoo.recognition.saliency import explain

        faces = torch.from_numpy(crops)[:, None]
        return _run_for_each(
            answers, lambda name: explain(self._load(name), faces, answers[name]).numpy(), keep_going
        )

    def recognize(self, photo: Photo, whole: bool = False) -> dict[str, Any]:
        """The JSON of `fer-zoo predict` for one picture: {"image", "faces": [{"box", "score", "models"}]}.

        Boxes are x, y, width, height in the picture's own pixels, the largest face first. "faces_left_out"
        counts the smaller faces beyond the 32 largest. "turned": where faces are upside down or sideways, the
        degrees clockwise by which the picture was rotated. Both keys are missing where they would be 0.
        """
        name = str(photo) if isinstance(photo, (str, Path)) else type(photo).__name__
        return {"image": name, **self.inspect(photo, whole).describe()}

    def recognize_many(self, photos: Iterable[Photo], whole: bool = False) -> Iterator[dict[str, Any]]:
        """`recognize` one by one; a broken picture gives {"image", "faces": [], "error"} instead."""
        for photo in photos:
            try:
                yield self.recognize(photo, whole)
            except FerZooError as error:
                yield {"image": str(photo), "faces": [], "error": str(error)}


def _measure_detail(crop: np.ndarray) -> float:
    """Standard deviation of the Laplacian (four neighbors) of gray float (48, 48), without the border."""
    neighbors = crop[:-2, 1:-1] + crop[2:, 1:-1] + crop[1:-1, :-2] + crop[1:-1, 2:]
    return float((4 * crop[1:-1, 1:-1] - neighbors).std())


def find_classes(model: Any) -> tuple[str, ...]:
    """The classes of a FaceClassifier; EMOTIONS for a model of another kind."""
    return getattr(model, "classes", EMOTIONS)


def _as_list(models: Model | Iterable[Model]) -> list[Model]:
    return list(models) if isinstance(models, Iterable) and not isinstance(models, str) else [models]


def _read_name(model: Model) -> str:
    """Without loading it. Raises UnknownNameError, ArtifactError."""
    if not isinstance(model, (str, Path)):
        return model.name
    from fer_zoo.artifacts.artifact import name_model, read_config
    from fer_zoo.artifacts.resolve import resolve_folder

    return name_model(read_config(resolve_folder(model))["fer_zoo"])


def _run_for_each(
    names: Iterable[str], work: Callable[[str], np.ndarray], keep_going: bool
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Results by name, and one-line errors of the others."""
    results, errors = {}, {}
    for name in names:
        try:
            results[name] = work(name)
        except Exception as error:  # a model may fail in any way; the others still answer
            if not keep_going:
                raise
            errors[name] = " ".join(str(error).split()) or type(error).__name__
    return results, errors


def _score(model: "FaceClassifier", crops: np.ndarray) -> np.ndarray:
    """float64 (N, C)."""
    import torch

    from fer_zoo.artifacts.classifier import in_eval_mode

    if not len(crops):
        return np.zeros((0, len(find_classes(model))))
    faces = torch.from_numpy(crops)[:, None]
    with torch.inference_mode():
        device = next(model.parameters(), faces).device
        faces = faces.to(device, memory_format=torch.channels_last)  # as in predict_logits
        logits = in_eval_mode(model)(faces)  # other threads may use the model
    return logits.double().softmax(1).cpu().numpy()


def format_recognition(result: dict[str, Any]) -> str:
    """Text with a line for each face and model: box, and the emotions by probability."""
    faces = len(result["faces"])
    lines = [f"{escape(result['image'])}: {faces} face{'' if faces == 1 else 's'}"]
    if left_out := result.get("faces_left_out"):
        lines.append(f"  the {faces} largest of {faces + left_out} faces: {left_out} smaller left out")
    if turned := result.get("turned"):
        lines.append(f"  turned by {turned} degrees clockwise, so that the faces are upright")
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
