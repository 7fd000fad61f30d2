"""Other libraries' implementations of the same formulas give the same numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import fer_zoo
from fer_zoo.data.synthetic import draw_faces
from fer_zoo.emotions import EMOTIONS
from fer_zoo.evaluation.calibration import expected_calibration_error, fit_temperature
from fer_zoo.recognition.saliency import explain


@pytest.fixture(scope="module")
def scored() -> tuple[np.ndarray, np.ndarray]:
    """Overconfident logits (N, 7), and labels."""
    generator = np.random.default_rng(0)
    logits = generator.normal(scale=2, size=(4000, 7))
    return 1.7 * logits, (logits + generator.gumbel(size=logits.shape)).argmax(1)


def test_temperature_is_scikit_learns(scored: tuple[np.ndarray, np.ndarray]) -> None:
    pytest.importorskip("sklearn", minversion="1.8", reason="scikit-learn has no temperature scaling")
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    class Scored(ClassifierMixin, BaseEstimator):
        def fit(self, logits: np.ndarray, labels: np.ndarray) -> "Scored":
            self.classes_ = np.unique(labels)
            return self

        def decision_function(self, logits: np.ndarray) -> np.ndarray:
            return logits

        def predict(self, logits: np.ndarray) -> np.ndarray:
            return logits.argmax(1)

    logits, labels = scored
    fixed = FrozenEstimator(Scored().fit(logits, labels))
    theirs = CalibratedClassifierCV(fixed, method="temperature").fit(logits, labels)
    ours = torch.from_numpy(logits / fit_temperature(logits, labels)).softmax(1)
    np.testing.assert_allclose(ours, theirs.predict_proba(logits), atol=2e-4)


def test_calibration_error_is_torchmetrics(scored: tuple[np.ndarray, np.ndarray]) -> None:
    functional = pytest.importorskip(
        "torchmetrics.functional.classification", reason="torchmetrics is not installed"
    )
    logits, labels = scored
    probabilities = torch.from_numpy(logits).softmax(1)
    theirs = functional.multiclass_calibration_error(
        probabilities, torch.from_numpy(labels), num_classes=7, n_bins=15, norm="l1"
    )
    assert expected_calibration_error(probabilities, labels) == pytest.approx(float(theirs), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "find_layer"),
    [
        ("cnn-baseline", lambda network: network.features[1][5]),
        ("resnet_48", lambda network: network.features[1]),
        ("efficientnet_lite0", lambda network: network.blocks[2][0].bn1),
    ],
    ids=["dense part", "residual", "average pool"],
)
def test_saliency_is_grad_cams(name: str, find_layer: Callable[[Any], nn.Module]) -> None:
    cams = pytest.importorskip("pytorch_grad_cam", reason="grad-cam is not installed")
    model = fer_zoo.load(name)
    faces = torch.from_numpy(draw_faces(7, np.random.default_rng(0)).pixels)
    targets = list(range(len(EMOTIONS)))
    centered = [lambda logits, target=target: (logits - logits.mean())[target] for target in targets]
    with cams.HiResCAM(model=model.backbone, target_layers=[find_layer(model.backbone)]) as cam:
        maps = cam(input_tensor=model.preprocessing(faces), targets=centered)
    size = (48, 48)
    theirs = nn.functional.interpolate(torch.from_numpy(maps)[:, None], size, mode="bilinear")[:, 0]
    for ours, other in zip(explain(model, faces, targets), theirs, strict=True):
        np.testing.assert_allclose(spread(ours), spread(other), atol=0.05)


def spread(heat: torch.Tensor) -> torch.Tensor:
    """From 0 to 1: grad-cam subtracts the minimum, fer_zoo does not."""
    return (heat - heat.min()) / (heat.max() - heat.min())
