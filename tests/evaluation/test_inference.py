"""Test-time views: what they show the model, how they are averaged, and what they leave as it was."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fer_zoo.errors import UnknownNameError
from fer_zoo.evaluation.inference import VIEWS, predict_logits


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


def test_single_view_is_the_model_itself(network: SmallNet, faces: np.ndarray) -> None:
    logits = predict_logits(network, faces)
    assert logits.dtype == torch.float32 and logits.shape == (10, 7) and not logits.requires_grad
    torch.testing.assert_close(logits, network(torch.from_numpy(faces)).detach())


@pytest.mark.parametrize("tta", VIEWS)
def test_batches_tensors_and_arrays_agree(network: SmallNet, faces: np.ndarray, tta: str) -> None:
    whole = predict_logits(network, faces, tta=tta)
    torch.testing.assert_close(predict_logits(network, torch.from_numpy(faces), tta=tta, batch_size=3), whole)
    faces.setflags(write=False)
    torch.testing.assert_close(predict_logits(network, faces, tta=tta, batch_size=4), whole)


@pytest.mark.parametrize("tta", ["flip", "tencrop"])
def test_mirrored_faces_score_the_same(network: SmallNet, faces: np.ndarray, tta: str) -> None:
    mirrored = np.ascontiguousarray(faces[..., ::-1])
    torch.testing.assert_close(
        predict_logits(network, mirrored, tta=tta), predict_logits(network, faces, tta=tta)
    )
    assert not torch.allclose(predict_logits(network, mirrored), predict_logits(network, faces))


def test_views_are_averaged_as_probabilities(network: SmallNet, faces: np.ndarray) -> None:
    plain, mirrored = predict_logits(network, faces), predict_logits(network, faces[..., ::-1])
    averaged = predict_logits(network, faces, tta="flip")
    torch.testing.assert_close(averaged.exp(), (plain.softmax(1) + mirrored.softmax(1)) / 2)
    torch.testing.assert_close(averaged.softmax(1), averaged.exp())


@pytest.mark.parametrize("tta", VIEWS)
def test_a_constant_face_looks_the_same_from_all_views(network: SmallNet, tta: str) -> None:
    face = np.full((2, 1, 48, 48), 137, dtype=np.uint8)
    torch.testing.assert_close(
        predict_logits(network, face, tta=tta).softmax(1), predict_logits(network, face).softmax(1)
    )


def see_views(tta: str, face: np.ndarray) -> Tensor:
    """The views (V, 1, 48, 48) of one face as the model gets them."""
    seen: list[Tensor] = []

    def watch(faces: Tensor) -> Tensor:
        seen.append(faces)
        return torch.zeros(len(faces), 7)

    predict_logits(watch, face, tta=tta)
    return torch.cat(seen)


@pytest.mark.parametrize(("tta", "count"), [("none", 1), ("flip", 2), ("tencrop", 10)])
def test_views_keep_the_contract(faces: np.ndarray, tta: str, count: int) -> None:
    views = see_views(tta, faces[:1])
    assert views.dtype == torch.uint8 and views.shape == (count, 1, 48, 48)
    assert len(views.unique(dim=0)) == count
    mirrored = {view.flip(-1).numpy().tobytes() for view in views}
    assert tta == "none" or mirrored == {view.contiguous().numpy().tobytes() for view in views}


def test_tencrop_sees_corners_and_centre() -> None:
    """A dot in a corner is seen by its crop and by that of the mirror image, a dot in the centre by all."""
    corner, centre = np.zeros((2, 1, 1, 48, 48), dtype=np.uint8)
    corner[..., 1, 1] = 255
    centre[..., 24, 24] = 255
    assert [bool(view.any()) for view in see_views("tencrop", corner)].count(True) == 2
    assert all(view.any() for view in see_views("tencrop", centre))


def test_first_crop_is_44_pixels_of_the_top_left_corner(faces: np.ndarray) -> None:
    crop = torch.from_numpy(faces[:1, :, :44, :44]).float()
    expected = functional.interpolate(crop, size=(48, 48), mode="bilinear").round()
    assert (see_views("tencrop", faces[:1])[0] - expected[0]).abs().max() <= 1  # rounding of halves


def test_training_flags_are_put_back(network: SmallNet, faces: np.ndarray) -> None:
    network.train()
    network.layers[1].eval()  # a frozen batch normalization
    statistics = network.layers[1].running_mean.clone()
    torch.testing.assert_close(predict_logits(network, faces), predict_logits(network, faces))  # no dropout
    assert network.training and network.layers[3].training and not network.layers[1].training
    torch.testing.assert_close(network.layers[1].running_mean, statistics, rtol=0, atol=0)


def test_training_flags_are_put_back_after_an_error(network: SmallNet, faces: np.ndarray) -> None:
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


def test_unknown_view_names_the_nearest(network: SmallNet, faces: np.ndarray) -> None:
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
