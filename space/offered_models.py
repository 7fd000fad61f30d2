"""The models that the page offers: those whose weights come with fer_zoo, each loaded at its first use."""

import os
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import fer_zoo

if TYPE_CHECKING:
    from fer_zoo import FaceClassifier, Recognizer

SIMULTANEOUS = 2  # jobs that compute at a time; the others wait in the queue
QUEUE: dict[str, Any] = {
    "concurrency_limit": SIMULTANEOUS,
    "concurrency_id": "models",
}  # one limit for the page and the API

_lock = Lock()


def list_offered() -> list[dict[str, Any]]:
    """Rows of `fer_zoo.list_models` that have weights in the package."""
    return [row for row in fer_zoo.list_models() if row["weights"] == "embedded"]


def list_names() -> list[str]:
    return [row["name"] for row in list_offered()]


def create_recognizer(names: Sequence[str]) -> "Recognizer":
    """For the chosen models, in the order of the zoo. Raises FerZooError for a name that is not offered."""
    for name in names:
        if name not in list_names():  # a name could otherwise be the path of any folder on the server
            raise fer_zoo.FerZooError(f"Unknown model {name!r}. Known: {', '.join(list_names())}.")
    with _lock:
        return fer_zoo.Recognizer([load_once(name) for name in list_names() if name in names])


@cache
def load_once(name: str) -> "FaceClassifier":
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // SIMULTANEOUS))
    return fer_zoo.load(name)
