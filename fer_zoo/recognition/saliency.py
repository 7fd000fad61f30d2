"""Where in a face a model saw what counts for an emotion: heatmaps from one forward and backward pass.

A convolutional network's heat at each place of its last map is the sum over channels of activation times
gradient of the emotion's logit, where that is above 0 (HiResCAM: Draelos and Carin, "Use HiResCAM instead of
Grad-CAM for faithful explanations of convolutional neural networks", 2020). After global average pooling it
equals Grad-CAM (Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based
localization", 2017); where a dense layer reads the places, as in cnn-baseline, Grad-CAM would spread one
place's gradient over all. The logit counts from the mean of all: only their differences say something.

A network on tokens gets the size of the same sum at the input of each attention, added up over its layers;
the class token is left out. Normalization before each layer makes the sign say little. On three small ViTs
that had learned to tell two shapes, 70 to 85 % of this heat lay in the shape's quarter of the picture, of the
positive part at the last attention alone 0 to 12 %.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fer_zoo.artifacts.classifier import share_weights
from fer_zoo.emotions import SIDE
from fer_zoo.models.ensemble import Ensemble

if TYPE_CHECKING:
    from PIL.Image import Image

    from fer_zoo.artifacts.classifier import FaceClassifier

WARM = (255, 122, 0)  # RGB: stands out from gray for every form of color blindness
DENSEST = 0.75  # share of the color where the heat is 1


def explain(model: "FaceClassifier", faces: Tensor, targets: Sequence[int]) -> Tensor:
    """float32 (N, 48, 48) in [0, 1], each face's strongest place 1; 0 everywhere if nothing speaks for it.

    faces: uint8 (N, 1, 48, 48). targets: an index of EMOTIONS for each face. An ensemble's map is the mean of
    its members' by their weights. The model stays as it is, and may be in use by other threads. Raises
    ValueError where the numbers of faces and targets differ.
    """
    if len(faces) != len(targets):
        raise ValueError(f"{len(faces)} faces have {len(targets)} targets; allowed is one for each.")
    if not len(faces):
        return torch.zeros(0, SIDE, SIDE)
    if not isinstance(model.backbone, Ensemble):
        return _scale(_find_heat(model, faces, targets))
    members = cast("list[FaceClassifier]", list(model.backbone.members))
    maps = torch.stack([explain(member, faces, targets) for member in members])
    weights = model.backbone.get_buffer("weights").to(maps)
    return _scale((maps * weights[:, None, None, None]).sum(0))


def draw_heat(face: np.ndarray, heat: np.ndarray, side: int = 144) -> "Image":
    """An RGB picture, side x side pixels, of a face with its heat as a warm veil over it.

    face: uint8 (48, 48), gray. heat: float (48, 48) in [0, 1], as `Recognizer.explain` gives it. Raises
    ValueError for other shapes or types.
    """
    import PIL.Image

    shape = (SIDE, SIDE)
    if (face.dtype, face.shape, heat.dtype.kind, heat.shape) != (np.uint8, shape, "f", shape):
        raise ValueError(
            f"The face is {face.dtype} {face.shape}, the heat {heat.dtype} {heat.shape}; allowed are uint8 "
            f"and float, {shape} each."
        )
    gray = PIL.Image.fromarray(face).convert("RGB").resize((side, side), PIL.Image.Resampling.NEAREST)
    veil = PIL.Image.fromarray((heat * DENSEST * 255).round().astype(np.uint8))
    veil = veil.resize((side, side), PIL.Image.Resampling.BILINEAR)
    return PIL.Image.composite(PIL.Image.new("RGB", (side, side), WARM), gray, veil)


def _scale(maps: Tensor) -> Tensor:
    return maps / maps.amax((1, 2), keepdim=True).clamp_min(torch.finfo(maps.dtype).tiny)


def _find_heat(model: "FaceClassifier", faces: Tensor, targets: Sequence[int]) -> Tensor:
    """float32 (N, 48, 48), 0 and above."""
    twin = share_weights(model.backbone).eval()  # on the original the hooks would see other threads at work
    with torch.inference_mode(False), torch.enable_grad():
        images = model.preprocessing(faces.clone()).requires_grad_()
        stages, logits = _record_stages(twin, images)
        above_mean = logits - logits.mean(1, keepdim=True)
        score = above_mean[range(len(faces)), list(targets)].sum()
        gradients = torch.autograd.grad(score, stages)
    sums = [(stage * gradient).detach().float() for stage, gradient in zip(stages, gradients, strict=True)]
    heat = sums[0].sum(1).relu() if sums[0].ndim == 4 else _lay_on_grid(sums)
    return F.interpolate(heat[:, None], (SIDE, SIDE), mode="bilinear")[:, 0].cpu()


def _record_stages(network: nn.Module, images: Tensor) -> tuple[list[Tensor], Tensor]:
    """The last map (N, C, side, side) of a convolutional network, or the tokens (N, T, C) that each attention
    of a network on tokens reads; and the logits.
    """
    outputs: list[Tensor] = []
    read: list[Tensor] = []

    def record(_module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor) and len(output) == len(images) and _has_places(output):
            outputs.append(output)
            if output.ndim == 3 and output.shape[2] == 3 * inputs[0].shape[-1]:  # queries, keys and values
                read.append(inputs[0])

    for module in network.modules():
        module.register_forward_hook(record)
    logits = network(images)
    return ([outputs[-1]] if outputs[-1].ndim == 4 else read), logits


def _has_places(output: Tensor) -> bool:
    """A map (N, C, side, side) or tokens (N, T, C), of more than one place."""
    if output.ndim == 4:
        return output.shape[-1] == output.shape[-2] > 1
    return output.ndim == 3 and output.shape[1] > 1


def _lay_on_grid(products: list[Tensor]) -> Tensor:
    """The sizes of the sums over channels of tokens (N, T, C), added up, as (N, side, side).

    Tokens before the square number of them that makes the picture (class token, registers) are left out.
    """
    relevance = torch.stack([product.sum(2).abs() for product in products]).sum(0)
    side = math.isqrt(relevance.shape[1])
    return relevance[:, -(side**2) :].unflatten(1, (side, side))
