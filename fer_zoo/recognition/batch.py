"""Faces of millions of pictures, scored into Parquet files in parts: bounded memory, stopped and resumed at
any time, shared among processes.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError, ImageError
from fer_zoo.recognition.batch_sources import Picture, list_pictures
from fer_zoo.recognition.recognizer import Recognizer, find_crops
from fer_zoo.utils.devices import pick_device, read_world
from fer_zoo.utils.files import as_utf8, write_atomically, write_text

if TYPE_CHECKING:
    import torch

    from fer_zoo.artifacts.classifier import FaceClassifier

PICTURES_A_PART = 5_000
PICTURES_AT_ONCE = 64  # read and searched by the threads, then scored together
THREADS = 4  # that read and search: more wait for each other
JOB_NAME = "job.json"


@dataclass
class Summary:
    """What this process has done now. parts: written; skipped: parts that were there."""

    pictures: int = 0
    faces: int = 0
    without_face: int = 0
    broken: int = 0
    parts: int = 0
    skipped: int = 0
    seconds: float = 0.0


def predict_into(
    given: Sequence[str],
    out: Path,
    models: Sequence[str] = ("cnn-baseline",),
    *,
    whole: bool = False,
    device: str = "auto",
    part_size: int = PICTURES_A_PART,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Summary:
    """Score every face of the pictures (see `list_pictures`) into OUT/part-00000.parquet and so on.

    Columns: image, face (from 0), x, y, width, height in the picture's pixels, score, error, and
    MODEL.EMOTION with its probability. A picture without a face or that is broken has one row, with face
    null. A part appears when it is whole; parts that are there are skipped. Under torchrun each process takes
    every so-manieth part. whole: the whole picture is the face.

    Raises DataError if OUT holds the parts of another job; ImageError, UnknownNameError, ArtifactError.
    """
    start, place, ranks = time.perf_counter(), pick_device(device), read_world()
    recognizer = Recognizer(models)
    _open_job(out, {"given": list(given), "models": recognizer.names, "whole": whole, "part_size": part_size})
    total = sum(1 for _ in list_pictures(given, out))
    loaded = {name: model.to(place) for name, model in recognizer.models.items()}
    summary = Summary()
    with ThreadPoolExecutor(THREADS) as pool:
        for number, part in enumerate(_cut(list_pictures(given, out), part_size)):
            path = out / f"part-{number:05d}.parquet"
            if path.exists():
                _check_part(path, part[0])
                summary.skipped += 1
            elif number % ranks.size == ranks.rank:
                rows: list[dict[str, Any]] = []
                for start_of_few in range(0, len(part), PICTURES_AT_ONCE):
                    few = part[start_of_few : start_of_few + PICTURES_AT_ONCE]
                    rows += _score(few, loaded, whole, place, pool, summary)
                    progress(number * part_size + start_of_few + len(few), total)
                _write_part(path, rows, list(loaded), part[0])
                summary.parts += 1
    summary.seconds = round(time.perf_counter() - start, 2)
    return summary


def format_summary(summary: Summary, out: Path) -> str:
    speed = summary.pictures / max(summary.seconds, 1e-9)
    skipped = f"; {_count(summary.skipped, 'part')} already there" if summary.skipped else ""
    return (
        f"{_count(summary.pictures, 'picture')}, {_count(summary.faces, 'face')}, "
        f"{summary.without_face:,} without a face, {summary.broken:,} broken; {speed:,.0f} pictures/s\n"
        f"Wrote {_count(summary.parts, 'part')} into {out}{skipped}"
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _cut(pictures: Iterable[Picture], count: int) -> Iterator[list[Picture]]:
    rest = iter(pictures)
    while few := list(islice(rest, count)):
        yield few


def _score(
    pictures: list[Picture],
    models: dict[str, "FaceClassifier"],
    whole: bool,
    device: "torch.device",
    pool: ThreadPoolExecutor,
    summary: Summary,
) -> list[dict[str, Any]]:
    """Rows of some pictures; the faces of all of them go through a model together."""
    from fer_zoo.evaluation.inference import predict_logits

    found = list(pool.map(lambda fetched: _find(fetched, whole), [_fetch(one) for one in pictures]))
    crops = [one for _, few, _ in found for one in few]
    tables = {}
    if crops:
        faces = np.stack(crops)[:, None]
        for name, model in models.items():
            tables[name] = predict_logits(model, faces, device=device).double().softmax(1).tolist()
    rows: list[dict[str, Any]] = []
    place = 0
    for picture, (boxes, _, error) in zip(pictures, found, strict=True):
        summary.pictures += 1
        summary.faces += len(boxes)
        summary.broken += error is not None
        summary.without_face += error is None and not boxes
        if not boxes:
            rows.append({"image": as_utf8(picture.name), "error": error})
        for number, box in enumerate(boxes):
            row = {"image": as_utf8(picture.name), "face": number, **box}
            for name, table in tables.items():
                row |= {f"{name}.{emotion}": p for emotion, p in zip(EMOTIONS, table[place], strict=True)}
            rows.append(row)
            place += 1
    return rows


def _fetch(picture: Picture) -> str | bytes | ImageError:
    """Rows of a Parquet file are fetched in order, by one thread."""
    try:
        return picture.fetch()
    except ImageError as error:
        return error


def _find(
    photo: str | bytes | ImageError, whole: bool
) -> tuple[list[dict[str, Any]], Sequence[np.ndarray], str | None]:
    """Boxes and crops of a picture's faces, or what is wrong with it."""
    if isinstance(photo, ImageError):
        return [], [], str(photo)
    try:
        found = find_crops(photo, whole)
    except ImageError as error:
        return [], [], str(error)
    boxes = []
    for face in found.faces:
        sides = [round(side * found.scale) for side in face.box]
        boxes.append(dict(zip(("x", "y", "width", "height"), sides, strict=True)) | {"score": face.score})
    return boxes, list(found.crops), None


