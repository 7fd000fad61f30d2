"""From a photo to named probabilities: every face, scored by several models."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np

from fer_zoo.artifacts.answer_table import build_frame, name_photo
from fer_zoo.detection.crops import Boxes, Detector, find_crops
from fer_zoo.errors import FerZooError, UnknownNameError, one_line
from fer_zoo.recognition.inspection import Inspection as Inspection
from fer_zoo.recognition.inspection import add_top, list_rows
from fer_zoo.recognition.inspection import format_recognition as format_recognition
from fer_zoo.utils.photo_inputs import Photo, Photos, split_batch

if TYPE_CHECKING:
    import torch
    from pandas import DataFrame
    from PIL.Image import Image

    from fer_zoo.artifacts.classifier import FaceClassifier

Model: TypeAlias = Union[str, Path, "FaceClassifier"]

DETECTOR = "retinaface"  # the package's


class Recognizer:
    """Finds the faces in photos and scores them with several models.

    It is thread-safe, and can be pickled for process pools and spawned workers: models that were given by
    name are loaded again there.

    Args:
        models: one or more names or folders as in `fer_zoo.load`, or classifiers. Weights are loaded at the
            first use. Folders of the same name are identified by their paths, classifiers by a number.
        device: of the models: "auto", "cpu", "cuda", "mps". None leaves a given classifier where it is, and
            loads the others on the CPU.
        detector: "retinaface", the package's own; None takes each picture as one face; or a function from an
            RGB Pillow image to boxes x, y, width, height.

    Raises:
        FerZooError: no model is given, one that does not exist, or one twice, or an unknown detector or
            device.
    """

    def __init__(
        self,
        models: Model | Iterable[Model] = ("cnn-baseline",),
        *,
        device: "str | torch.device | None" = None,
        detector: Detector | str | None = DETECTOR,
    ) -> None:
        given: list[Model] = (
            list(models) if isinstance(models, Iterable) and not isinstance(models, str) else [models]
        )
        if not given:
            raise FerZooError("No model is chosen; choose one or more, such as 'cnn-baseline'.")
        if isinstance(detector, str) and detector != DETECTOR:
            raise UnknownNameError("detector", detector, [DETECTOR])
        self._given = _name_models(given)  # an unknown name raises now, not at the first photo
        self._detector = detector
        self._device: torch.device | None = None
        self._loaded: dict[str, FaceClassifier] = {}
        self._lock = Lock()
        if device is not None:
            self.to(device)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_lock", "_loaded")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _loaded={}, _lock=Lock())

    def to(self, device: "str | torch.device") -> "Recognizer":
        """Move the models, loaded or not yet; returns the recognizer. Raises TrainingError."""
        from fer_zoo.utils.devices import pick_device

        self._device = pick_device(str(device))
        for model in self._loaded.values():
            model.to(self._device)
        return self

    def __call__(self, photo: Photos, *, whole: bool = False, boxes: Any = None) -> Any:
        """`fer_zoo.predict` with these models: one photo gives a dict, several give a list of them.

        Args:
            photo: as in `fer_zoo.predict`.
            whole: take each picture as one face.
            boxes: N times x, y, width, height of one photo's faces in its own pixels, in place of detection;
                for several photos a list of such lists.
        """
        photos, several = split_batch(photo)
        if several:
            return [add_top(result) for result in self.recognize_many(photos, whole, boxes)]
        return add_top(self.recognize(next(iter(photos)), whole, boxes))

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
                loaded = load(model) if isinstance(model, (str, Path)) else model
                self._loaded[name] = loaded if self._device is None else loaded.to(self._device)
            return self._loaded[name]

    def select(self, names: str | Sequence[str]) -> "Recognizer":
        """A recognizer of some of the models, in the given order, with shared weights. Raises
        UnknownNameError.
        """
        names = [names] if isinstance(names, str) else names
        for name in names:
            if name not in self._given:
                raise UnknownNameError("model", name, self._given)
        chosen = object.__new__(Recognizer)
        vars(chosen).update(vars(self))
        chosen._given = {name: self._given[name] for name in names}
        return chosen

    def inspect(
        self,
        photo: Photo,
        whole: bool = False,
        frame_side: int | None = None,
        keep_going: bool = False,
        boxes: Boxes | None = None,
    ) -> Inspection:
        """Find, crop and score the faces.

        Args:
            photo: as in `fer_zoo.predict`.
            whole: take the whole picture as the face.
            frame_side: longest side, in pixels, for one fast search, as in video frames.
            keep_going: the error of a model that fails goes into `errors` instead of being raised.
            boxes: N times x, y, width, height of the faces in the picture's own pixels, in place of
                detection.

        Raises:
            ImageError: the picture cannot be read.
            FerZooError: a box is not in the picture.
        """
        whole = whole or (self._detector is None and boxes is None)
        detect = None if isinstance(self._detector, str) else self._detector
        found = find_crops(photo, whole, frame_side, boxes=boxes, detect=detect)
        milliseconds = {}

        def score(name: str) -> np.ndarray:
            model = self._load(name)
            start = time.perf_counter()
            table = _score(model, found.crops)
            milliseconds[name] = 1000 * (time.perf_counter() - start)
            return table

        probabilities, errors = _run_for_each(self._given, score, keep_going)
        return Inspection(
            **found._asdict(),
            probabilities=probabilities,
            milliseconds=milliseconds,
            classes={name: self._loaded[name].classes for name in probabilities},
            errors=errors,
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

    def recognize(self, photo: Photo, whole: bool = False, boxes: Boxes | None = None) -> dict[str, Any]:
        """The JSON of `fer-zoo predict` for one picture: {"image", "faces": [{"box", "score", "models"}]}.

        Boxes are x, y, width, height in the picture's own pixels, the largest face first; given `boxes` keep
        their order. "faces_left_out" counts the smaller faces beyond the 32 largest. "turned": where faces
        are upside down or sideways, the degrees clockwise by which the picture was rotated. Both keys are
        missing where they would be 0.
        """
        return {"image": _name_photo(photo), **self.inspect(photo, whole, boxes=boxes).describe()}

    def recognize_many(
        self, photos: Photos, whole: bool = False, boxes: Iterable[Boxes] | None = None
    ) -> Iterator[dict[str, Any]]:
        """`recognize` one by one; a broken picture gives {"image", "faces": [], "error"} instead."""
        for photo, own in _pair_boxes(split_batch(photos)[0], boxes):
            try:
                yield self.recognize(photo, whole, own)
            except FerZooError as error:
                yield {"image": _name_photo(photo), "faces": [], "error": str(error)}

    def to_frame(self, photos: Photos, whole: bool = False) -> "DataFrame":
        """Find and score the faces of photos, as a pandas DataFrame: a row a face and model.

        Args:
            photos: one or several, as in `fer_zoo.predict`.
            whole: take each picture as one face.

        Returns:
            Columns image (path, or position from 0), face (from 0), x, y, width, height, score, model, top
            (the most probable class), probability (of it), a column a class, and error. A picture without a
            face, or that cannot be read, has a row a model with face missing.
        """
        rows: list[dict[str, Any]] = []
        for position, photo in enumerate(split_batch(photos)[0]):
            (result,) = self.recognize_many([photo], whole)
            rows += list_rows({**result, "image": name_photo(photo, position)}, self.names)
        classes = dict.fromkeys(label for model in self.models.values() for label in model.classes)
        columns = ("image", "face", "x", "y", "width", "height", "score", "model", "top", "probability")
        frame = build_frame(rows, [*columns, *classes, "error"])
        # A column of which nothing is known has the type of the others: frames of several calls fit together.
        numbers = dict.fromkeys(("score", "probability", *classes), "float64")
        return frame.astype({**dict.fromkeys(("model", "top", "error"), frame["image"].dtype), **numbers})

    def plot(
        self, photo: Photo, model: str | None = None, whole: bool = False, boxes: Boxes | None = None
    ) -> "Image":
        """The photo with a box on each face, and a model's answer and its probability beside it.

        Args:
            photo: as in `fer_zoo.predict`.
            model: a name among `names`; None for the first.
            whole: take the whole picture as the face.
            boxes: as in `inspect`.

        Returns:
            RGB, the longest side at most 1600 pixels.
        """
        one = self.select(model or self.names[0])
        return one.inspect(photo, whole, boxes=boxes).plot()


def _name_photo(photo: Photo) -> str:
    return str(photo) if isinstance(photo, (str, Path)) else type(photo).__name__


def _pair_boxes(
    photos: Iterable[Photo], boxes: Iterable[Boxes] | None
) -> Iterator[tuple[Photo, Boxes | None]]:
    if boxes is None:
        yield from ((photo, None) for photo in photos)
        return
    missing: Any = object()
    for photo, own in zip_longest(photos, boxes, fillvalue=missing):
        if photo is missing or own is missing:
            raise FerZooError("There are not as many lists of boxes as photos; give one for each.")
        yield photo, own


def _name_models(given: Sequence[Model]) -> dict[str, Model]:
    """Each model under a name of its own. Raises FerZooError for one given twice, UnknownNameError."""
    names = [_read_name(model) for model in given]
    named: dict[str, Model] = {}
    for index, (name, model) in enumerate(zip(names, given, strict=True)):
        if model in given[:index]:
            raise FerZooError(f"{name} is given twice: name each model once.")
        if names.count(name) > 1 and isinstance(model, (str, Path)):
            name = str(model)
        shown, number = name, 1
        while shown in named:
            number += 1
            shown = f"{name} ({number})"
        named[shown] = model
    return named


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
            errors[name] = one_line(error)
    return results, errors


def _score(model: "FaceClassifier", crops: np.ndarray) -> np.ndarray:
    """float64 (N, C)."""
    import torch

    from fer_zoo.evaluation.inference import predict_probabilities

    if not len(crops):
        return np.zeros((0, len(model.classes)))
    device = next(model.parameters(), torch.empty(0)).device
    return predict_probabilities(model, crops[:, None], device=device)
