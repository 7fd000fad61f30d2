"""Where a computation runs."""

import os
from typing import TYPE_CHECKING, NamedTuple

from fer_zoo.errors import TrainingError

if TYPE_CHECKING:
    import torch


class Ranks(NamedTuple):
    """This process among those that torchrun started: its number in all and on its machine, and how many."""

    rank: int
    local: int
    size: int


def read_world() -> Ranks:
    """From torchrun's environment; one process alone without it. Raises TrainingError for no numbers."""
    names = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
    given = {name: os.environ.get(name, usual) for name, usual in names.items()}
    wrong = [f"{name}={value}" for name, value in given.items() if not value.isdecimal()]
    ranks = Ranks(*(0 if wrong else int(value) for value in given.values()))
    if wrong or ranks.rank >= ranks.size:
        raise TrainingError(
            f"The environment has {', '.join(wrong or [f'RANK={ranks.rank}, WORLD_SIZE={ranks.size}'])}; "
            "allowed are whole numbers with RANK below WORLD_SIZE, as torchrun sets them, or none of them."
        )
    return ranks


def pick_device(name: str = "auto") -> "torch.device":
    """`auto` takes a CUDA GPU where there is one. Under torchrun that and `cuda` are the GPU of the process's
    number. Raises TrainingError for a device that is not there.
    """
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and (ranks := read_world()).size > 1:
        name = f"cuda:{ranks.local}"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
        if device.index is not None and device.type == "cuda":
            torch.cuda.set_device(device)  # NCCL takes the current one
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise TrainingError(
            f"The device {name!r} cannot be used: {reason}. Always allowed: auto, cpu."
        ) from error
    return device
