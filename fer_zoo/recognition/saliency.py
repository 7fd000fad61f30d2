"""Saliency maps: which pixels of a face are evidence for an emotion, from one forward and backward pass.

For a convolutional network: HiResCAM (Draelos and Carin 2020, arXiv:2011.08891), the positive part of the sum
over channels of activation times gradient, at each position of the last feature map of 24 x 24 or more. The
last map of all, 6 x 6 in most networks here, is often too coarse (docs/log.md). The logit is centered by the
mean of all: only differences are meaningful.

For a network on tokens: the absolute value of the same sum at the input of each attention, added over layers,
without the class token. The layer norm before each layer makes the sign uninformative: of three small ViTs
that classify two shapes, 70 to 85 % of this map was in the shape's quadrant.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from fer_zoo.emotions import SIDE
from fer_zoo.models.ensemble import Ensemble
from fer_zoo.models.float32_buffers import share_weights

if TYPE_CHECKING:
    from fer_zoo.artifacts.classifier import FaceClassifier

LEAST_MAP = 24  # positions a side of the feature map; the last one where a network has none so large
COLOR = (255, 122, 0)  # RGB: contrasts with gray for every form of color blindness
MAX_OPACITY = 0.75  # of the warmest pixels
WARMEST = 0.02  # fraction of a face in full color: a few hot pixels would leave the rest pale


def explain(model: "FaceClassifier", faces: Tensor, targets: Sequence[int]) -> Tensor:
    """A saliency map for each face, float32 (N, 48, 48), as `Recognizer.explain` returns it; an ensemble's is
    the weighted mean of its members'. The maximum of each face is 1; without evidence all are 0. The model
    is not changed, and other threads may use it.

    faces: uint8 (N, 1, 48, 48). targets: an index of `model.classes` for each, else ValueError.
    """
    if len(faces) != len(targets):
        raise ValueError(f"{len(faces)} faces have {len(targets)} targets; allowed is one for each.")
    if not len(faces):
        return torch.zeros(0, SIDE, SIDE)
    if not isinstance(model.backbone, Ensemble):
        return _scale(_compute_heat(model, faces, targets))
    members = cast("list[FaceClassifier]", list(model.backbone.members))
    maps = torch.stack([explain(member, faces, targets) for member in members])
    weights = model.backbone.get_buffer("weights").to(maps)
    return _scale((maps * weights[:, None, None, None]).sum(0))


def draw_heat(face: np.ndarray, heat: np.ndarray, side: int = 144) -> Image.Image:
    """Overlay a saliency map on a face; its warmest 2 % have the full color.

    Args:
        face: uint8 (48, 48), gray.
        heat: float (48, 48) in [0, 1], as `Recognizer.explain` returns it.
        side: pixels of the result.

    Returns:
        RGB, side x side pixels.

    Raises:
        ValueError: another shape or dtype.
    """
    shape = (SIDE, SIDE)
    if (face.dtype, face.shape, heat.dtype.kind, heat.shape) != (np.uint8, shape, "f", shape):
        raise ValueError(
            f"The face is {face.dtype} {face.shape}, the heat {heat.dtype} {heat.shape}; allowed are uint8 "
            f"and float, {shape} each."
        )
    gray = Image.fromarray(face).convert("RGB").resize((side, side), Image.Resampling.NEAREST)
    full = np.quantile(heat, 1 - WARMEST) or 1
    mask = Image.fromarray((np.clip(heat / full, 0, 1) * MAX_OPACITY * 255).round().astype(np.uint8))
    mask = mask.resize((side, side), Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", (side, side), COLOR), gray, mask)


def _scale(maps: Tensor) -> Tensor:
    return maps / maps.amax((1, 2), keepdim=True).clamp_min(torch.finfo(maps.dtype).tiny)


def _compute_heat(model: "FaceClassifier", faces: Tensor, targets: Sequence[int]) -> Tensor:
    """float32 (N, 48, 48), 0 and above."""
    network = share_weights(model.backbone).eval()  # hooks on the original would record other threads' faces
    dtype = next(
        (weight.dtype for weight in network.parameters() if weight.is_floating_point()), torch.float32
    )
    with torch.inference_mode(False), torch.enable_grad():
        images = model.preprocessing(faces.to(model.prior_correction.device, copy=True))
        images = images.to(dtype).requires_grad_()
        stages, logits = _record_stages(network, images)
        centered = logits - logits.mean(1, keepdim=True)
        score = centered[range(len(faces)), list(targets)].sum()
        gradients = torch.autograd.grad(score, stages)
    products = [
        (stage * gradient).detach().float() for stage, gradient in zip(stages, gradients, strict=True)
    ]
    heat = products[0].sum(1).relu() if products[0].ndim == 4 else _arrange_on_grid(products)
    return F.interpolate(heat[:, None], (SIDE, SIDE), mode="bilinear")[:, 0].cpu()


def _record_stages(network: nn.Module, images: Tensor) -> tuple[list[Tensor], Tensor]:
    """The last feature map (N, C, side, side) of a convolutional network that is large enough, or the input
    tokens (N, T, C) of each attention; and the logits.
    """
    outputs: list[Tensor] = []
    attended: list[Tensor] = []

    def record(_module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor) and len(output) == len(images) and _has_positions(output):
            outputs.append(output)
            if output.ndim == 3 and output.shape[2] == 3 * inputs[0].shape[-1]:  # queries, keys and values
                attended.append(inputs[0])

    for module in network.modules():
        module.register_forward_hook(record)
    logits = network(images)
    if outputs[-1].ndim == 3:
        return attended, logits
    large = [output for output in outputs if output.ndim == 4 and output.shape[-1] >= LEAST_MAP]
    return (large or outputs)[-1:], logits


def _has_positions(output: Tensor) -> bool:
    """A map (N, C, side, side) or tokens (N, T, C), of more than one position."""
    if output.ndim == 4:
        return output.shape[-1] == output.shape[-2] > 1
    return output.ndim == 3 and output.shape[1] > 1


def _arrange_on_grid(products: list[Tensor]) -> Tensor:
    """Absolute sums over the channels of tokens (N, T, C), added over layers, as (N, side, side).

    Prefix tokens (class token, registers), before the square number of patch tokens, are dropped.
    """
    relevance = torch.stack([product.sum(2).abs() for product in products]).sum(0)
    side = math.isqrt(relevance.shape[1])
    return relevance[:, -(side**2) :].unflatten(1, (side, side))
