"""Synthetic faces are distinguishable by their geometry alone."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from fer_zoo.data.fer2013 import read_fer2013
from fer_zoo.data.synthetic import draw_faces, write_synthetic


def test_seed_determines_the_faces() -> None:
    first, again, other = (draw_faces(21, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first.pixels.shape == (21, 1, 48, 48) and first.pixels.dtype == np.uint8
    assert np.array_equal(first.pixels, again.pixels) and np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.pixels, other.pixels)
    assert np.bincount(first.labels).tolist() == [3] * 7


def test_csv_is_read_as_fer2013(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "drawn.csv", count=50, seed=3)
    dataset = read_fer2013(tmp_path / "drawn.csv")
    drawn = draw_faces(50, np.random.default_rng(3))
    assert [len(dataset.split(name)) for name in ("train", "public", "private")] == [40, 5, 5]
    assert np.array_equal(dataset.training.pixels, drawn.pixels[:40])
    assert np.array_equal(dataset.private_test.labels, drawn.labels[45:])


def test_small_net_learns_faces_and_not_their_shuffled_pixels() -> None:
    """Each face's pixels are shuffled by its own permutation; chance level is .14 for 7 classes."""
    faces = draw_faces(1400, np.random.default_rng(1))
    pixels = (faces.pixels.reshape(1400, -1).astype(np.float32) - 128) / 64
    shuffled = np.random.default_rng(0).permuted(pixels, axis=1)
    labels = torch.from_numpy(faces.labels)
    assert held_out_accuracy(torch.from_numpy(pixels), labels) > 0.9
    assert held_out_accuracy(torch.from_numpy(shuffled), labels) < 0.4


def held_out_accuracy(
    pixels: torch.Tensor, labels: torch.Tensor, held_out: int = 300, epochs: int = 6
) -> float:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for width_in, width_out in ((1, 12), (12, 24), (24, 48)):
        layers += [nn.Conv2d(width_in, width_out, 3, padding=1), nn.BatchNorm2d(width_out)]
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(48 * 36, 7))
    faces = pixels.view(-1, 1, 48, 48)
    count = len(faces) - held_out
    optimizer = torch.optim.AdamW(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 4e-3, epochs=epochs, steps_per_epoch=-(-count // 50)
    )
    for _ in range(epochs):
        for batch in torch.randperm(count).split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(faces[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        return (net(faces[count:]).argmax(1) == labels[count:]).float().mean().item()
