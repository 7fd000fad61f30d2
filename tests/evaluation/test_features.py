"""The features are the input of the last layer, and the t-SNE map keeps neighbors together."""

import numpy as np
import pytest
import torch
from torch import nn

from fer_zoo.artifacts.classifier import FaceClassifier, Preprocessing, create_model
from fer_zoo.errors import FerZooError
from fer_zoo.evaluation.features import extract_features, knn_purity, tsne_map
from fer_zoo.models.ensemble import Ensemble
from fer_zoo.models.registry import ARCHITECTURES


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 1, 48, 48), dtype=np.uint8)


@pytest.mark.parametrize("name", ["cnn-baseline", "resnet_48", "vit_tiny"])
def test_the_last_layer_maps_features_to_logits(name: str, pixels: np.ndarray) -> None:
    assert name in ARCHITECTURES
    model = create_model(name).eval()
    features = torch.from_numpy(extract_features(model, pixels))
    last = [layer for layer in model.backbone.modules() if isinstance(layer, nn.Linear)][-1]
    with torch.no_grad():
        torch.testing.assert_close(last(features), model(torch.from_numpy(pixels)), rtol=1e-3, atol=1e-3)


def test_the_features_of_an_ensemble_are_concatenated(pixels: np.ndarray) -> None:
    members = [create_model("resnet_48").eval() for _ in range(2)]
    model = FaceClassifier(Ensemble(members, [1, 1]), Preprocessing(48, 0, 1), name="ensemble")
    width = extract_features(members[0], pixels).shape[1]
    assert extract_features(model, pixels).shape == (5, 2 * width)


def test_a_network_without_a_linear_layer_is_refused(pixels: np.ndarray) -> None:
    model = FaceClassifier(nn.Flatten(), Preprocessing(48, 0, 1), name="flat")
    with pytest.raises(FerZooError, match="no linear layer of 7 outputs"):
        extract_features(model, pixels)


def test_clusters_stay_together_on_the_map() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    features = generator.normal(size=(120, 20)) + 12 * generator.normal(size=(3, 20))[labels]
    coordinates = tsne_map(features.astype(np.float32))
    assert coordinates.shape == (120, 2)
    assert np.abs(coordinates).max() == pytest.approx(1)
    assert knn_purity(coordinates, labels) > 0.95
    assert knn_purity(coordinates, generator.permutation(labels)) < 0.6
