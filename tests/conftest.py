"""Shared pieces of the tests: a small data set with an easy signal, and a quick recipe."""

import numpy as np
import pytest

from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.synthetic import draw_faces


@pytest.fixture(scope="session")
def drawn() -> FER2013:
    """Drawn faces in three splits."""
    generator = np.random.default_rng(0)
    splits: list[Faces] = [draw_faces(count, generator) for count in (1024, 256, 256)]
    return FER2013(*splits, fingerprint="drawn", source="drawn")
