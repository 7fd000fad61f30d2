"""Several trained models as one network: soft voting."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from fer_zoo.errors import FerZooError
from fer_zoo.models.float32_buffers import Float32Buffers


def refuse_different_classes(models: Iterable[nn.Module]) -> None:
    """Raises FerZooError for models whose answers cannot be averaged: their outputs mean different things."""
    named = {getattr(model, "classes", None) for model in models}
    if len(named) > 1:
        listed = " and ".join(sorted(", ".join(classes or ["unnamed"])[:60] for classes in named))
        raise FerZooError(f"Models of different classes cannot vote together: {listed}.")


class Ensemble(Float32Buffers):
    """Gray faces in [0, 1] (N, 1, 48, 48) to the logarithm of the members' weighted mean probability (N, C).

    weights: of the members, above 0; they are scaled to a sum of 1. Raises FerZooError for members with
    different classes.
    """

    def __init__(self, members: Sequence[nn.Module], weights: Sequence[float]) -> None:
        super().__init__()
        if not members or len(members) != len(weights) or min(weights) <= 0:
            raise ValueError(
                f"{len(members)} members have the weights {list(weights)}; allowed is one above 0 each."
            )
        refuse_different_classes(members)
        self.members = nn.ModuleList(members)
        given = torch.tensor(weights, dtype=torch.float32)
        self.register_buffer("weights", given / given.sum())

    def forward(self, faces: Tensor) -> Tensor:
        votes = torch.stack([member(faces).float().log_softmax(-1) for member in self.members])
        return (votes + self.get_buffer("weights").log()[:, None, None]).logsumexp(0)
