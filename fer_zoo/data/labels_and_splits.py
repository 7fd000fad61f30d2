"""Rows of a data set as every reader returns them, and the common spellings of labels and splits."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import DataError

TRAINING, PUBLIC, PRIVATE, VALIDATION, TEST, UNSPLIT = range(6)  # VALIDATION, TEST: without a Usage
USAGES = ("Training", "PublicTest", "PrivateTest")
SPLIT_USAGES = dict(zip(("train", "public", "private"), USAGES, strict=True))

_USAGE_SPELLINGS = {
    TRAINING: "training train trainset trainingset",
    PUBLIC: "publictest public",
    PRIVATE: "privatetest private",
    VALIDATION: "validation valid val dev valset validset validationset",
    TEST: "test testing testset",
}
_EMOTION_SPELLINGS = {
    "angry": "anger",
    "disgust": "disgusted",
    "fear": "fearful afraid scared",
    "happy": "happiness joy",
    "sad": "sadness",
    "surprise": "surprised suprise",
    "neutral": "neutrality calm",
}
_USAGE_CODES = {word: code for code, words in _USAGE_SPELLINGS.items() for word in words.split()}
_LABELS = {
    word: label
    for label, emotion in enumerate(EMOTIONS)
    for word in (emotion, str(label), *_EMOTION_SPELLINGS[emotion].split())
}


@dataclass(frozen=True)
class Rows:
    """Faces in the order of the file."""

    pixels: np.ndarray  # uint8 (N, 48, 48)
    labels: np.ndarray  # uint8 (N,), indices in classes; uint16 for classes of one's own
    usages: np.ndarray  # uint8 (N,), usage codes
    classes: tuple[str, ...] = EMOTIONS
    names: tuple[str, ...] = ()  # of the files, where each face has one
    fingerprint: str = ""  # of FER2013; that of one's own faces depends on splits that may not be drawn yet


def build_rows(pixels: np.ndarray, labels: list[int] | np.ndarray, usages: list[int] | np.ndarray) -> Rows:
    return Rows(
        np.asarray(pixels, dtype=np.uint8).reshape(-1, SIDE, SIDE),
        np.asarray(labels, dtype=np.uint8),
        np.asarray(usages, dtype=np.uint8),
    )


def parse_usage(word: str) -> int | None:
    """Usage code of a split's name in any common spelling (`Training`, `public_test`, `valid`), or None."""
    return _USAGE_CODES.get(word.strip().lower().replace("_", "").replace("-", "").replace(" ", ""))


def parse_label(word: str) -> int | None:
    """Index in EMOTIONS of a class name in any common spelling or of a digit 0-6, or None."""
    return _LABELS.get(word.strip().lower())


def is_same_class(one: str, other: str) -> bool:
    """Whether two names of a class are common spellings of one: `Anger` and `angry`, never a digit."""
    first, second = one.strip().casefold(), other.strip().casefold()
    if first == second:
        return True
    label = None if first.isdigit() or second.isdigit() else parse_label(first)
    return label is not None and label == parse_label(second)


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Distinct names in alphabetical order, numbers by value; EMOTIONS, if they are its seven."""
    distinct = set(names)
    labels = {parse_label(name) for name in distinct if not name.isdigit()}
    if len(distinct) == len(EMOTIONS) and labels == set(range(len(EMOTIONS))):
        return EMOTIONS
    return tuple(sorted(distinct, key=lambda name: (int(name) if name.isdecimal() else -1, name)))


def split_rows(rows: Rows, source: str) -> tuple[dict[int, np.ndarray], str]:
    """Row indices of each usage, and a note if one held-out part serves as both test splits.

    Validation and test parts become PublicTest and PrivateTest. Raises DataError for a missing split.
    """
    indices = {
        code: np.flatnonzero(rows.usages == code) for code in (TRAINING, PUBLIC, PRIVATE, VALIDATION, TEST)
    }
    with_usage = len(indices[PUBLIC]) + len(indices[PRIVATE])
    validation, test = indices.pop(VALIDATION), indices.pop(TEST)
    note = ""
    if len(validation) + len(test):
        if with_usage:
            raise DataError(
                f"{source}: {with_usage} held-out faces have a Usage, {len(validation) + len(test)} do not. "
                "Give PublicTest or PrivateTest for all of them, or for none."
            )
        indices[PUBLIC] = validation if len(validation) else test
        indices[PRIVATE] = test if len(test) else validation
        if not (len(validation) and len(test)):
            note = (
                f"{source}: PublicTest and PrivateTest are not distinguished, so the {len(indices[PUBLIC])} "
                "held-out faces serve as both; scores on them are biased by model selection."
            )
    missing = [usage for code, usage in enumerate(USAGES) if not len(indices[code])]
    if missing:
        present = [f"{len(indices[code]):,} of {USAGES[code]}" for code in range(3) if len(indices[code])]
        raise DataError(
            f"{source}: {' and '.join(present) or 'no faces'}, but no face of the split "
            f"{' or '.join(missing)}. Give a complete FER2013 (an image folder has train and test)."
        )
    return indices, note


def fingerprint_rows(rows: Rows, indices: dict[int, np.ndarray]) -> str:
    """16 hex digits of a SHA-256 over each split's faces and labels, independent of their order."""
    return _fingerprint(hashlib.sha256(), rows, indices, label_bytes=1)


def fingerprint_own_rows(rows: Rows) -> str:
    """As `fingerprint_rows`, of classes of one's own: their names count, and the usages are the splits."""
    indices = {code: np.flatnonzero(rows.usages == code) for code in range(len(USAGES))}
    return _fingerprint(hashlib.sha256("\0".join(rows.classes).encode()), rows, indices, label_bytes=2)


def _fingerprint(digest: Any, rows: Rows, indices: dict[int, np.ndarray], label_bytes: int) -> str:
    for code, usage in enumerate(USAGES):
        digest.update(f"{usage} {len(indices[code])}".encode())
        labels = (int(label).to_bytes(label_bytes, "big") for label in rows.labels[indices[code]])
        faces = (face.tobytes() for face in rows.pixels[indices[code]])
        hashes = (hashlib.sha256(label + face).digest() for label, face in zip(labels, faces, strict=True))
        digest.update(b"".join(sorted(hashes)))
    return digest.hexdigest()[:16]
