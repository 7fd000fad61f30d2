"""The models that the page offers: those whose weights come with fer_zoo, each loaded at its first use."""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import fer_zoo
from page.uploads import cut_name

if TYPE_CHECKING:
    from fer_zoo import Recognizer

SIDE_BY_SIDE = 4  # models whose columns a table of Compare shows without scrolling
SIMULTANEOUS = 2  # jobs that compute at a time; the others wait in the queue
QUEUE: dict[str, Any] = {
    "concurrency_limit": SIMULTANEOUS,
    "concurrency_id": "models",
}  # one limit for the page and the API
_given: list[dict[str, Any]] = []  # as of `list_offered`, where not the package's own weights are offered


def offer_models(models: Sequence[str]) -> None:
    """Offer these names, folders and Hub addresses from now on; none is all weights of the package.

    Raises FerZooError where one of them is no model.
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


def list_names() -> list[str]:
    return [row["name"] for row in list_offered()]


class ModelFacts(NamedTuple):
    """labels: "ferplus" for a model of the votes of ten raters alone, "fer2013" for any other.

    accuracy: by these labels on PublicTest, since PrivateTest chooses nothing. members: names of the offered
    models whose answers an ensemble averages.
    """

    labels: str = "fer2013"
    is_ensemble: bool = False
    accuracy: float = 0.0
    members: frozenset[str] = frozenset()


def read_facts() -> dict[str, ModelFacts]:
    """By name, in the order of the page. It reads every model's description: ask once for a result."""
    rows = list_offered()
    names = {(row["architecture"], row["tag"]): row["name"] for row in rows}
    return {row["name"]: _read_facts(row, names) for row in rows}


def _read_facts(row: dict[str, Any], names: dict[tuple[str, str], str]) -> ModelFacts:
    ensemble = row["family"] == "ensemble"
    members = fer_zoo.describe_model(row["source"]).get("members") or [] if ensemble else []
    keys = [(member["name"], member.get("tag")) for member in members]
    labels = "ferplus" if row["label_source"] == "ferplus" else "fer2013"
    public = row["metrics"].get("public", {})
    by_raters = public.get("ferplus", {}).get("agreement", 0.0)
    return ModelFacts(
        labels,
        ensemble,
        by_raters if labels == "ferplus" else public.get("accuracy", 0.0),
        frozenset(names[key] for key in keys if key in names),
    )


def choose_leads(names: Sequence[str], facts: Mapping[str, ModelFacts]) -> list[str]:
    """The models that answer for a family of labels: its ensemble, else its most accurate model.

    FER2013's own labels come first. A name without facts is a model of theirs.
    """
    leads = []
    for labels in ("fer2013", "ferplus"):
        known = {name: facts.get(name, ModelFacts()) for name in names}
        family = [name for name in names if known[name].labels == labels]
        if family:
            leads.append(max(family, key=lambda name: (known[name].is_ensemble, known[name].accuracy)))
    return leads


def list_first_ticked() -> list[str]:
    """As many as stand side by side on a desktop, in the page's order: the leads, then the most accurate of
    each family in turn.
    """
    facts = read_facts()
    leads = choose_leads(list(facts), facts)
    rest = sorted(facts.keys() - leads, key=lambda name: -facts[name].accuracy)
    families = [[name for name in rest if facts[name].labels == labels] for labels in ("fer2013", "ferplus")]
    others = [name for pair in zip_longest(*families) for name in pair if name]
    ticked = (leads + others)[:SIDE_BY_SIDE]
    return [name for name in facts if name in ticked]


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


@cache
def _share_models(sources: tuple[str, ...]) -> "Recognizer":
    """One for all visitors, so that each model is loaded once."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // SIMULTANEOUS))
    return fer_zoo.Recognizer(sources)
