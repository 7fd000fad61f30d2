"""One augmentation recipe for two implementations: a batch on the device, or a sample by albumentations."""

import math
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from fer_zoo.emotions import SIDE
from fer_zoo.errors import RecipeError
from fer_zoo.utils.telemetry import import_albumentations
from fer_zoo.utils.torch_private import draw_gamma


@dataclass(frozen=True)
class Augmentation:
    """Random transforms of a training face. 0 disables one; values are drawn uniformly from their range."""

    flip: float = 0.5  # probability of the mirror image
    rotate: float = 0.0  # +- degrees
    scale: float = 0.0  # +- fraction of the size
    shift: float = 0.0  # +- fraction of the side
    crop: int = 0  # side in pixels of a random crop that is resized back to 48
    train_crop: int = 0  # the same without resizing, for faster training (arXiv:1906.06423)
    brightness: float = 0.0  # +- fraction of the full range, added
    contrast: float = 0.0  # +- fraction of the contrast around the image's mean
    erase: float = 0.0  # probability of one gray box of 2-20 % of the area
    mixup: float = 0.0  # alpha of the Beta distribution (arXiv:1710.09412); excludes cutmix
    cutmix: float = 0.0  # alpha of the Beta distribution (arXiv:1905.04899)

    def __post_init__(self) -> None:
        limits = {"flip": 1, "rotate": 180, "scale": 0.9, "shift": 1, "erase": 1, "brightness": 1}
        limits |= {"crop": SIDE, "train_crop": SIDE}
        for field in fields(self):
            value, limit = getattr(self, field.name), limits.get(field.name, 10)
            kinds, what = ((int,), "a whole number") if field.type is int else ((int, float), "a number")
            if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value <= limit:
                raise RecipeError(f"augment.{field.name} is {value!r}; allowed is {what} from 0 to {limit}.")
        for one, other in (("mixup", "cutmix"), ("crop", "train_crop")):
            if getattr(self, one) and getattr(self, other):
                raise RecipeError(
                    f"augment.{one} and augment.{other} are both on; choose one and set the other to 0."
                )


ERASED_AREA = (0.02, 0.2)
ERASED_ASPECT = (0.5, 2.0)
ERASED_GRAY = 0.5


def _uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    return torch.empty(count, device=generator.device).uniform_(low, high, generator=generator)


def draw_affine(count: int, augmentation: Augmentation, generator: Generator) -> Tensor:
    """(count, 2, 3) matrices from output to input coordinates in [-1, 1], as F.affine_grid takes them."""
    a = augmentation
    angle = _uniform(count, -a.rotate, a.rotate, generator) * (math.pi / 180)
    zoom = 1 + _uniform(count, -a.scale, a.scale, generator)
    # The frame is two units wide.
    shift = 2 * _uniform(2 * count, -a.shift, a.shift, generator).view(count, 2)
    mirror = 1 - 2 * (_uniform(count, 0, 1, generator) < a.flip).float()
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    # Output point p shows input point R(p - shift) / zoom, mirrored.
    linear = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    offset = -(linear @ shift[:, :, None])
    matrix = torch.cat([linear, offset], 2)
    matrix[:, 0] *= mirror[:, None]
    if side := a.crop or a.train_crop:
        corner = torch.randint(0, SIDE - side + 1, (count, 2), generator=generator, device=generator.device)
        center = (2 * corner + side) / SIDE - 1
        matrix[:, :, 2] += (matrix[:, :, :2] @ center[:, :, None])[:, :, 0]
        matrix[:, :, :2] *= side / SIDE
    return matrix


def augment_batch(pixels: Tensor, augmentation: Augmentation, generator: Generator) -> Tensor:
    """Augment uint8 faces (N, 1, 48, 48) on the generator's device.

    Returns float faces in [0, 1] of the same shape, or of side `train_crop` if that is on.
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
    """Random erasing (arXiv:1708.04896) with one mid-gray box per image."""
    count, side = len(faces), faces.shape[-1]
    area = _uniform(count, *ERASED_AREA, generator) * side**2
    aspect = _uniform(count, math.log(ERASED_ASPECT[0]), math.log(ERASED_ASPECT[1]), generator).exp()
    height = (area * aspect).sqrt().clamp(max=side)
    width = (area / aspect).sqrt().clamp(max=side)
    top = _uniform(count, 0, 1, generator) * (side - height)
    left = _uniform(count, 0, 1, generator) * (side - width)
    erased = _uniform(count, 0, 1, generator) < probability
    position = torch.arange(side, device=faces.device) + 0.5
    rows = (position >= top[:, None]) & (position < (top + height)[:, None]) & erased[:, None]
    columns = (position >= left[:, None]) & (position < (left + width)[:, None])
    return faces.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], ERASED_GRAY)


def mix_batch(
    faces: Tensor, augmentation: Augmentation, generator: Generator, cpu_generator: Generator
) -> tuple[Tensor, Tensor, float]:
    """Mixup or cutmix: the mixed faces, the index of each face's partner (N,), and lambda.

    Lambda is the weight of a face's own label. It and the box are drawn on the CPU, by `cpu_generator`,
    because shapes depend on them: this avoids a device synchronization.
    """
    alpha = augmentation.mixup or augmentation.cutmix
    partner = torch.randperm(len(faces), generator=generator, device=faces.device)
    first, second = draw_gamma(torch.full((2,), float(alpha)), cpu_generator).tolist()
    lam = first / max(first + second, 1e-12)
    if augmentation.mixup:
        return lam * faces + (1 - lam) * faces[partner], partner, lam
    width = faces.shape[-1]
    side = round(width * math.sqrt(1 - lam))
    top, left = torch.randint(0, width - side + 1, (2,), generator=cpu_generator).tolist()
    box = (..., slice(top, top + side), slice(left, left + side))
    mixed = faces.clone()
    mixed[box] = faces[box][partner]
    return mixed, partner, 1 - side**2 / width**2


def build_albumentations(augmentation: Augmentation, seed: int | None = None) -> Any:
    """The same recipe, without mixup and cutmix, as an albumentations pipeline for a uint8 image (48, 48)."""
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
            A.Erasing(scale=ERASED_AREA, ratio=ERASED_ASPECT, fill=round(255 * ERASED_GRAY), p=a.erase)
        )
    return A.Compose(steps, seed=seed)
