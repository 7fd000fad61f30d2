"""Batched augmentation and albumentations draw transforms from the same distribution."""

import sys

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from fer_zoo.data.augment import Augmentation, augment_batch, build_albumentations, mix_batch
from fer_zoo.data.dataset import FaceDataset, build_loader
from fer_zoo.data.fer2013 import Faces
from fer_zoo.errors import FerZooError

COUNT = 1500


def make_probe() -> np.ndarray:
    """Three blurred spots of different brightness, which determine flip, angle, scale and shift."""
    rows, columns = np.mgrid[0:48, 0:48]
    image = np.zeros((48, 48))
    for x, y, gray in ((24, 24, 250), (34, 24, 160), (24, 32, 90)):
        image += gray * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 6)
    return image.clip(0, 255).astype(np.uint8)


def measure_moments(images: np.ndarray) -> dict[str, np.ndarray]:
    """Position, spread and skewness of the gray in each image, in pixels; `light` in gray levels."""
    rows, columns = np.mgrid[0:48, 0:48]
    weight = images.astype(float) / images.sum((1, 2), keepdims=True, dtype=float)
    x, y = (weight * columns).sum((1, 2)), (weight * rows).sum((1, 2))
    dx, dy = columns - x[:, None, None], rows - y[:, None, None]
    return {
        "x": x,
        "y": y,
        "spread": np.sqrt((weight * (dx**2 + dy**2)).sum((1, 2))),
        "mixed": (weight * dx * dy).sum((1, 2)) / 2,
        "skew_x": np.cbrt((weight * dx**3).sum((1, 2))),
        "skew_y": np.cbrt((weight * dy**3).sum((1, 2))),
        "light": images.mean((1, 2)),
    }