def _open_job(out: Path, job: dict[str, Any]) -> None:
    """Keep what the parts are of. Raises DataError if the folder has parts of something else."""
    path = out / JOB_NAME
    if not path.exists():
        write_text(path, json.dumps(job))
    try:
        kept = dict(json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError):
        raise DataError(
            f"{str(path)!r} is damaged: it does not say what these parts are of. Use another --out, or "
            "delete the file where you know that they are of this job."
        ) from None
    different = [key for key, value in job.items() if kept.get(key) != value]
    if different:
        raise DataError(
            f"{str(out)!r} holds the parts of another job: its {', '.join(different)} differ. "
            "Use another --out."
        )


def _check_part(path: Path, first: Picture) -> None:
    """Raises DataError if the pictures are no longer those of the part."""
    from pyarrow import parquet

    begins = (parquet.read_schema(path).metadata or {}).get(b"first", b"").decode()
    if begins != as_utf8(first.name):
        raise DataError(
            f"{path} begins with {begins!r}, but the picture in this place is {first.name!r} now: "
            "pictures have come or gone. Use another --out."
        )


def _write_part(path: Path, rows: list[dict[str, Any]], models: Sequence[str], first: Picture) -> None:
    import pyarrow
    from pyarrow import parquet

    numbers = [(name, pyarrow.int32()) for name in ("face", "x", "y", "width", "height")]
    shares = [(f"{name}.{emotion}", pyarrow.float32()) for name in models for emotion in EMOTIONS]
    schema = pyarrow.schema(
        [
            ("image", pyarrow.string()),
            *numbers,
            ("score", pyarrow.float32()),
            ("error", pyarrow.string()),
            *shares,
        ],
        metadata={"first": as_utf8(first.name)},
    )
    table = pyarrow.Table.from_pylist(rows, schema)
    write_atomically(path, lambda temporary: parquet.write_table(table, temporary))
