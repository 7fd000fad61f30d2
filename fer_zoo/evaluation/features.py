"""Penultimate features, their t-SNE map, and how pure its neighborhoods are."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import FerZooError
from fer_zoo.evaluation.inference import predict_logits
from fer_zoo.models.ensemble import Ensemble

COMPONENTS = 30  # principal components that t-SNE reads
PERPLEXITY = 30.0


def extract_features(
    model: nn.Module, pixels: NDArray[np.uint8], device: str | torch.device = "cpu"
) -> NDArray[np.float32]:
    """Features (N, D) of uint8 faces (N, 1, 48, 48): the input of the last linear layer.

    An ensemble's features are its members', concatenated, each scaled to unit standard deviation.

    Args:
        model: a FaceClassifier on `device`.
        pixels: uint8 (N, 1, 48, 48).
        device: where the model is.

    Raises:
        FerZooError: the network does not end in a linear layer.
    """
    backbone = model.get_submodule("backbone")
    if isinstance(backbone, Ensemble):
        parts = [extract_features(member, pixels, device) for member in backbone.members]
        return np.concatenate([part / max(float(part.std()), 1e-12) for part in parts], axis=1)
    with _record_input(_find_last_layer(backbone)) as recorded:
        predict_logits(model, pixels, device=device)
    return torch.cat(recorded).numpy()


def tsne_map(features: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    """Coordinates (N, 2), within -1 to 1, at which faces with similar features (N, D) are neighbors.

    t-SNE (van der Maaten and Hinton 2008, Journal of Machine Learning Research 9) of the first 30 principal
    components, initialized with the first two. Only neighborhoods are meaningful: neither axes nor the
    distances between clusters are.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    count = min(COMPONENTS, *features.shape)
    components = PCA(count, random_state=seed).fit_transform(features.astype(np.float64))
    # A perplexity is a number of neighbors: a third of the faces at most.
    perplexity = min(PERPLEXITY, max(1.0, (len(features) - 1) / 3))
    flat = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(components)
    flat = flat - flat.mean(axis=0)
    return flat / max(float(np.abs(flat).max()), 1e-12)


def knn_purity(coordinates: NDArray[np.floating], labels: NDArray[np.int64], count: int = 10) -> float:
    """Mean fraction of the `count` nearest neighbors of each face that have its label: 0 to 1."""
    from sklearn.neighbors import NearestNeighbors

    count = min(count, len(coordinates) - 1)
    near = NearestNeighbors(n_neighbors=count).fit(coordinates).kneighbors(return_distance=False)
    return float((labels[near] == labels[:, None]).mean())


def _find_last_layer(network: nn.Module) -> nn.Module:
    layers = [
        layer
        for layer in network.modules()
        if isinstance(layer, nn.Linear) and layer.out_features == len(EMOTIONS)
    ]
    if not layers:
        raise FerZooError(
            f"{type(network).__name__} has no linear layer of {len(EMOTIONS)} outputs, so it has no map."
        )
    return layers[-1]


@contextmanager
def _record_input(layer: nn.Module) -> Iterator[list[Tensor]]:
    recorded: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: recorded.append(inputs[0].float().cpu()))
    try:
        yield recorded
    finally:
        hook.remove()
