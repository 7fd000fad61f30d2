"""Rows of FER2013 as every reader returns them, and the common spellings of labels and splits."""

import hashlib
from dataclasses import dataclass

import numpy as np

from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import DataError

TRAINING, PUBLIC, PRIVATE, VALIDATION, TEST = range(5)  # the last two: held-out parts without a Usage
USAGES = ("Training", "PublicTest", "PrivateTest")
SPLIT_USAGES = dict(zip(("train", "public", "private"), USAGES, strict=True))

_USAGE_SPELLINGS = {
    TRAINING: "training train",
    PUBLIC: "publictest public",
    PRIVATE: "privatetest private",
    VALIDATION: "validation valid val dev",
    TEST: "test testing",
}
_EMOTION_SPELLINGS = {
    "angry": "anger",
    "disgust": "disgusted",
    "fear": "fearful afraid scared",
    "happy": "happiness joy",
    "sad": "sadness",
    "surprise": "surprised",
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
    labels: np.ndarray  # uint8 (N,)
    usages: np.ndarray  # uint8 (N,), usage codes


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
    digest = hashlib.sha256()
    for code, usage in enumerate(USAGES):
        digest.update(f"{usage} {len(indices[code])}".encode())
        one_split = (bytes([rows.labels[i]]) + rows.pixels[i].tobytes() for i in indices[code])
        for row_digest in sorted(hashlib.sha256(row).digest() for row in one_split):
            digest.update(row_digest)
    return digest.hexdigest()[:16]
