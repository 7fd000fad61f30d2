"""Several trained models as one network: a soft vote."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """Gray faces in [0, 1] (N, 1, 48, 48) to the logarithm of the members' weighted mean probability (N, 7).

    weights: of the members, above 0; they are scaled to a sum of 1.
    """

    def __init__(self, members: Sequence[nn.Module], weights: Sequence[float]) -> None:
        super().__init__()
        if not members or len(members) != len(weights) or min(weights) <= 0:
            raise ValueError(
                f"{len(members)} members have the weights {list(weights)}; allowed is one above 0 each."
            )
        self.members = nn.ModuleList(members)
        shares = torch.tensor(weights, dtype=torch.float32)
        self.register_buffer("weights", shares / shares.sum())

    def forward(self, faces: Tensor) -> Tensor:
        votes = torch.stack([member(faces).float().log_softmax(-1) for member in self.members])
        return (votes + self.get_buffer("weights").log()[:, None, None]).logsumexp(0)
