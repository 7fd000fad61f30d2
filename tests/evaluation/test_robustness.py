"""Corruptions change nothing at their clean level, and degrade a model that reads fine patterns."""

import numpy as np
import pytest
import torch
from torch import Tensor

from fer_zoo.data.fer2013 import Faces
from fer_zoo.evaluation.robustness import CORRUPTIONS, choose_sample, measure_robustness


@pytest.fixture(scope="module")
def patterns() -> np.ndarray:
    """Seven patterns (7, 48, 48) of single pixels, -1 or 1."""
    return np.random.default_rng(0).choice([-1.0, 1.0], (7, 48, 48))


@pytest.fixture(scope="module")
def faces(patterns: np.ndarray) -> Faces:
    """A faint pattern for each emotion under strong noise: a model of the patterns is nearly always right."""
    labels = np.arange(140) % 7
    noise = np.random.default_rng(1).normal(0, 30, (140, 48, 48))
    pixels = (128 + 4 * patterns[labels] + noise).clip(0, 255).round().astype(np.uint8)
    return Faces(pixels[:, None], labels.astype(np.int64))


@pytest.fixture(scope="module")
def model(patterns: np.ndarray):
    templates = torch.from_numpy(patterns).float().flatten(1)

    def classify(faces: Tensor) -> Tensor:
        return (faces.float() - 128).flatten(1) @ templates.T

    return classify


@pytest.fixture(scope="module")
def measured(model, faces: Faces):
    steps: list[tuple[int, int]] = []
    result = measure_robustness(model, faces, progress=lambda done, total: steps.append((done, total)))
    assert steps[-1][0] == steps[-1][1]  # the bar ends full
    return result


@pytest.mark.parametrize("name", ["blur", "noise", "rotation", "shift", "resolution"])
def test_the_curve_starts_at_the_clean_accuracy_and_falls(measured, name: str) -> None:
    accuracy = measured["curves"][name]["accuracy"]
    assert accuracy[0] == measured["clean"] > 0.95
    assert accuracy[-1] < 0.95


def test_a_square_covers_a_part_of_each_face(faces: Faces) -> None:
    pixels = torch.from_numpy(faces.pixels)
    covered = CORRUPTIONS["occlusion"].corrupt(pixels, 12, torch.Generator().manual_seed(0))
    changed = (covered != pixels).flatten(1).sum(1)
    assert changed.max() <= 12 * 12
    assert changed.min() > 120  # a few pixels were of the mean gray before
    assert len({tuple(one.nonzero()[0].tolist()) for one in (covered != pixels)}) > 50  # not one position


def test_brightness_stops_at_black_and_white() -> None:
    face = torch.tensor([0, 100, 250], dtype=torch.uint8).repeat(1, 1, 48, 16)
    for level, expected in ((40, [40, 140, 255]), (-120, [0, 0, 130])):
        changed = CORRUPTIONS["brightness"].corrupt(face, level, torch.Generator())
        assert changed[0, 0, 0, :3].tolist() == expected


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_level_keeps_shape_and_dtype(name: str, faces: Faces) -> None:
    row, pixels = CORRUPTIONS[name], torch.from_numpy(faces.pixels[:4])
    before = pixels.clone()
    for level in row.levels:
        if level != row.clean:
            changed = row.corrupt(pixels, level, torch.Generator().manual_seed(0))
            assert (changed.dtype, changed.shape) == (torch.uint8, pixels.shape)
            assert not torch.equal(changed, pixels)
    assert torch.equal(pixels, before)


def test_half_of_the_faces_turn_each_way() -> None:
    face = torch.zeros(2, 1, 48, 48, dtype=torch.uint8)
    face[:, :, 4:10, 20:28] = 255  # a bar above the center
    left, right = CORRUPTIONS["rotation"].corrupt(face, 45, torch.Generator())
    middle = torch.arange(48.0) - 23.5
    sides = [float((one[0].float().sum(0) * middle).sum()) for one in (left, right)]
    assert sides[0] * sides[1] < 0


def test_the_sample_is_bounded_and_always_the_same() -> None:
    assert len(choose_sample(1000, 600)) == 600
    assert choose_sample(1000, 600).tolist() == choose_sample(1000, 600).tolist()
    assert choose_sample(5, 600).tolist() == [0, 1, 2, 3, 4]
