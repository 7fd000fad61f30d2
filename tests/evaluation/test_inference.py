"""Test-time augmentation: the inputs of the model, the mean of its outputs, and training flags."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fer_zoo.errors import UnknownNameError
from fer_zoo.evaluation.inference import TTA_MODES, predict_logits, predict_probabilities


class SmallNet(nn.Module):
    """A network with dropout, batch normalization and no symmetry."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=4), nn.BatchNorm2d(8), nn.Flatten(), nn.Dropout(0.5), nn.LazyLinear(7)
        )

    def forward(self, faces: Tensor) -> Tensor:
        return self.layers(faces.float() / 255)


@pytest.fixture
def network() -> SmallNet:
    torch.manual_seed(0)
    network = SmallNet()
    network(torch.zeros(2, 1, 48, 48, dtype=torch.uint8))
    return network.eval()


@pytest.fixture
def faces() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(10, 1, 48, 48), dtype=np.uint8)


def test_without_tta_the_output_is_the_models_own(network: SmallNet, faces: np.ndarray) -> None:
    logits = predict_logits(network, faces)
    assert logits.dtype == torch.float32 and logits.shape == (10, 7) and not logits.requires_grad
    torch.testing.assert_close(logits, network(torch.from_numpy(faces)).detach())


def test_probabilities_are_the_softmax_in_double_precision(network: SmallNet, faces: np.ndarray) -> None:
    probabilities = predict_probabilities(network, faces, tta="flip", batch_size=4)
    logits = predict_logits(network, faces, tta="flip").double().numpy()
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities, np.exp(logits) / np.exp(logits).sum(1, keepdims=True))


@pytest.mark.parametrize("tta", TTA_MODES)
def test_batches_tensors_and_arrays_agree(network: SmallNet, faces: np.ndarray, tta: str) -> None:
    whole = predict_logits(network, faces, tta=tta)
    torch.testing.assert_close(predict_logits(network, torch.from_numpy(faces), tta=tta, batch_size=3), whole)
    faces.setflags(write=False)
    torch.testing.assert_close(predict_logits(network, faces, tta=tta, batch_size=4), whole)


@pytest.mark.parametrize("tta", ["flip", "tencrop"])
def test_mirrored_faces_have_the_same_output(network: SmallNet, faces: np.ndarray, tta: str) -> None:
    mirrored = np.ascontiguousarray(faces[..., ::-1])
    torch.testing.assert_close(
        predict_logits(network, mirrored, tta=tta), predict_logits(network, faces, tta=tta)
    )
    assert not torch.allclose(predict_logits(network, mirrored), predict_logits(network, faces))


def test_tta_averages_probabilities(network: SmallNet, faces: np.ndarray) -> None:
    plain, mirrored = predict_logits(network, faces), predict_logits(network, faces[..., ::-1])
    averaged = predict_logits(network, faces, tta="flip")
    torch.testing.assert_close(averaged.exp(), (plain.softmax(1) + mirrored.softmax(1)) / 2)
    torch.testing.assert_close(averaged.softmax(1), averaged.exp())


@pytest.mark.parametrize("tta", TTA_MODES)
def test_tta_does_not_change_a_constant_face(network: SmallNet, tta: str) -> None:
    face = np.full((2, 1, 48, 48), 137, dtype=np.uint8)
    torch.testing.assert_close(
        predict_logits(network, face, tta=tta).softmax(1), predict_logits(network, face).softmax(1)
    )


def record_inputs(tta: str, face: np.ndarray) -> Tensor:
    """The inputs (V, 1, 48, 48) of the model for one face."""
    inputs: list[Tensor] = []

    def record(faces: Tensor) -> Tensor:
        inputs.append(faces)
        return torch.zeros(len(faces), 7)

    predict_logits(record, face, tta=tta)
    return torch.cat(inputs)


@pytest.mark.parametrize(("tta", "count"), [("none", 1), ("flip", 2), ("tencrop", 10)])
def test_augmented_faces_are_uint8_and_distinct(faces: np.ndarray, tta: str, count: int) -> None:
    inputs = record_inputs(tta, faces[:1])
    assert inputs.dtype == torch.uint8 and inputs.shape == (count, 1, 48, 48)
    assert len(inputs.unique(dim=0)) == count
    mirrored = {one.flip(-1).numpy().tobytes() for one in inputs}
    assert tta == "none" or mirrored == {one.contiguous().numpy().tobytes() for one in inputs}


def test_tencrop_covers_corners_and_center() -> None:
    """A dot in a corner is in its crop and in that of the mirror image, a dot in the center in all."""
    corner, center = np.zeros((2, 1, 1, 48, 48), dtype=np.uint8)
    corner[..., 1, 1] = 255
    center[..., 24, 24] = 255
    assert [bool(crop.any()) for crop in record_inputs("tencrop", corner)].count(True) == 2
    assert all(crop.any() for crop in record_inputs("tencrop", center))


def test_first_crop_is_44_pixels_of_the_top_left_corner(faces: np.ndarray) -> None:
    crop = torch.from_numpy(faces[:1, :, :44, :44]).float()
    expected = functional.interpolate(crop, size=(48, 48), mode="bilinear").round()
    assert (record_inputs("tencrop", faces[:1])[0] - expected[0]).abs().max() <= 1  # rounding of halves


def test_training_flags_are_restored(network: SmallNet, faces: np.ndarray) -> None:
    network.train()
    network.layers[1].eval()  # a frozen batch normalization
    statistics = network.layers[1].running_mean.clone()
    torch.testing.assert_close(predict_logits(network, faces), predict_logits(network, faces))  # no dropout
    assert network.training and network.layers[3].training and not network.layers[1].training
    torch.testing.assert_close(network.layers[1].running_mean, statistics, rtol=0, atol=0)


def test_training_flags_are_restored_after_an_error(network: SmallNet, faces: np.ndarray) -> None:
    def fail(done: int, total: int) -> None:
        raise KeyboardInterrupt

    network.train()
    with pytest.raises(KeyboardInterrupt):
        predict_logits(network, faces, progress=fail)
    assert network.training and network.layers[3].training


def test_progress_counts_faces(network: SmallNet, faces: np.ndarray) -> None:
    calls: list[tuple[int, int]] = []
    predict_logits(network, faces, batch_size=4, progress=lambda *call: calls.append(call))
    assert calls == [(4, 10), (8, 10), (10, 10)]


def test_unknown_tta_names_the_nearest(network: SmallNet, faces: np.ndarray) -> None:
    with pytest.raises(
        UnknownNameError, match=r"'ten_crop'\. Did you mean 'tencrop'\? Known: flip, none, tencrop"
    ):
        predict_logits(network, faces, tta="ten_crop")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: f / 255,
        lambda f: f[:, 0],
        lambda f: f[..., :47],
        lambda f: f[:0],
        lambda f: torch.ones(3, 1, 48, 48),
    ],
)
def test_other_shapes_and_dtypes_are_refused(
    network: SmallNet, faces: np.ndarray, spoil: Callable[[np.ndarray], np.ndarray]
) -> None:
    with pytest.raises(ValueError, match=r"allowed is uint8 \(N, 1, 48, 48\)"):
        predict_logits(network, spoil(faces))
