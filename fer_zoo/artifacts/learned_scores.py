"""Which of a model's stored scores to lead with: those by FER2013's labels, or by FER+'s raters."""

import re
from collections.abc import Mapping
from typing import Any


def by_raters(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """The scores of `fer-zoo eval` with those by FER+'s raters in place of those by FER2013's labels; None
    where they were not measured, or by a version that did not score each emotion.
    """
    raters = result.get("ferplus") or {}
    if "per_class" not in raters:
        return None
    renamed = {re.sub("^agreement", "accuracy", key): value for key, value in raters.items()}
    kept = {key: value for key, value in result.items() if key != "nll"}  # by FER2013's labels
    return {**kept, **renamed, "labels": "ferplus"}


def by_learned_labels(result: Mapping[str, Any], label_source: str) -> Mapping[str, Any]:
    """By the raters for weights that learned from their votes, where that was measured."""
    return (by_raters(result) if label_source == "ferplus" else None) or result
