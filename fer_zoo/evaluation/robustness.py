"""Robustness: accuracy under blur, noise, brightness, rotation, shift, occlusion and low resolution.

The corruptions are applied to the 48-pixel face, the model's own input, on a bounded sample of a split: the
figures compare corruptions and models with each other. They do not measure photographs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fer_zoo.data.fer2013 import Faces
from fer_zoo.emotions import SIDE
from fer_zoo.evaluation.inference import predict_logits

MAX_FACES = 600  # of a split: the 95 % interval of an accuracy of 70 % is then +- 3.7 points
Corrupt = Callable[[Tensor, float, torch.Generator], Tensor]


@dataclass(frozen=True)
class Corruption:
    """`corrupt` takes faces, a level and a generator, uint8 (N, 1, 48, 48) in and out.

    `clean`, one of `levels`, leaves a face unchanged. `levels` are in the order of the chart's x axis.
    """

    title: str
    unit: str
    levels: tuple[float, ...]
    corrupt: Corrupt
    clean: float = 0


def blur(faces: Tensor, sigma: float, _generator: torch.Generator) -> Tensor:
    from torchvision.transforms.v2.functional import gaussian_blur

    kernel = 2 * int(np.ceil(3 * sigma)) + 1  # three standard deviations on each side
    return gaussian_blur(faces, [kernel, kernel], [sigma, sigma])


def add_noise(faces: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    noise = torch.randn(faces.shape, generator=generator) * deviation
    return _to_gray(faces + noise)


def brighten(faces: Tensor, levels: float, _generator: torch.Generator) -> Tensor:
    return _to_gray(faces.float() + levels)


def rotate(faces: Tensor, degrees: float, _generator: torch.Generator) -> Tensor:
    """Every second face to the left, the others to the right; edge pixels are replicated, so that no black
    corners reveal the rotation.
    """
    angle = torch.deg2rad(torch.tensor(degrees)) * (1 - 2 * (torch.arange(len(faces)) % 2))
    zero = torch.zeros_like(angle)
    rows = [[angle.cos(), -angle.sin(), zero], [angle.sin(), angle.cos(), zero]]
    matrices = torch.stack([torch.stack(row, -1) for row in rows], 1)
    grid = F.affine_grid(matrices, list(faces.shape), align_corners=False)
    return _to_gray(F.grid_sample(faces.float(), grid, padding_mode="border", align_corners=False))


def shift(faces: Tensor, pixels: float, generator: torch.Generator) -> Tensor:
    """To one of the four sides, at random; edge pixels are replicated."""
    margin = int(pixels)
    padded = F.pad(faces.float(), [margin] * 4, mode="replicate").to(torch.uint8)
    sides = torch.randint(4, (len(faces),), generator=generator).tolist()
    starts = ((0, margin), (2 * margin, margin), (margin, 0), (margin, 2 * margin))
    corners = (starts[side] for side in sides)
    crops = (face[:, y : y + SIDE, x : x + SIDE] for face, (y, x) in zip(padded, corners, strict=True))
    return torch.stack(list(crops))


def occlude(faces: Tensor, side: float, generator: torch.Generator) -> Tensor:
    """A square of the face's mean gray at a random position."""
    width = int(side)
    corners = torch.randint(SIDE - width + 1, (len(faces), 2), generator=generator).tolist()
    covered = faces.clone()
    for face, (y, x) in zip(covered, corners, strict=True):
        face[:, y : y + width, x : x + width] = face.float().mean().round().to(torch.uint8)
    return covered


def downsample(faces: Tensor, side: float, _generator: torch.Generator) -> Tensor:
    """Downsampled to `side` pixels by area, and bilinearly upsampled again."""
    small = F.interpolate(faces.float(), (int(side), int(side)), mode="area")
    return _to_gray(F.interpolate(small, (SIDE, SIDE), mode="bilinear", align_corners=False))


def _to_gray(values: Tensor) -> Tensor:
    return values.round().clamp(0, 255).to(torch.uint8)


CORRUPTIONS = {
    "blur": Corruption("Blur", "standard deviation, pixels", (0, 0.5, 1, 1.5, 2, 3), blur),
    "noise": Corruption("Noise", "standard deviation, gray levels", (0, 8, 16, 32, 48, 64), add_noise),
    "brightness": Corruption("Brightness", "gray levels added", (-120, -80, -40, 0, 40, 80, 120), brighten),
    "rotation": Corruption("Rotation", "degrees", (0, 10, 20, 30, 45, 60), rotate),
    "shift": Corruption("Shift", "pixels", (0, 2, 4, 6, 9, 12), shift),
    "occlusion": Corruption("Occlusion", "side of the square, pixels", (0, 8, 12, 16, 20, 24), occlude),
    "resolution": Corruption("Low resolution", "side, pixels", (48, 32, 24, 16, 12, 8), downsample, clean=48),
}


def choose_sample(count: int, max_count: int) -> np.ndarray:
    """At most `max_count` random indices of 0 to count - 1, sorted: the same for every model."""
    return np.sort(np.random.default_rng(0).permutation(count)[:max_count])


def measure_robustness(
    model: Callable[[Tensor], Tensor],
    faces: Faces,
    *,
    device: str | torch.device = "cpu",
    progress: Callable[[int, int], object] | None = None,
) -> dict[str, Any]:
    """Measure accuracy at every level of every corruption, on at most MAX_FACES of a split. Faces and random
    numbers are the same for every model; see `predict_logits` for the other arguments.

    Returns:
        For JSON: {"n", "clean": accuracy without corruption, 0 to 1,
        "curves": {name: {"unit", "levels", "accuracy"}}}.
    """
    chosen = choose_sample(len(faces), MAX_FACES)
    pixels, labels = torch.from_numpy(faces.pixels[chosen]), faces.labels[chosen]

    def score(pictures: Tensor) -> float:
        answers = predict_logits(model, pictures, device=device).argmax(1).numpy()
        return float((answers == labels).mean())

    total = 1 + sum(len(row.levels) - 1 for row in CORRUPTIONS.values())
    clean, done = score(pixels), 1
    curves: dict[str, Any] = {}
    for name, row in CORRUPTIONS.items():
        accuracy: list[float] = []
        for level in row.levels:
            if level == row.clean:
                accuracy.append(clean)
                continue
            accuracy.append(score(row.corrupt(pixels, level, torch.Generator().manual_seed(0))))
            done += 1
            if progress:
                progress(done, total)
        curves[name] = {"unit": row.unit, "levels": list(row.levels), "accuracy": accuracy}
    return {"n": len(chosen), "clean": clean, "curves": curves}
