"""The loss on labels, with what it does about unequal classes: weights, focus on hard faces, an offset."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fer_zoo.recipes.recipe import Recipe

EFFECTIVE_BETA = 0.999  # Cui et al. try 0.9 to 0.9999; this one lies between no weights and inverse ones


@dataclass(frozen=True)
class LabelLoss:
    """Cross-entropy of logits (N, C) against labels (N,) or soft ones (N, C), with the recipe's additions.

    weights: one a class, or None. offset: added to the logits in training alone, so that the network itself
    learns to give the rare classes more (Menon et al. 2020, arXiv:2007.07314): a multiple of the logarithm
    of each class's fraction. gamma: a face counts (1 - probability of its label) ** gamma (Lin et al. 2017,
    arXiv:1708.02002).
    """

    weights: Tensor | None
    offset: Tensor | None
    gamma: float
    smoothing: float

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.offset is not None:
            logits = logits + self.offset
        if not self.gamma:
            return F.cross_entropy(logits, labels, self.weights, label_smoothing=self.smoothing)
        each = F.cross_entropy(logits, labels, self.weights, label_smoothing=self.smoothing, reduction="none")
        guesses = logits.softmax(1)
        right = guesses.gather(1, labels[:, None])[:, 0] if labels.ndim == 1 else (guesses * labels).sum(1)
        hardness = 1 - right
        # as in torch, where weights count in the mean for labels alone
        total = self.weights[labels].sum() if self.weights is not None and labels.ndim == 1 else len(labels)
        # not 0, where the power's slope is infinite for a gamma below 1
        return (hardness.clamp(min=1e-6) ** self.gamma * each).sum() / total


def build_label_loss(labels: Tensor, recipe: Recipe, num_classes: int) -> LabelLoss:
    """labels (N,): of all training faces, whose counts decide weights and offset."""
    offset = None
    if recipe.logit_adjustment:
        prior = _count_classes(labels, num_classes) / len(labels)
        offset = recipe.logit_adjustment * prior.log()
    return LabelLoss(
        class_weights_tensor(labels, recipe.class_weights, num_classes),
        offset,
        recipe.focal_gamma,
        recipe.label_smoothing,
    )


def class_weights_tensor(labels: Tensor, kind: str, num_classes: int) -> Tensor | None:
    """Loss weights by class frequency, mean 1 over the images: `inverse`, its square root `sqrt`,
    `effective` (inverse of the effective number of faces, Cui et al. 2019, arXiv:1901.05555), or None.
    """
    if kind == "none":
        return None
    counts = _count_classes(labels, num_classes)
    if kind == "effective":
        weights = (1 - EFFECTIVE_BETA) / (1 - EFFECTIVE_BETA**counts)
    else:
        weights = counts.reciprocal() if kind == "inverse" else counts.rsqrt()
    return weights / weights[labels].mean()


def _count_classes(labels: Tensor, num_classes: int) -> Tensor:
    """Floats (C,); a class without a face counts as one."""
    return torch.bincount(labels, minlength=num_classes).clamp(min=1).float()
