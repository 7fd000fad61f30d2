"""What every form of FER2013 becomes first: faces, labels and usages; and how people spell the latter two."""

import hashlib
from dataclasses import dataclass

import numpy as np

from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import DataError

TRAINING, PUBLIC, PRIVATE, VALIDATION, TEST = range(5)  # the last two: a re-cut's parts, without the Usage
USAGES = ("Training", "PublicTest", "PrivateTest")

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
    """Faces as they stand in the file: pixels uint8 (N, 48, 48), labels uint8 (N,), usages uint8 (N,)."""

    pixels: np.ndarray
    labels: np.ndarray
    usages: np.ndarray


def build_rows(pixels: np.ndarray, labels: list[int] | np.ndarray, usages: list[int] | np.ndarray) -> Rows:
    return Rows(
        np.asarray(pixels, dtype=np.uint8).reshape(-1, SIDE, SIDE),
        np.asarray(labels, dtype=np.uint8),
        np.asarray(usages, dtype=np.uint8),
    )


def parse_usage(word: str) -> int | None:
    """Code of a split's name in any common spelling (`Training`, `public_test`, `valid` ...), or None."""
    return _USAGE_CODES.get(word.strip().lower().replace("_", "").replace("-", "").replace(" ", ""))


def parse_label(word: str) -> int | None:
    """Place in EMOTIONS of a class name in any common spelling, or of a digit 0-6; None if it is neither."""
    return _LABELS.get(word.strip().lower())


def split_rows(rows: Rows, source: str) -> tuple[dict[int, np.ndarray], str]:
    """Row numbers of each usage, and a note when one held-out part has to serve as both test splits.

    Parts named validation and test become PublicTest and PrivateTest. Raises DataError for a missing split.
    """
    places = {
        code: np.flatnonzero(rows.usages == code) for code in (TRAINING, PUBLIC, PRIVATE, VALIDATION, TEST)
    }
    named = len(places[PUBLIC]) + len(places[PRIVATE])
    validation, test = places.pop(VALIDATION), places.pop(TEST)
    note = ""
    if len(validation) + len(test):
        if named:
            raise DataError(
                f"{source}: {named} held-out faces name their Usage, {len(validation) + len(test)} do not. "
                "Name PublicTest or PrivateTest for all of them, or for none."
            )
        places[PUBLIC] = validation if len(validation) else test
        places[PRIVATE] = test if len(test) else validation
        if not (len(validation) and len(test)):
            note = (
                f"{source}: nothing tells PublicTest from PrivateTest, so the {len(places[PUBLIC])} held-out "
                "faces serve as both; scores on them are flattered by model choice."
            )
    missing = [usage for code, usage in enumerate(USAGES) if not len(places[code])]
    if missing:
        there = [f"{len(places[code]):,} of {USAGES[code]}" for code in range(3) if len(places[code])]
        raise DataError(
            f"{source}: {' and '.join(there) or 'no faces'}, but no face of the split "
            f"{' or '.join(missing)}. Give a complete FER2013 (an image folder has train and test)."
        )
    return places, note


def fingerprint_rows(rows: Rows, places: dict[int, np.ndarray]) -> str:
    """Sixteen hex digits of a SHA-256 over each split's faces and labels, in no order."""
    digest = hashlib.sha256()
    for code, usage in enumerate(USAGES):
        digest.update(f"{usage} {len(places[code])}".encode())
        one_split = (bytes([rows.labels[i]]) + rows.pixels[i].tobytes() for i in places[code])
        for row_digest in sorted(hashlib.sha256(row).digest() for row in one_split):
            digest.update(row_digest)
    return digest.hexdigest()[:16]
