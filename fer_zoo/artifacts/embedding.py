"""Penultimate features of a face: what a classifier hands to its last linear layer."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_zoo.detection.crops import read_one_face
from fer_zoo.emotions import SIDE
from fer_zoo.errors import FerZooError
from fer_zoo.models.ensemble import Ensemble
from fer_zoo.models.float32_buffers import share_weights
from fer_zoo.utils.photo_inputs import split_batch, split_chunks

if TYPE_CHECKING:
    from fer_zoo.artifacts.classifier import FaceClassifier


def embed_faces(model: "FaceClassifier", faces: Any, batch_size: int | None = None) -> NDArray[np.float32]:
    """Features (N, D) of N faces; see `FaceClassifier.embed`."""
    return np.concatenate(embed_by_member(model, faces, batch_size), axis=1)


def embed_by_member(
    model: "FaceClassifier", faces: Any, batch_size: int | None = None
) -> list[NDArray[np.float32]]:
    """Features (N, D) of each member of an ensemble, or of the only network. Raises FerZooError where one
    does not end in a linear layer, ImageError for a picture that cannot be read.
    """
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
        for batch in _read_batches(faces, batch_size):
            network(batch.to(device, memory_format=torch.channels_last))
    return [torch.cat(parts).numpy() for parts in recorded]


def _list_heads(model: "FaceClassifier") -> list[nn.Linear]:
    """The last linear layer of each member, in order."""
    backbone = model.get_submodule("backbone")
    if isinstance(backbone, Ensemble):
        return [head for member in backbone.members for head in _list_heads(cast("FaceClassifier", member))]
    outputs = len(model.classes)
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


def _read_batches(faces: Any, size: int) -> Iterator[Tensor]:
    """uint8 (N, 1, 48, 48) of at most `size` crops or pictures."""
    is_uint8 = isinstance(faces, (np.ndarray, Tensor)) and faces.dtype in (np.dtype(np.uint8), torch.uint8)
    if is_uint8 and tuple(faces.shape[1:]) in ((SIDE, SIDE), (1, SIDE, SIDE)):
        crops = torch.from_numpy(faces.copy()) if isinstance(faces, np.ndarray) else faces
        yield from crops.reshape(-1, 1, SIDE, SIDE).split(size) if len(crops) else ()
        return
    for chunk in split_chunks(split_batch(faces)[0], size):
        yield torch.from_numpy(np.stack([read_one_face(photo) for photo in chunk]))[:, None]
