"""Augmentation as data: one recipe, for a whole batch on the device or per sample by albumentations."""

import math
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from fer_zoo.emotions import SIDE
from fer_zoo.errors import RecipeError
from fer_zoo.utils.telemetry import import_albumentations


@dataclass(frozen=True)
class Augmentation:
    """What may happen to a training face. Zero turns a part off; each value is drawn uniformly in its range.

    flip: probability of the mirror image. rotate: +- degrees. scale: +- share of the size. shift: +- share
    of the side. crop: side in pixels of a random crop that is resized back to 48. train_crop: the same, not
    resized, so that training is faster (arXiv:1906.06423); for networks that bear it. brightness: +- share of
    the full range added. contrast: +- share of the contrast about the image's mean. erase: probability of
    one gray box of 2-20 % of the area. mixup, cutmix: parameter of the Beta distribution (arXiv:1710.09412,
    arXiv:1905.04899); at most one of the two.
    """

    flip: float = 0.5
    rotate: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    crop: int = 0
    train_crop: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    erase: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        limits = {
            "flip": 1,
            "rotate": 180,
            "scale": 0.9,
            "shift": 1,
            "crop": SIDE,
            "train_crop": SIDE,
            "erase": 1,
            "brightness": 1,
        }
        for field in fields(self):
            value, top = getattr(self, field.name), limits.get(field.name, 10)
            kinds, what = ((int,), "a whole number") if field.type is int else ((int, float), "a number")
            if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value <= top:
                raise RecipeError(f"augment.{field.name} is {value!r}; allowed is {what} from 0 to {top}.")
        if self.mixup and self.cutmix:
            raise RecipeError(
                "augment.mixup and augment.cutmix are both on; choose one and set the other to 0."
            )
        if self.crop and self.train_crop:
            raise RecipeError(
                "augment.crop and augment.train_crop are both on; choose one and set the other to 0."
            )


ERASED_AREA = (0.02, 0.2)
ERASED_ASPECT = (0.5, 2.0)
ERASED_GREY = 0.5


def _uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    return torch.empty(count, device=generator.device).uniform_(low, high, generator=generator)


def draw_affine(count: int, augmentation: Augmentation, generator: Generator) -> Tensor:
    """(count, 2, 3) matrices from output to input coordinates in [-1, 1], as F.affine_grid takes them."""
    a = augmentation
    angle = _uniform(count, -a.rotate, a.rotate, generator) * (math.pi / 180)
    zoom = 1 + _uniform(count, -a.scale, a.scale, generator)
    shift = (
        _uniform(2 * count, -a.shift, a.shift, generator).view(count, 2) * 2
    )  # the frame is two units wide
    mirror = 1 - 2 * (_uniform(count, 0, 1, generator) < a.flip).float()
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    # Output point p shows input point R(p - shift) / zoom, mirrored.
    linear = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    offset = -(linear @ shift[:, :, None])
    matrix = torch.cat([linear, offset], 2)
    matrix[:, 0] *= mirror[:, None]
    part = a.crop or a.train_crop
    if part:
        window = part / SIDE
        corner = torch.randint(0, SIDE - part + 1, (count, 2), generator=generator, device=generator.device)
        centre = (2 * corner + part) / SIDE - 1
        matrix[:, :, 2] += (matrix[:, :, :2] @ centre[:, :, None])[:, :, 0]
        matrix[:, :, :2] *= window
    return matrix


