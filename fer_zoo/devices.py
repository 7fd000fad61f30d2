"""Where a computation runs."""

from typing import TYPE_CHECKING

from fer_zoo.errors import TrainingError

if TYPE_CHECKING:
    import torch


def pick_device(name: str = "auto") -> "torch.device":
    """`auto` takes a CUDA GPU where there is one. Raises TrainingError for a device that is not there."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise TrainingError(
            f"The device {name!r} cannot be used: {reason}. Always allowed: auto, cpu."
        ) from error
    return device
