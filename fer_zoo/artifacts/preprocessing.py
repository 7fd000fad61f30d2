"""How a 48-pixel face becomes the input of a network."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fer_zoo.emotions import SIDE


@dataclass(frozen=True)
class Preprocessing:
    """The backbone's input: gray in [0, 1], resized to `size` pixels, then (x - mean) / std."""

    size: int
    mean: float
    std: float

    def __call__(self, faces: Tensor, crops: bool = False) -> Tensor:
        """uint8 0-255 or floating point 0-1, (N, 1, 48, 48), to float (N, 1, size, size). crops: also smaller
        square parts of faces, at the same scale.
        """
        return (resize_faces(faces, self.size, crops) - self.mean) / self.std


def resize_faces(faces: Tensor, size: int, crops: bool = False) -> Tensor:
    """Gray in [0, 1], resized, of faces as `Preprocessing` takes them. Raises ValueError for others."""
    side = faces.shape[-1]
    if faces.ndim != 4 or faces.shape[1:] != (1, side, side) or not (side == SIDE or (crops and side < SIDE)):
        raise ValueError(f"Faces have shape {tuple(faces.shape)}; allowed is (N, 1, {SIDE}, {SIDE}).")
    if faces.dtype == torch.uint8:
        faces = faces.float() / 255
    elif not faces.is_floating_point():
        raise ValueError(
            f"Faces have dtype {faces.dtype}; allowed are uint8 (0-255) and floating point (0-1)."
        )
    if size != SIDE:
        size = size * side // SIDE
        faces = F.interpolate(faces, size=(size, size), mode="bilinear", align_corners=False)
    return faces
