"""Penultimate features, their t-SNE map, and how pure its neighborhoods are."""

import numpy as np
from numpy.typing import NDArray

from fer_zoo.artifacts.classifier import FaceClassifier
from fer_zoo.artifacts.embedding import embed_by_member

COMPONENTS = 30  # principal components that t-SNE reads
PERPLEXITY = 30.0


def extract_features(model: FaceClassifier, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Features (N, D) of uint8 faces (N, 1, 48, 48), whose distances are comparable within these faces.

    They are those of `FaceClassifier.embed`; each member of an ensemble is scaled to unit standard deviation.
    Raises FerZooError where the network does not end in a linear layer.
    """
    parts = embed_by_member(model, pixels)
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([part / max(float(part.std()), 1e-12) for part in parts], axis=1)


def tsne_map(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Coordinates (N, 2), within -1 to 1, at which faces with similar features (N, D) are neighbors.

    t-SNE (van der Maaten and Hinton 2008, Journal of Machine Learning Research 9) of the first 30 principal
    components, initialized with the first two. Only neighborhoods are meaningful: neither axes nor the
    distances between clusters are.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    count = min(COMPONENTS, *features.shape)
    components = PCA(count, random_state=0).fit_transform(features.astype(np.float64))
    # A perplexity is a number of neighbors: a third of the faces at most.
    perplexity = min(PERPLEXITY, max(1.0, (len(features) - 1) / 3))
    flat = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(components)
    flat = flat - flat.mean(axis=0)
    return flat / max(float(np.abs(flat).max()), 1e-12)


def knn_purity(coordinates: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Mean fraction of the ten nearest neighbors of each face that have its label: 0 to 1."""
    from sklearn.neighbors import NearestNeighbors

    count = min(10, len(coordinates) - 1)
    near = NearestNeighbors(n_neighbors=count).fit(coordinates).kneighbors(return_distance=False)
    return float((labels[near] == labels[:, None]).mean())
