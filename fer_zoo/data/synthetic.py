"""Synthetic face drawings: a substitute for FER2013 without a download, for tests and a first run.

Brows, eyes, mouth and folds depend on the emotion; face shape, pose, skin, hair, light and noise do not.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fer_zoo.data.fer2013 import Faces
from fer_zoo.data.labels_and_splits import USAGES
from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.utils.files import write_atomically

OVERSAMPLING = 4  # drawn at 192x192, then averaged, for smooth edges


class Expression(NamedTuple):
    """Parameters of an expression. Lengths are in half face heights; heights are positive upward."""

    brow_inner: float = 0.0  # height of the brow's inner end relative to neutral
    brow_outer: float = 0.0
    eye_open: float = 1.0  # 1 is neutral
    mouth_curve: float = 0.0  # height of the corners relative to the middle
    mouth_open: float = 0.02
    mouth_width: float = 0.32  # half width
    lip_raise: float = 0.0  # of the upper lip on one side
    folds: float = 0.0  # 0 to 1: lines from the nose to the corners of the mouth
    wrinkles: float = 0.0  # 0 to 1: lines at the root of the nose
    teeth: float = 0.0  # 0 to 1: fraction of the open mouth


# Values in the order of the fields above.
EXPRESSIONS = {
    "angry": Expression(-0.17, 0.08, 0.75, -0.07, 0.13, 0.29, 0.0, 0.0, 0.0, 1.0),
    "disgust": Expression(-0.1, -0.04, 0.4, -0.04, 0.02, 0.32, 0.17, 1.0, 1.0, 0.0),
    "fear": Expression(0.2, 0.0, 1.55, -0.06, 0.17, 0.38, 0.0, 0.0, 0.0, 0.4),
    "happy": Expression(0.03, 0.03, 0.65, 0.2, 0.15, 0.46, 0.0, 0.7, 0.0, 0.7),
    "sad": Expression(0.15, -0.12, 0.6, -0.16, 0.02, 0.3, 0.0, 0.0, 0.0, 0.0),
    "surprise": Expression(0.2, 0.2, 1.55, 0.0, 0.34, 0.19, 0.0, 0.0, 0.0, 0.0),
    "neutral": Expression(),
}
# Standard deviations of the random variation of each value.
JITTER = Expression(0.02, 0.02, 0.07, 0.015, 0.01, 0.02, 0.01, 0.05, 0.05, 0.1)


def draw_faces(count: int, generator: np.random.Generator) -> Faces:
    """Draw `count` faces with balanced labels (class counts differ by at most one)."""
    labels = generator.permutation(np.arange(count) % len(EMOTIONS)).astype(np.int64)
    drawn = np.zeros((count, SIDE, SIDE), dtype=np.float32)
    for index, label in enumerate(labels):
        drawn[index] = _draw_face(EXPRESSIONS[EMOTIONS[label]], generator)
    return Faces(_light(drawn, generator)[:, None], labels)


def write_synthetic(path: str | Path, count: int = 2000, seed: int = 0) -> None:
    """Write drawn faces as the challenge's CSV: 80 % Training, 10 % PublicTest, 10 % PrivateTest."""
    faces = draw_faces(count, np.random.default_rng(seed))

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="ascii", newline="\n") as file:
            file.write("emotion,pixels,Usage\n")
            for index, (pixels, label) in enumerate(zip(faces.pixels, faces.labels, strict=True)):
                usage = USAGES[max(0, 10 * index // count - 7)]
                file.write(f"{label},{' '.join(map(str, pixels.ravel().tolist()))},{usage}\n")

    write_atomically(Path(path), write)


def _vary(expression: Expression, generator: np.random.Generator) -> Expression:
    """The same emotion with random intensity and jitter."""
    neutral = np.array(Expression())
    intensity = generator.uniform(0.75, 1.15)
    varied = neutral + intensity * (np.array(expression) - neutral) + generator.normal(0, JITTER)
    return Expression(*varied.tolist())


class _Pen:
    """Draws in face coordinates: the face's center is (0, 0), its half height 1, y points down."""

    def __init__(self, background: float, generator: np.random.Generator) -> None:
        from PIL import Image, ImageDraw

        side = SIDE * OVERSAMPLING
        self.image = Image.new("L", (side, side), int(background))
        self.draw = ImageDraw.Draw(self.image)
        angle = np.deg2rad(generator.uniform(-12, 12))
        self.scale = side * generator.uniform(0.44, 0.56)
        self.rotation = self.scale * np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        self.center = side * (0.5 + generator.uniform(-0.06, 0.06, size=2))

    def _to_pixels(self, x: Any, y: Any) -> list[tuple[float, ...]]:
        points = np.stack(np.broadcast_arrays(x, y), axis=-1) @ self.rotation.T + self.center
        return [tuple(point) for point in points.tolist()]

    def fill(self, x: Any, y: Any, shade: float) -> None:
        self.draw.polygon(self._to_pixels(x, y), fill=int(np.clip(shade, 0, 255)))

    def line(self, x: Any, y: Any, shade: float, width: float) -> None:
        thickness = max(1, round(width * self.scale))
        self.draw.line(
            self._to_pixels(x, y), fill=int(np.clip(shade, 0, 255)), width=thickness, joint="curve"
        )

    def ellipse(self, x: float, y: float, half_width: float, half_height: float, shade: float) -> None:
        self.fill(x + half_width * np.cos(_ANGLES), y + half_height * np.sin(_ANGLES), shade)


_ANGLES = np.linspace(0, 2 * np.pi, 40)
_ACROSS = np.linspace(-1, 1, 17)


def _draw_face(emotion: Expression, generator: np.random.Generator) -> np.ndarray:
    """float32 (48, 48), 0-255, before light and noise."""
    expression = _vary(emotion, generator)
    skin = generator.uniform(110, 225)
    hair = generator.uniform(15, 0.75 * skin)
    pen = _Pen(generator.uniform(20, 235), generator)
    half_width = generator.uniform(0.70, 0.82)
    pen.ellipse(0, -0.12, half_width + 0.12, 1.05, hair)
    pen.ellipse(0, 0.10, half_width, 0.92, skin)
    _draw_nose(pen, expression, skin)
    for side in (-1, 1):
        _draw_eye(pen, expression, side, skin, hair)
    _draw_mouth(pen, expression, skin, lifted_side=generator.choice([-1, 1]))
    return np.asarray(pen.image.reduce(OVERSAMPLING), dtype=np.float32)


def _draw_nose(pen: _Pen, expression: Expression, skin: float) -> None:
    dark = 0.65 * skin
    pen.line(np.array([-0.10, 0.0, 0.10]), np.array([0.20, 0.25, 0.20]), dark, 0.04)
    wrinkled = skin * (1 - 0.5 * np.clip(expression.wrinkles, 0, 1))
    folded = skin * (1 - 0.4 * np.clip(expression.folds, 0, 1))
    for side in (-1, 1):
        for height in (-0.10, 0.0, 0.10):
            pen.line(side * np.array([0.03, 0.13]), np.array([height, height - 0.07]), wrinkled, 0.035)
        pen.line(side * np.array([0.17, 0.32, 0.46]), np.array([0.16, 0.26, 0.46]), folded, 0.04)


def _draw_eye(pen: _Pen, expression: Expression, side: int, skin: float, hair: float) -> None:
    x, y, half_width, half_height = side * 0.33, -0.14, 0.17, 0.095 * max(expression.eye_open, 0.15)
    lid = half_height * (1 - _ACROSS**2)
    across = x + half_width * _ACROSS
    pen.fill(np.append(across, across[::-1]), np.append(y - lid, y + 0.8 * lid), min(1.25 * skin, 250))
    pen.ellipse(x, y, 0.075, min(0.085, 0.9 * half_height), 0.2 * skin)
    pen.line(across, y - lid, 0.4 * skin, 0.035)
    from_nose = np.linspace(0, 1, 9)
    height = 0.24 + expression.brow_inner * (1 - from_nose) + expression.brow_outer * from_nose
    arch = 0.06 * np.sin(np.pi * from_nose)
    pen.line(side * (0.11 + 0.45 * from_nose), y - height - arch, 0.6 * min(hair, 0.75 * skin), 0.075)


def _draw_mouth(pen: _Pen, expression: Expression, skin: float, lifted_side: int) -> None:
    across = expression.mouth_width * _ACROSS
    middle = 0.55 - expression.mouth_curve * (_ACROSS**2 - 0.4)
    gape = max(expression.mouth_open, 0.01) * np.sqrt(1 - _ACROSS**2)
    lift = expression.lip_raise * np.exp(-((_ACROSS - 0.45 * lifted_side) ** 2) / 0.15)
    upper, lower = middle - 0.5 * gape - lift, middle + gape - 0.4 * lift
    around = np.append(across, across[::-1])
    pen.fill(around, np.append(upper, lower[::-1]), 0.2 * skin)
    shown = np.clip(expression.teeth, 0, 1)
    if shown > 0.25:
        bite = upper + shown * (lower - upper)
        pen.fill(around, np.append(upper, bite[::-1]), min(1.3 * skin, 250))
    pen.line(across, upper, 0.5 * skin, 0.05)
    pen.line(across, lower, 0.5 * skin, 0.06)


def _light(drawn: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """uint8 faces with random light direction and gradient, contrast, brightness and noise."""
    count = (len(drawn), 1, 1)
    angle, gradient = generator.uniform(0, 2 * np.pi, count), generator.uniform(0, 0.35, count)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    lit = drawn * (1 + gradient * (x * np.cos(angle) + y * np.sin(angle)))
    contrast, brightness = generator.uniform(0.55, 1.0, count), generator.uniform(-25, 25, count)
    noise = generator.normal(size=drawn.shape) * generator.uniform(2, 9, count)
    return np.clip(128 + contrast * (lit - 128) + brightness + noise, 0, 255).round().astype(np.uint8)
