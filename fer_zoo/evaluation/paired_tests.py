"""Every pair of several models on the same faces, with p-values corrected for the number of pairs."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_zoo.evaluation.metrics import PairedScores, compare_paired

LEVEL = 0.05  # of significance


class ModelPair(PairedScores):
    """A row of `compare_pairs`."""

    a: str  # name of a model
    b: str
    p_holm: float  # the p-value, corrected for the number of pairs


def compare_pairs(
    names: Sequence[str], probabilities: Sequence[ArrayLike], labels: ArrayLike
) -> list[ModelPair]:
    """`compare_paired` for each two models, given by their names and probabilities (N, C)."""
    chosen = list(combinations(range(len(names)), 2))
    pairs = [compare_paired(probabilities[a], probabilities[b], labels) for a, b in chosen]
    corrected = correct_by_holm([pair["p_value"] for pair in pairs])
    return [
        {"a": names[a], "b": names[b], **pair, "p_holm": float(p)}
        for (a, b), pair, p in zip(chosen, pairs, corrected, strict=True)
    ]


def correct_by_holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """p-values (N,) corrected by Holm's method (1979, Scandinavian Journal of Statistics 6, 65-70)."""
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values)
    factors = len(values) - np.arange(len(values))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(np.maximum.accumulate(factors * values[order]), 1)
    return corrected


def describe_significance(pair: ModelPair) -> str:
    return f"significant (p < {LEVEL})" if pair["p_holm"] < LEVEL else f"not significant (p >= {LEVEL})"


def format_pair(pair: ModelPair) -> str:
    """A line for people."""
    low, high = (100 * bound for bound in pair["difference_ci95"])
    raw = f" ({pair['p_value']:.3g} uncorrected)" if pair["p_holm"] != pair["p_value"] else ""
    return (
        f"{pair['a']} - {pair['b']}: {100 * pair['difference']:+.2f} points [{low:+.2f}, {high:+.2f}], "
        f"p = {pair['p_holm']:.3g}{raw}: {describe_significance(pair)}"
    )
