"""Penultimate features of a face: what a classifier hands to its last linear layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_zoo.artifacts.classifier import share_weights
from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import FerZooError
from fer_zoo.models.ensemble import Ensemble

if TYPE_CHECKING:
    from fer_zoo.artifacts.classifier import FaceClassifier


def embed_faces(model: "FaceClassifier", faces: Any, batch_size: int | None = None) -> NDArray[np.float32]:
    """Features (N, D) of N faces; see `FaceClassifier.embed`."""
    return np.concatenate(embed_by_member(model, faces, batch_size), axis=1)


def embed_by_member(model: nn.Module, faces: Any, batch_size: int | None = None) -> list[NDArray[np.float32]]:
    """Features (N, D) of each member of an ensemble, or of the only network.

    Raises:
        FerZooError: A network does not end in a linear layer.
        ImageError: A picture cannot be read.
    """
    pixels = _read_faces(faces)
    network = share_weights(model).eval()  # a copy, because other threads may use the model
    heads = _list_heads(network)
    recorded: list[list[Tensor]] = [[torch.zeros(0, head.in_features)] for head in heads]
    for head, parts in zip(heads, recorded, strict=True):
        head.register_forward_pre_hook(
            lambda _, inputs, parts=parts: parts.append(inputs[0].detach().flatten(1).float().cpu())
        )
    device = next(network.parameters()).device
    batch_size = batch_size or (64 if device.type == "cpu" else 512)
    with torch.inference_mode():
        for batch in pixels.split(batch_size) if len(pixels) else ():
            network(batch.to(device, memory_format=torch.channels_last))
    return [torch.cat(parts).numpy() for parts in recorded]


def _list_heads(model: nn.Module) -> list[nn.Linear]:
    """The last linear layer of each member, in order."""
    backbone = model.get_submodule("backbone")
    if isinstance(backbone, Ensemble):
        return [head for member in backbone.members for head in _list_heads(member)]
    outputs = len(getattr(model, "classes", EMOTIONS))
    layers = [
        layer
        for layer in backbone.modules()
        if isinstance(layer, nn.Linear) and layer.out_features == outputs
    ]
    if not layers:
        raise FerZooError(
            f"{type(backbone).__name__} has no linear layer of {outputs} outputs, so it has no features."
        )
    return layers[-1:]


def _read_faces(faces: Any) -> Tensor:
    """uint8 (N, 1, 48, 48) of crops (N, 48, 48) or (N, 1, 48, 48), or of pictures."""
    if isinstance(faces, (np.ndarray, Tensor)) and faces.ndim > 2 and tuple(faces.shape[-2:]) == (SIDE, SIDE):
        crops = torch.from_numpy(faces.copy()) if isinstance(faces, np.ndarray) else faces
        if crops.dtype == torch.uint8 and tuple(crops.shape[1:-2]) in ((), (1,)):
            return crops.reshape(-1, 1, SIDE, SIDE)
        raise FerZooError(
            f"Faces are {crops.dtype} {tuple(crops.shape)}; allowed is uint8 (N, {SIDE}, {SIDE}) or "
            f"(N, 1, {SIDE}, {SIDE}), a picture, or a list of pictures."
        )
    from fer_zoo.detection.crops import read_one_face

    photos = faces if isinstance(faces, Sequence) and not isinstance(faces, (str, bytes)) else [faces]
    crops = [read_one_face(photo) for photo in photos]
    return torch.from_numpy(np.array(crops, np.uint8).reshape(-1, 1, SIDE, SIDE))