def measure_distance(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance, after dithering that masks interpolation artifacts."""
    generator = np.random.default_rng(0)
    dither = [generator.normal(0, 0.25, COUNT) for _ in range(2)]
    return float(ks_2samp(ours + dither[0], theirs + dither[1]).statistic)


def draw_both(augmentation: Augmentation) -> tuple[np.ndarray, np.ndarray]:
    probe = make_probe()
    batch = torch.from_numpy(np.repeat(probe[None, None], COUNT, axis=0))
    batched = augment_batch(batch, augmentation, torch.Generator().manual_seed(1))[:, 0].numpy() * 255
    pipeline = build_albumentations(augmentation, seed=2)
    return batched, np.stack([pipeline(image=probe)["image"] for _ in range(COUNT)])


@pytest.mark.parametrize(
    "settings",
    [
        {"flip": 0.5},
        {"flip": 0, "rotate": 30},
        {"flip": 0, "scale": 0.2},
        {"flip": 0, "shift": 0.1},
        {"flip": 0, "crop": 40},
        {"flip": 0.5, "rotate": 15, "scale": 0.15, "shift": 0.1},
    ],
    ids=str,
)
def test_both_implementations_transform_alike(settings: dict[str, float]) -> None:
    """Two samples of 1,500 from one distribution differ by 0.06 in 1 % of cases; interpolation adds 0.03."""
    batched, single = draw_both(Augmentation(**settings))
    ours, theirs = measure_moments(batched), measure_moments(single)
    for name in ("x", "y", "spread", "mixed", "skew_x", "skew_y"):
        # albumentations truncates a shift to whole pixels, which alone causes a distance of 0.10.
        bound = 0.14 if name in "xy" and "shift" in settings else 0.1
        assert measure_distance(ours[name], theirs[name]) < bound, name


def test_both_implementations_change_brightness_alike() -> None:
    batched, single = draw_both(Augmentation(flip=0, brightness=0.2))
    ours, theirs = measure_moments(batched)["light"], measure_moments(single)["light"]
    assert ks_2samp(ours, theirs).pvalue > 1e-4
    assert np.ptp(ours) > 40


def test_both_implementations_change_contrast_alike() -> None:
    batched, single = draw_both(Augmentation(flip=0, contrast=0.3))
    ours, theirs = (images.std((1, 2)) for images in (batched, single))
    assert ks_2samp(ours, theirs).pvalue > 1e-4
    assert np.ptp(ours) > 0.3 * ours.mean()


def test_both_implementations_erase_alike() -> None:
    batched, single = draw_both(Augmentation(flip=0, erase=0.5))
    probe = make_probe()
    ours, theirs = ((np.abs(images - probe) > 2).mean((1, 2)) for images in (batched, single))
    assert (ours > 0).mean() == pytest.approx(0.5, abs=0.05)
    assert (theirs > 0).mean() == pytest.approx(0.5, abs=0.05)
    assert np.median(ours[ours > 0]) == pytest.approx(np.median(theirs[theirs > 0]), rel=0.15)


@pytest.mark.parametrize(
    ("one", "other", "moment"),
    [
        ({"rotate": 15}, {"rotate": 25}, "mixed"),
        ({"scale": 0.1}, {"scale": 0.2}, "spread"),
        ({"shift": 0.05}, {"shift": 0.1}, "x"),
        ({"flip": 0.3}, {"flip": 0.5}, "x"),
        ({"crop": 44}, {"crop": 40}, "spread"),
    ],
)
def test_the_comparison_detects_a_different_recipe(one: dict, other: dict, moment: str) -> None:
    """It distinguishes similar recipes across the two implementations."""
    batched, _ = draw_both(Augmentation(**{"flip": 0, **one}))
    _, single = draw_both(Augmentation(**{"flip": 0, **other}))
    assert measure_distance(measure_moments(batched)[moment], measure_moments(single)[moment]) > 0.14


def test_without_augmentation_nothing_changes() -> None:
    faces = torch.randint(0, 256, (5, 1, 48, 48), dtype=torch.uint8)
    off = Augmentation(flip=0)
    assert torch.equal(augment_batch(faces, off, torch.Generator()), faces.float() / 255)


def test_flip_is_the_mirror_image() -> None:
    faces = torch.randint(0, 256, (5, 1, 48, 48), dtype=torch.uint8)
    flipped = augment_batch(faces, Augmentation(flip=1), torch.Generator())
    torch.testing.assert_close(flipped, faces.flip(3).float() / 255, atol=1e-4, rtol=0)


def test_the_seed_determines_the_result() -> None:
    faces = torch.randint(0, 256, (8, 1, 48, 48), dtype=torch.uint8)
    recipe = Augmentation(rotate=15, scale=0.1, shift=0.1, crop=44, erase=0.5, contrast=0.2, brightness=0.1)
    first, again, other = (
        augment_batch(faces, recipe, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_lambda_is_the_weight_of_a_face(kind: str) -> None:
    """White and black faces: the mean gray of a mixed pair is the fraction of its white part."""
    faces = torch.cat([torch.ones(8, 1, 48, 48), torch.zeros(8, 1, 48, 48)])
    generator, cpu_generator = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    for _ in range(10):
        mixed, partner, lam = mix_batch(faces, Augmentation(**{kind: 0.8}), generator, cpu_generator)
        white = faces.mean((1, 2, 3))
        torch.testing.assert_close(mixed.mean((1, 2, 3)), lam * white + (1 - lam) * white[partner])


def test_dataset_and_loader_give_images_and_labels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 1, 48, 48), dtype=np.uint8)
    faces = Faces(pixels, np.arange(10) % 7)
    sample = FaceDataset(faces)[3]
    assert sample["image"].dtype == torch.uint8 and np.array_equal(sample["image"].numpy(), pixels[3])
    assert sample["label"] == 3
    batches = list(build_loader(faces, batch_size=4, augment=Augmentation(rotate=10), shuffle=True, seed=1))
    assert [batch["image"].shape for batch in batches] == [(4, 1, 48, 48), (4, 1, 48, 48), (2, 1, 48, 48)]
    assert sorted(torch.cat([batch["label"] for batch in batches]).tolist()) == sorted(faces.labels.tolist())


def test_a_loader_gives_soft_labels_as_they_are() -> None:
    soft = np.random.default_rng(0).dirichlet(np.ones(7), 10).astype(np.float32)
    faces = Faces(np.zeros((10, 1, 48, 48), dtype=np.uint8), soft)
    labels = torch.cat([batch["label"] for batch in build_loader(faces, batch_size=4)])
    assert labels.dtype == torch.float32 and np.array_equal(labels.numpy(), soft)


def test_a_missing_library_is_named_with_its_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "albumentations", None)
    with pytest.raises(FerZooError, match=r"needs albumentations.*pip install 'fer-zoo\[tutorial\]'"):
        build_albumentations(Augmentation())


def test_without_libgl_the_error_names_the_fix(monkeypatch, tmp_path) -> None:
    monkeypatch.delitem(sys.modules, "albumentations", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "albumentations.py").write_text("raise ImportError('libGL.so.1: cannot open')\n")
    with pytest.raises(FerZooError, match=r"libGL.*opencv-python-headless"):
        build_albumentations(Augmentation())
