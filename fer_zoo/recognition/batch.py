"""Batch prediction for millions of pictures into Parquet parts: bounded memory, resumable, sharded."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow
from pyarrow import parquet

from fer_zoo.artifacts.artifact import fingerprint_artifact
from fer_zoo.artifacts.resolve import resolve_folder
from fer_zoo.detection.crops import find_crops
from fer_zoo.detection.detector import name_sides
from fer_zoo.errors import DataError, ImageError
from fer_zoo.recognition.batch_sources import Picture, list_pictures
from fer_zoo.recognition.recognizer import Recognizer
from fer_zoo.utils.devices import pick_device, read_world
from fer_zoo.utils.files import as_utf8, write_atomically, write_text
from fer_zoo.utils.photo_inputs import split_chunks

if TYPE_CHECKING:
    import torch

    from fer_zoo.artifacts.classifier import FaceClassifier

PART_SIZE = 5_000  # pictures
BATCH_SIZE = 64  # pictures: read and searched by the threads, then scored together
THREADS = 4  # that read and search: more wait for each other
JOB_NAME = "job.json"


@dataclass
class Summary:
    """What this process did."""

    pictures: int = 0
    faces: int = 0
    without_face: int = 0
    broken: int = 0
    parts: int = 0  # written
    skipped: int = 0  # parts that existed
    seconds: float = 0.0


def predict_into(
    inputs: Sequence[str],
    out: Path,
    models: Sequence[str] = ("cnn-baseline",),
    *,
    whole: bool = False,
    device: str = "auto",
    part_size: int = PART_SIZE,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Summary:
    """Score every face of the pictures into OUT/part-00000.parquet and so on.

    Columns: image, face (from 0), x, y, width, height in the picture's pixels, score, error, and
    MODEL.EMOTION with its probability. A picture without a face or that is broken has one row, with face
    null. A part appears when it is complete; existing parts are skipped. Under torchrun the parts are sharded
    over the processes. `inputs`: see `list_pictures`; `progress`: called with pictures done and in all.

    Raises DataError where OUT holds the parts of another job.
    """
    start = time.perf_counter()
    torch_device, recognizer = pick_device(device), Recognizer(models)
    job = {"given": list(inputs), "models": recognizer.names, "whole": whole, "part_size": part_size}
    given = [models] if isinstance(models, str) else models
    job["weights"] = [fingerprint_artifact(resolve_folder(model)) for model in given]
    _check_job(out, job)
    total = sum(1 for _ in list_pictures(inputs, out))
    loaded = {name: model.to(torch_device) for name, model in recognizer.models.items()}
    _check_job(out, job, store=True)  # what cannot begin occupies no folder
    summary = Summary()
    with ThreadPoolExecutor(THREADS) as pool:
        for done, path, part in _list_missing_parts(inputs, out, part_size, summary):
            rows: list[dict[str, Any]] = []
            for batch in split_chunks(part, BATCH_SIZE):
                rows += _score(batch, loaded, whole, torch_device, pool, summary)
                done += len(batch)
                progress(done, total)
            _write_part(path, rows, _name_columns(loaded), part[0])
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


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _list_missing_parts(
    inputs: Sequence[str], out: Path, part_size: int, summary: Summary
) -> Iterator[tuple[int, Path, list[Picture]]]:
    """For each part that this process has to write: pictures before it, its file, its pictures."""
    ranks = read_world()
    for number, part in enumerate(split_chunks(list_pictures(inputs, out), part_size)):
        path = out / f"part-{number:05d}.parquet"
        if path.exists():
            _check_part(path, part[0])
            summary.skipped += 1
        elif number % ranks.size == ranks.rank:
            yield number * part_size, path, part


def _score(
    pictures: list[Picture],
    models: dict[str, "FaceClassifier"],
    whole: bool,
    device: "torch.device",
    pool: ThreadPoolExecutor,
    summary: Summary,
) -> list[dict[str, Any]]:
    """Rows of some pictures; the faces of all of them are one batch for a model."""
    from fer_zoo.evaluation.inference import predict_probabilities

    found = list(pool.map(lambda fetched: _find_faces(fetched, whole), [_fetch(one) for one in pictures]))
    crops = [crop for _, of_picture, _ in found for crop in of_picture]
    columns = _name_columns(models)
    probabilities: Iterator[list[float]] = iter(())
    if crops:
        faces = np.stack(crops)[:, None]
        tables = [predict_probabilities(model, faces, device=device) for model in models.values()]
        probabilities = iter(np.concatenate(tables, axis=1).tolist())
    rows: list[dict[str, Any]] = []
    for picture, (boxes, _, error) in zip(pictures, found, strict=True):
        summary.pictures += 1
        summary.faces += len(boxes)
        summary.broken += error is not None
        summary.without_face += error is None and not boxes
        image = as_utf8(picture.name)
        if not boxes:
            rows.append({"image": image, "error": error})
        for number, box in enumerate(boxes):
            scores = dict(zip(columns, next(probabilities), strict=True))
            rows.append({"image": image, "face": number, **box, **scores})
    return rows


def _name_columns(models: Mapping[str, "FaceClassifier"]) -> list[str]:
    return [f"{name}.{label}" for name, model in models.items() for label in model.classes]


def _fetch(picture: Picture) -> str | bytes | ImageError:
    """Rows of a Parquet file are fetched in order, by one thread."""
    try:
        return picture.fetch()
    except ImageError as error:
        return error


def _find_faces(
    photo: str | bytes | ImageError, whole: bool
) -> tuple[list[dict[str, Any]], Sequence[np.ndarray], str | None]:
    """Boxes and crops of a picture's faces, and its error."""
    try:
        if isinstance(photo, ImageError):
            raise photo
        found = find_crops(photo, whole)
    except ImageError as error:
        return [], [], str(error)
    boxes = [{**name_sides(face.scale_box(found.scale)), "score": face.score} for face in found.faces]
    return boxes, list(found.crops), None


