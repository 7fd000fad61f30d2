"""The features are the input of the last layer, and the t-SNE map keeps neighbors together."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fer_zoo.artifacts.classifier import FaceClassifier, Preprocessing, create_model
from fer_zoo.errors import FerZooError
from fer_zoo.evaluation.features import extract_features, knn_purity, tsne_map
from fer_zoo.models.ensemble import Ensemble
from fer_zoo.models.registry import ARCHITECTURES


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 1, 48, 48), dtype=np.uint8)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_last_layer_maps_features_to_logits(name: str, pixels: np.ndarray) -> None:
    model = create_model(name).eval()
    features = torch.from_numpy(model.embed(pixels))
    assert features.dtype == torch.float32
    last = [layer for layer in model.backbone.modules() if isinstance(layer, nn.Linear)][-1]
    with torch.no_grad():
        torch.testing.assert_close(last(features), model(torch.from_numpy(pixels)), rtol=1e-3, atol=1e-3)


def test_a_face_has_one_embedding_in_every_form_and_batch(pixels: np.ndarray) -> None:
    model = create_model("resnet_48").train()
    expected = model.embed(pixels)
    assert model.training and not model.backbone._forward_hooks
    pictures = (Image.fromarray(face[0]) for face in pixels)
    for faces in (pixels[:, 0], torch.from_numpy(pixels), pictures):
        np.testing.assert_array_equal(model.embed(faces), expected)
    np.testing.assert_allclose(model.embed(pixels, batch_size=2), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.embed(pixels[3, 0]), expected[3:4], rtol=1e-4, atol=1e-5)
    assert model.embed([]).shape == (0, expected.shape[1])
    floating = torch.from_numpy(pixels).float() / 255
    np.testing.assert_allclose(model.embed(floating), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(FerZooError, match="float64"):
        model.embed(pixels / 255)


def test_the_features_of_an_ensemble_are_concatenated(pixels: np.ndarray) -> None:
    members = [create_model("resnet_48").eval() for _ in range(2)]
    model = FaceClassifier(Ensemble(members, [1, 1]), Preprocessing(48, 0, 1), name="ensemble")
    expected = [member.embed(pixels) for member in members]
    np.testing.assert_allclose(model.embed(pixels), np.concatenate(expected, axis=1), rtol=1e-5, atol=1e-6)
    scaled = extract_features(model, pixels)
    width = expected[0].shape[1]
    assert scaled[:, :width].std() == pytest.approx(1) and scaled[:, width:].std() == pytest.approx(1)


def test_a_network_without_a_linear_layer_is_refused(pixels: np.ndarray) -> None:
    model = FaceClassifier(nn.Conv2d(1, 1, 1), Preprocessing(48, 0, 1), name="flat")
    with pytest.raises(FerZooError, match="no linear layer of 7 outputs"):
        model.embed(pixels)


def test_clusters_stay_together_on_the_map() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    features = generator.normal(size=(120, 20)) + 12 * generator.normal(size=(3, 20))[labels]
    coordinates = tsne_map(features.astype(np.float32))
    assert coordinates.shape == (120, 2)
    assert np.abs(coordinates).max() == pytest.approx(1)
    assert knn_purity(coordinates, labels) > 0.95
    assert knn_purity(coordinates, generator.permutation(labels)) < 0.6
