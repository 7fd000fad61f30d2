"""Answers to pictures of one face each, by name, and as a pandas DataFrame."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_zoo.utils.files import as_utf8
from fer_zoo.utils.photo_inputs import Photo, Photos, split_batch, split_chunks

if TYPE_CHECKING:
    from pandas import DataFrame

    from fer_zoo.artifacts.classifier import FaceClassifier

PREDICT_BATCH = 256  # faces in memory at a time
WHOLE = ("face", "x", "y", "width", "height")  # columns of whole numbers, which may be missing


def name_answers(
    photo: Photos, classes: Sequence[str], score: Callable[[np.ndarray], list[list[float]]]
) -> Any:
    """`FaceClassifier.predict` with a function from faces uint8 (N, 1, 48, 48) to rows of probabilities."""
    from fer_zoo.detection.crops import read_one_face

    photos, several = split_batch(photo)
    answers: list[dict[str, float]] = []
    for chunk in split_chunks(photos, PREDICT_BATCH):
        rows = score(np.stack([read_one_face(one) for one in chunk])[:, None])
        answers += [dict(zip(classes, row, strict=True)) for row in rows]
    return answers if several else answers[0]


def build_frame(rows: list[dict[str, Any]], columns: Iterable[str]) -> "DataFrame":
    """A DataFrame with these columns in this order; what a row lacks is missing in it."""
    import pandas

    frame = pandas.DataFrame(rows, columns=list(columns))
    return frame.astype({name: "Int64" for name in WHOLE if name in frame})


def find_top(named: Mapping[str, float]) -> str:
    """The most probable class."""
    return max(named, key=named.__getitem__)


def describe_answer(model: str, named: Mapping[str, float]) -> dict[str, Any]:
    """What a model answers for a face, as the columns of a row. named: its probabilities by class."""
    top = find_top(named)
    return {"model": model, "top": top, "probability": named[top], **named}


def name_photo(photo: Photo, position: int) -> str:
    """Its path, else its position among the pictures given, from 0: pandas takes UTF-8 alone."""
    return as_utf8(str(photo)) if isinstance(photo, (str, Path)) else str(position)


def classify_to_frame(model: "FaceClassifier", photos: Photos) -> "DataFrame":
    """`FaceClassifier.to_frame`."""
    names: list[str] = []

    def remember() -> Iterator[Photo]:
        for position, photo in enumerate(split_batch(photos)[0]):
            names.append(name_photo(photo, position))
            yield photo

    answers = model.predict(remember())
    rows = [{"image": names[i], **describe_answer(model.name, named)} for i, named in enumerate(answers)]
    return build_frame(rows, ["image", "model", "top", "probability", *model.classes])
