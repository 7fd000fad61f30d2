"""The colors of the emotions, measured: told apart by everybody, seen on light and on dark."""

import numpy as np
import pytest

from fer_zoo.emotions import COLORS, EMOTIONS

LIGHT, DARK = "#FFFFFF", "#1C1917"  # the demo's backgrounds; its dark one is darker still
CONTRAST = 3.0  # WCAG 2.2, 1.4.11: of graphics against what is beside them
APART = 20.0  # CIELAB distance (CIE 1976); 2.3 is just noticeable

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "no red cones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green cones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue cones": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(  # sRGB, IEC 61966-2-1
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def read_linear(color: str) -> np.ndarray:
    """Linear RGB (3,) of "#RRGGBB"."""
    encoded = np.frombuffer(bytes.fromhex(color[1:]), np.uint8) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def find_lab(linear: np.ndarray) -> np.ndarray:
    """CIELAB (N, 3), white D65, of linear RGB (N, 3)."""
    x, y, z = np.cbrt(np.clip(linear, 0, 1) @ TO_XYZ.T / [0.95047, 1, 1.08883]).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("background", [LIGHT, DARK])
@pytest.mark.parametrize("emotion", EMOTIONS)
def test_colour_is_seen_on_its_background(emotion: str, background: str) -> None:
    pair = [float(TO_XYZ[1] @ read_linear(color)) for color in (COLORS[emotion], background)]
    assert (max(pair) + 0.05) / (min(pair) + 0.05) >= CONTRAST


@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart(vision: str) -> None:
    lab = find_lab(np.stack([read_linear(color) for color in COLORS.values()]) @ VISION[vision].T)
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    assert distances[np.triu_indices(len(EMOTIONS), 1)].min() >= APART
