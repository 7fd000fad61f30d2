"""What a data set holds and what is wrong with it: counts, blank and repeated faces, conflicting labels."""

from collections import defaultdict
from typing import Any

import numpy as np

from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.emotions import EMOTIONS

SPLITS = ("training", "public_test", "private_test")
# Gray levels. Of FER2013's 13 blank faces 12 are constant and one spans 3; the flattest other one spans 48.
BLANK_RANGE = 8


def describe(dataset: FER2013) -> dict[str, Any]:
    """Counts and faults of a data set, ready for JSON.

    Faces are equal when all 2,304 pixels are. `blanks`: faces whose pixels all lie within 8 gray levels.
    `repeats`: faces that equal an earlier one of their split. `repeats_across`: faces of the first split that
    also stand in the second. `conflicts`: groups of equal faces with different labels, over all splits.
    """
    splits = {name: getattr(dataset, name) for name in SPLITS}
    keys = {name: _face_keys(faces) for name, faces in splits.items()}
    known = {name: set(split_keys) for name, split_keys in keys.items()}
    pairs = (("public_test", "training"), ("private_test", "training"), ("private_test", "public_test"))
    return {
        "source": dataset.source,
        "fingerprint": dataset.fingerprint,
        "note": dataset.note,
        "total": len(dataset.training) + len(dataset.split("test")),
        "splits": {name: _describe_split(faces, len(known[name])) for name, faces in splits.items()},
        "repeats_across": {
            f"{name} in {other}": sum(key in known[other] for key in keys[name]) for name, other in pairs
        },
        "conflicts": _count_conflicts(dataset),
    }


def find_blanks(pixels: np.ndarray) -> np.ndarray:
    """bool (N,): which of the uint8 faces (N, 1, 48, 48) have all pixels within 8 gray levels."""
    flat = pixels.reshape(len(pixels), -1)
    return flat.max(axis=1) - flat.min(axis=1) < BLANK_RANGE


def find_training_duplicates(dataset: FER2013, split_faces: Faces) -> np.ndarray:
    """bool (N,): which faces also stand, pixel for pixel, in the training split."""
    training = set(_face_keys(dataset.training))
    return np.array([key in training for key in _face_keys(split_faces)], dtype=bool)


def format_description(description: dict[str, Any]) -> str:
    """The result of `describe` as text: one line a class, one column a split, then the faults."""
    splits, conflicts = description["splits"], description["conflicts"]
    lines = [
        f"{description['source']}: {description['total']:,} faces, fingerprint {description['fingerprint']}",
        "",
        _table_line("", [name.replace("_", " ") for name in splits]),
    ]
    counts = [(emotion, [part["per_class"][emotion] for part in splits.values()]) for emotion in EMOTIONS]
    for title, key in (("all", "count"), ("blank", "blanks"), ("repeats", "repeats")):
        counts.append((title, [part[key] for part in splits.values()]))
    lines += [_table_line(title, [f"{count:,}" for count in row]) for title, row in counts]
    lines.append("")
    for pair, count in description["repeats_across"].items():
        first, second = (name.replace("_", " ") for name in pair.split(" in "))
        share = count / splits[pair.split(" in ")[0]]["count"]
        lines.append(f"{count:,} faces of {first} ({share:.2%}) also stand in {second}")
    lines.append(
        f"{conflicts['groups']:,} groups of equal faces ({conflicts['faces']:,} faces) differ in label"
    )
    return "\n".join(lines)


def _describe_split(faces: Faces, distinct: int) -> dict[str, Any]:
    counts = np.bincount(faces.labels, minlength=len(EMOTIONS)).tolist()
    return {
        "count": len(faces),
        "per_class": dict(zip(EMOTIONS, counts, strict=True)),
        "blanks": int(find_blanks(faces.pixels).sum()),
        "repeats": len(faces) - distinct,
    }


def _count_conflicts(dataset: FER2013) -> dict[str, int]:
    labels_of = defaultdict(list)
    for faces in (dataset.training, dataset.split("test")):
        for key, label in zip(_face_keys(faces), faces.labels.tolist(), strict=True):
            labels_of[key].append(label)
    groups = [labels for labels in labels_of.values() if len(set(labels)) > 1]
    return {"groups": len(groups), "faces": sum(map(len, groups))}


def _face_keys(faces: Faces) -> list[bytes]:
    return [face.tobytes() for face in faces.pixels]


def _table_line(title: str, values: list[str]) -> str:
    return f"{title:10}" + "".join(f"{value:>14}" for value in values)
