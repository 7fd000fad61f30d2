"""Hard cuts are found, and what moves, pans, zooms or is lit is none."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from fer_zoo.recognition.cuts import CutDetector, correlate


def draw_scene(seed: int) -> Image.Image:
    """A background of soft patches in a color range of its own, 1600x960."""
    generator = np.random.default_rng(seed)
    patches = generator.normal(generator.uniform(60, 190, 3), 35, (10, 16, 3)).clip(0, 255)
    return Image.fromarray(patches.astype(np.uint8)).resize((1600, 960), Image.Resampling.BICUBIC)


def look(scene: Image.Image, x: int = 0, zoom: int = 0, light: float = 1.0) -> np.ndarray:
    """640x360 pixels of it, with the noise of a sensor."""
    view = scene.crop((x + zoom, zoom, x + 640 - zoom, 360 - zoom)).resize((640, 360))
    pixels = np.asarray(ImageEnhance.Brightness(view).enhance(light), dtype=float)
    return (pixels + np.random.default_rng(x + zoom).normal(0, 4, pixels.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(8))
def test_a_cut_to_another_scene_is_found_once(seed: int) -> None:
    one, other, detector = draw_scene(seed), draw_scene(100 + seed), CutDetector()
    assert [detector.is_cut(look(one if i < 3 else other, x=4 * i)) for i in range(6)] == [False] * 3 + [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "move",
    [
        lambda i: {"x": 20 * i},
        lambda i: {"x": 90 * i},
        lambda i: {"zoom": 12 * i},
        lambda i: {"light": 0.5 if i > 2 else 1.0},
        lambda i: {"light": 1.3 if i == 3 else 1.0},
    ],
    ids=["slow pan", "fast pan", "zoom", "lamp", "flash"],
)
def test_a_camera_that_moves_and_light_that_changes_are_no_cut(
    move: Callable[[int], dict[str, float]],
) -> None:
    for seed in range(8):
        scene, detector = draw_scene(seed), CutDetector()
        assert not any(detector.is_cut(look(scene, **move(i))) for i in range(6))


def test_correlation_ignores_brightness_and_knows_a_single_gray() -> None:
    face = np.random.default_rng(0).normal(100, 30, (48, 48))
    assert correlate(face, 0.5 * face + 40) == pytest.approx(1)
    assert correlate(face, np.full((48, 48), 7.0)) == 1
