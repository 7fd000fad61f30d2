"""Answers as a pandas DataFrame."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.utils.photo_inputs import Photo, Photos, split_batch

if TYPE_CHECKING:
    from pandas import DataFrame

    from fer_zoo.artifacts.classifier import FaceClassifier

WHOLE = ("face", "x", "y", "width", "height")  # columns of whole numbers, which may be missing


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
    """Its path, else its position among the pictures given, from 0."""
    return str(photo) if isinstance(photo, (str, Path)) else str(position)


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
