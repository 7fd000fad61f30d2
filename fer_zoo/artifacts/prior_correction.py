"""Prior correction: what balances a model's answers where its training classes were not equally frequent."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fer_zoo.artifacts.config_check import check_number
from fer_zoo.errors import FerZooError

if TYPE_CHECKING:
    from torch import Tensor

MAX_TAU = 2.0
SMALLEST_PRIOR = 1e-12


@dataclass(frozen=True)
class PriorCorrection:
    """Divides probabilities by `prior` to the power `tau`: adds `-tau * log(prior)` to the logits (Menon et
    al. 2021, arXiv:2007.07314). prior: of the classes, in their order.
    """

    tau: float
    prior: tuple[float, ...]

    def compute(self) -> "Tensor":
        """float32 (C,), on the CPU."""
        import torch

        return (-self.tau * torch.tensor(self.prior, dtype=torch.float64).log()).float()


def build_prior(tau: float, prior: Sequence[float] | None, classes: Sequence[str]) -> PriorCorrection:
    """The correction for counts or fractions of the classes. Raises FerZooError for a value out of range."""
    values = [] if prior is None else [float(value) for value in prior]
    if not 0 < tau <= MAX_TAU:
        raise FerZooError(f"tau is {tau}; allowed is a number from 0 to {MAX_TAU:g}.")
    if len(values) != len(classes) or not all(0 < value < math.inf for value in values):
        raise FerZooError(
            f"The prior is {values!r:.80}; allowed is a number above 0 for each of {len(classes)} classes."
        )
    total = sum(values)
    fractions = tuple(value / total for value in values)
    if min(fractions) < SMALLEST_PRIOR:
        raise FerZooError(f"The prior is {values!r:.80}; allowed are fractions from {SMALLEST_PRIOR:g}.")
    return PriorCorrection(float(tau), fractions)


def read_prior(row: dict[str, Any], classes: Sequence[str]) -> PriorCorrection | None:
    """Of a `fer_zoo` block, or of a member's row; None without. Raises ValueError, TypeError or KeyError."""
    stored = row.get("prior_correction")
    if stored is None:
        return None
    tau, prior = stored["tau"], stored["prior"]
    check_number("tau", tau, 0, MAX_TAU)
    if not (isinstance(prior, list) and len(prior) == len(classes)):
        raise ValueError(
            f"the prior is {prior!r:.60}; allowed is a number for each of {len(classes)} classes"
        )
    for value in prior:
        check_number("the prior", value, SMALLEST_PRIOR, 1 / SMALLEST_PRIOR)
    return PriorCorrection(float(tau), tuple(map(float, prior)))
