"""A fault of the tutorial's loop, to measure what it costs: flip and rotation act on a face's 2,304 pixels as
one row.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from fer_zoo.data.augment import Augmentation
from fer_zoo.emotions import SIDE


def augment_rows(pixels: Tensor, augmentation: Augmentation, generator: Generator) -> Tensor:
    """uint8 faces (N, 1, 48, 48) to float faces in [0, 1] of the same shape; flip and rotate apply alone.

    The mirror image of a row of pixels is the face upside down. A row turned by an angle about its middle,
    and cut to one row again, is stretched by 1 / cosine of the angle, which shears the face.
    """
    count, length = len(pixels), SIDE * SIDE
    row = pixels.float().view(count, 1, 1, length) / 255
    draws = torch.rand(2, count, generator=generator, device=generator.device)
    mirror = 1 - 2 * (draws[0] < augmentation.flip).float()
    angle = (2 * draws[1] - 1) * augmentation.rotate * (math.pi / 180)
    place = torch.linspace(-1, 1, length, device=row.device) * (mirror * angle.cos())[:, None]
    grid = torch.stack([place, torch.zeros_like(place)], 2)[:, None]
    turned = F.grid_sample(row, grid, mode="bilinear", padding_mode="border", align_corners=True)
    return turned.view(count, 1, SIDE, SIDE)