def _check_job(out: Path, job: dict[str, Any], store: bool = False) -> None:
    """Raises DataError if the folder has parts of another job. store: first store what the parts of a new
    folder belong to.
    """
    path = out / JOB_NAME
    if store and not path.exists():
        write_text(path, json.dumps(job))
    if not path.exists():
        return
    try:
        stored = {"weights": job["weights"], **json.loads(path.read_text(encoding="utf-8"))}  # older: none
    except (TypeError, ValueError):
        raise DataError(
            f"{str(path)!r} is damaged: the job of these parts is unknown. Use another --out, "
            "or delete the file if you know that they belong to this job."
        ) from None
    different = [key for key, value in job.items() if stored.get(key) != value]
    if different:
        raise DataError(
            f"{str(out)!r} holds the parts of another job: its {', '.join(different)} differ. "
            "Use another --out."
        )


def _check_part(path: Path, first: Picture) -> None:
    """Raises DataError if the part's pictures have changed."""
    stored = (parquet.read_schema(path).metadata or {}).get(b"first", b"").decode()
    if stored != as_utf8(first.name):
        raise DataError(
            f"{path} begins with {stored!r}, but {first.name!r} has its position now: pictures were added or "
            "removed. Use another --out."
        )


def _write_part(path: Path, rows: list[dict[str, Any]], columns: Sequence[str], first: Picture) -> None:
    schema = pyarrow.schema(
        [
            ("image", pyarrow.string()),
            *((name, pyarrow.int32()) for name in ("face", "x", "y", "width", "height")),
            ("score", pyarrow.float32()),
            ("error", pyarrow.string()),
            *((name, pyarrow.float32()) for name in columns),
        ],
        metadata={"first": as_utf8(first.name)},
    )
    table = pyarrow.Table.from_pylist(rows, schema)
    write_atomically(path, lambda temporary: parquet.write_table(table, temporary))
