"""Data quality: counts, blank faces, duplicates, near-duplicates and conflicting labels.

Near-duplicates show the same photo, perhaps cropped, brightened, watermarked or mirrored. Two faces are
compared by the correlation of their 16x16 block means, which is invariant to brightness, contrast and fine
detail. For FER2013's 35,887 faces, ten random pairs in each 0.01 of correlation were inspected: from 0.95 up
all of them showed one photo, mirrored ones too; from 0.92 to 0.93 half of them did.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.emotions import SIDE

SPLITS = ("training", "public_test", "private_test")
# Gray levels. Of FER2013's 13 blank faces 12 are constant and one spans 3; the next flattest face spans 48.
BLANK_RANGE = 8
MIN_CORRELATION = 0.96  # 0.01 above the value from which every inspected pair was one photo
BLOCKS = 16  # block means along each side
CHUNK = 512  # faces compared with all others at once: 74 MB of correlations for FER2013
EXACT, NEAR, MIRRORED = "exact", "near", "mirrored"


def describe(dataset: FER2013) -> dict[str, Any]:
    """Counts and issues of a data set, ready for JSON.

    Duplicates are equal in all 2,304 pixels. `blanks`: faces within a range of 8 gray levels. `repeats`:
    duplicates of an earlier face in the same split. `repeats_across`: faces of the first split that are
    duplicated in the second. `conflicts`: groups of duplicates with different labels, over all splits.
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
    """bool (N,): which of the uint8 faces (N, 1, 48, 48) are within a range of 8 gray levels."""
    flat = pixels.reshape(len(pixels), SIDE * SIDE)
    return flat.max(axis=1) - flat.min(axis=1) < BLANK_RANGE


def find_training_duplicates(dataset: FER2013, split_faces: Faces) -> np.ndarray:
    """bool (N,): which faces are duplicated, pixel for pixel, in the training split."""
    training = set(_face_keys(dataset.training))
    return np.array([key in training for key in _face_keys(split_faces)], dtype=bool)


def format_description(description: dict[str, Any]) -> str:
    """Format the result of `describe`: one line per class, one column per split, then the issues."""
    splits, conflicts = description["splits"], description["conflicts"]
    lines = [
        f"{description['source']}: {description['total']:,} faces, fingerprint {description['fingerprint']}",
        "",
        _table_line("", [name.replace("_", " ") for name in splits]),
    ]
    names = list(next(iter(splits.values()))["per_class"])
    counts = [(name, [part["per_class"][name] for part in splits.values()]) for name in names]
    for title, key in (("all", "count"), ("blank", "blanks"), ("repeats", "repeats")):
        counts.append((title, [part[key] for part in splits.values()]))
    lines += [_table_line(title, [f"{count:,}" for count in row]) for title, row in counts]
    lines.append("")
    for pair, count in description["repeats_across"].items():
        first, second = (name.replace("_", " ") for name in pair.split(" in "))
        fraction = count / max(1, splits[pair.split(" in ")[0]]["count"])
        lines.append(f"{count:,} faces of {first} ({fraction:.2%}) are duplicated in {second}")
    lines.append(
        f"{conflicts['groups']:,} groups of duplicates ({conflicts['faces']:,} faces) have conflicting labels"
    )
    return "\n".join(lines)


def _describe_split(faces: Faces, distinct: int) -> dict[str, Any]:
    counts = np.bincount(faces.labels, minlength=len(faces.classes)).tolist()
    return {
        "count": len(faces),
        "per_class": dict(zip(faces.classes, counts, strict=True)),
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
    return f"{title:16}" + "".join(f"{value:>14}" for value in values)


class Pairs(NamedTuple):
    """Pairs (P,) of faces that show the same photo."""

    first: NDArray[np.int64]  # index of a face, below that of the second
    second: NDArray[np.int64]
    correlation: NDArray[np.float32]
    kind: NDArray[np.str_]  # EXACT, NEAR or MIRRORED


def find_similar(pixels: NDArray[np.uint8], *, progress: Callable[[int, int], object] | None = None) -> Pairs:
    """Find all pairs of uint8 faces (N, 1, 48, 48) that show the same photo. Constant faces match nothing.

    A pair that matches with and without mirroring, as a symmetric face does, is NEAR.
    """
    means = _block_means(pixels)
    patterns, mirrored = _normalize(means), _normalize(means[:, :, ::-1])
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]] = []
    for start in range(0, max(1, len(patterns)), CHUNK):
        chunk = patterns[start : start + CHUNK]
        straight = chunk @ patterns[start:].T
        flipped = chunk @ mirrored[start:].T
        rows, columns = np.nonzero((straight >= MIN_CORRELATION) | (flipped >= MIN_CORRELATION))
        later = columns > rows
        rows, columns = rows[later], columns[later]
        near = straight[rows, columns] >= MIN_CORRELATION
        value = np.where(near, straight[rows, columns], flipped[rows, columns])
        found.append((rows + start, columns + start, value, near))
        if progress:
            progress(min(start + CHUNK, len(patterns)), len(patterns))
    first, second, correlation, near = (np.concatenate(part) for part in zip(*found, strict=True))
    flat = pixels.reshape(len(pixels), SIDE * SIDE)
    exact = (flat[first] == flat[second]).all(axis=1)
    kind = np.where(exact, EXACT, np.where(near, NEAR, MIRRORED))
    return Pairs(first, second, correlation, kind)


def group_similar(pairs: Pairs, count: int) -> NDArray[np.int64]:
    """The group number of each of `count` faces, from 0; -1 for a face without a pair."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs.first)), (pairs.first, pairs.second)), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    linked = np.bincount(group) > 1
    return np.where(linked, np.cumsum(linked) - 1, -1)[group]


def _block_means(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    step = SIDE // BLOCKS
    tiles = pixels.reshape(len(pixels), BLOCKS, step, BLOCKS, step)
    return tiles.mean(axis=(2, 4), dtype=np.float32)


def _normalize(means: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows (N, 256) of mean 0 and norm 1, whose products are correlations; 0 for constant faces."""
    rows = means.reshape(len(means), BLOCKS * BLOCKS)
    rows = rows - rows.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, norm, out=np.zeros_like(rows), where=norm > 1e-3)
