"""The models that the page offers: those whose weights come with fer_zoo, each loaded at its first use."""

import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import fer_zoo
from page.uploads import cut_name

if TYPE_CHECKING:
    from fer_zoo import FaceClassifier, Recognizer

SIDE_BY_SIDE = 4  # models whose columns a table of Compare shows without scrolling
SIMULTANEOUS = 2  # jobs that compute at a time; the others wait in the queue
QUEUE: dict[str, Any] = {
    "concurrency_limit": SIMULTANEOUS,
    "concurrency_id": "models",
}  # one limit for the page and the API
_given: list[dict[str, Any]] = []  # as of `list_offered`, where not the package's own weights are offered


def offer_models(models: Sequence[str]) -> None:
    """Offer these names, folders and Hub addresses from now on; none is all weights of the package.

    Raises:
        FerZooError: One of them is no model.
    """
    rows = fer_zoo.list_models(models) if models else []
    names = fer_zoo.Recognizer(models).names if models else []  # tells folders of one architecture apart
    _given[:] = [
        {**row, "name": name, "source": source} for row, name, source in zip(rows, names, models, strict=True)
    ]


def list_offered() -> list[dict[str, Any]]:
    """Rows of `fer_zoo.list_models` for what the page offers, the ensemble first; `source` loads it."""
    rows = _given or [
        {**row, "source": row["name"]} for row in fer_zoo.list_models() if row["weights"] == "embedded"
    ]
    return sorted(rows, key=lambda row: row["family"] != "ensemble")


def is_ensemble(name: str) -> bool:
    return any(row["name"] == name and row["family"] == "ensemble" for row in list_offered())


def list_names() -> list[str]:
    return [row["name"] for row in list_offered()]


def list_first_ticked() -> list[str]:
    """The most accurate, as many as stand side by side on a desktop, in the order of the page."""
    rows = list_offered()
    best = sorted(rows, key=lambda row: -row["metrics"].get("private", {}).get("accuracy", 0.0))[
        :SIDE_BY_SIDE
    ]
    return [row["name"] for row in rows if row in best]


def create_recognizer(names: Sequence[str]) -> "Recognizer":
    """For the chosen models, in the order of the page. Raises FerZooError for a name that is not offered."""
    offered = list_names()
    for name in names:
        if name not in offered:  # a name could otherwise be the path of any folder on the server
            raise fer_zoo.FerZooError(f"Unknown model {cut_name(name)!r}. Known: {', '.join(offered)}.")
    if not names:
        raise fer_zoo.FerZooError(f"No model is chosen. Known: {', '.join(offered)}.")
    sources = tuple(row["source"] for row in list_offered())
    return _share_models(sources).select([name for name in offered if name in names])


def load_once(name: str) -> "FaceClassifier":
    return create_recognizer([name]).models[name]


@cache
def _share_models(sources: tuple[str, ...]) -> "Recognizer":
    """One for all visitors, so that each model is loaded once."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // SIMULTANEOUS))
    return fer_zoo.Recognizer(sources)