def augment_batch(pixels: Tensor, augmentation: Augmentation, generator: Generator) -> Tensor:
    """uint8 faces (N, 1, 48, 48) to augmented float faces in [0, 1] of the same shape (of side
    `train_crop`, where that is on), on the generator's device.
    """
    count, a = len(pixels), augmentation
    side = a.train_crop or SIDE
    faces = pixels.float() / 255
    if a.rotate or a.scale or a.shift or a.crop or a.train_crop or a.flip:
        grid = F.affine_grid(draw_affine(count, a, generator), [count, 1, side, side], align_corners=False)
        faces = F.grid_sample(faces, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if a.contrast:
        gain = 1 + _uniform(count, -a.contrast, a.contrast, generator)[:, None, None, None]
        mean = faces.mean((1, 2, 3), keepdim=True)
        faces = (faces - mean) * gain + mean
    if a.brightness:
        faces = faces + _uniform(count, -a.brightness, a.brightness, generator)[:, None, None, None]
    if a.erase:
        faces = _erase(faces, a.erase, generator)
    return faces.clamp_(0, 1)


def _erase(faces: Tensor, probability: float, generator: Generator) -> Tensor:
    """Random erasing (arXiv:1708.04896) with mid-gray, one box in an image."""
    count, side = len(faces), faces.shape[-1]
    area = _uniform(count, *ERASED_AREA, generator) * side**2
    aspect = _uniform(count, math.log(ERASED_ASPECT[0]), math.log(ERASED_ASPECT[1]), generator).exp()
    height = (area * aspect).sqrt().clamp(max=side)
    width = (area / aspect).sqrt().clamp(max=side)
    top = _uniform(count, 0, 1, generator) * (side - height)
    left = _uniform(count, 0, 1, generator) * (side - width)
    erased = _uniform(count, 0, 1, generator) < probability
    line = torch.arange(side, device=faces.device) + 0.5
    rows = (line >= top[:, None]) & (line < (top + height)[:, None]) & erased[:, None]
    columns = (line >= left[:, None]) & (line < (left + width)[:, None])
    return faces.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], ERASED_GREY)


def mix_batch(
    faces: Tensor, augmentation: Augmentation, generator: Generator, host: Generator
) -> tuple[Tensor, Tensor, float]:
    """Mixed faces, the partner of each (N,), and the share of the label that stays with the first of the
    pair.

    The share and the box steer shapes, so they come from `host`, a generator on the CPU: nothing waits for
    the device.
    """
    strength = augmentation.mixup or augmentation.cutmix
    partner = torch.randperm(len(faces), generator=generator, device=faces.device)
    first, second = torch._standard_gamma(torch.full((2,), float(strength)), generator=host).tolist()
    share = first / max(first + second, 1e-12)
    if augmentation.mixup:
        return share * faces + (1 - share) * faces[partner], partner, share
    whole = faces.shape[-1]
    side = round(whole * math.sqrt(1 - share))
    top, left = torch.randint(0, whole - side + 1, (2,), generator=host).tolist()
    mixed = faces.clone()
    mixed[:, :, top : top + side, left : left + side] = faces[
        partner, :, top : top + side, left : left + side
    ]
    return mixed, partner, 1 - side**2 / whole**2


def build_albumentations(augmentation: Augmentation, seed: int | None = None) -> Any:
    """The same recipe as an albumentations pipeline on one uint8 image (48, 48). mixup and cutmix need a
    batch.
    """
    A = import_albumentations()  # noqa: N806 - the library's own convention
    a = augmentation
    steps: list[Any] = []
    if a.crop:
        steps.append(A.Compose([A.RandomCrop(a.crop, a.crop), A.Resize(SIDE, SIDE)]))
    if a.train_crop:
        steps.append(A.RandomCrop(a.train_crop, a.train_crop))
    if a.flip:
        steps.append(A.HorizontalFlip(p=a.flip))
    if a.rotate or a.scale or a.shift:
        steps.append(
            A.Affine(
                rotate=(-a.rotate, a.rotate),
                scale=(1 - a.scale, 1 + a.scale),
                translate_percent={"x": (-a.shift, a.shift), "y": (-a.shift, a.shift)},
                keep_ratio=True,
                border_mode=1,  # cv2.BORDER_REPLICATE
                p=1,
            )
        )
    if a.contrast or a.brightness:
        steps.append(
            A.RandomBrightnessContrast(
                brightness_limit=(-a.brightness, a.brightness), contrast_limit=(-a.contrast, a.contrast), p=1
            )
        )
    if a.erase:
        steps.append(
            A.Erasing(scale=ERASED_AREA, ratio=ERASED_ASPECT, fill=round(255 * ERASED_GREY), p=a.erase)
        )
    return A.Compose(steps, seed=seed)
