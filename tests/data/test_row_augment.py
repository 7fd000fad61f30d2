"""The tutorial's fault is what it is said to be: rows of 2,304 pixels are flipped and turned."""

import torch

from fer_zoo.data.augment import Augmentation
from fer_zoo.data.row_augment import augment_rows

FACES = torch.randint(0, 256, (64, 1, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_a_flip_turns_the_face_upside_down() -> None:
    rows = augment_rows(FACES, Augmentation(flip=1), torch.Generator().manual_seed(0))
    assert torch.allclose(rows, FACES.flip(2, 3) / 255, atol=1e-3)


def test_half_are_flipped_and_nothing_else_happens_without_rotation() -> None:
    rows = augment_rows(FACES, Augmentation(flip=0.5), torch.Generator().manual_seed(0))
    same = torch.isclose(rows, FACES / 255, atol=1e-3).all((1, 2, 3))
    assert 16 < same.sum() < 48


def test_a_rotation_moves_the_ends_of_the_row_and_keeps_its_middle() -> None:
    ramp = torch.linspace(0, 255, 48 * 48).round().to(torch.uint8).view(1, 1, 48, 48).expand(64, -1, -1, -1)
    moved = augment_rows(ramp, Augmentation(flip=0, rotate=10), torch.Generator().manual_seed(0)) - ramp / 255
    assert moved[:, 0, 24, 0].abs().max() < 0.002 < 0.005 < moved[:, 0, 0, 0].abs().max()
