"""A small random data set for the tests of this folder, and a separate cache for each test."""

import os
from pathlib import Path

import numpy as np
import pytest

from fer_zoo.data.labels_and_splits import USAGES, Rows


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FER_ZOO_CACHE", str(folder))
    return folder


@pytest.fixture
def rows() -> Rows:
    """Sixty faces of noise, in file order: 40 Training, 10 PublicTest, 10 PrivateTest."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (60, 48, 48), dtype=np.uint8)
    labels = generator.integers(0, 7, 60).astype(np.uint8)
    return Rows(pixels, labels, np.repeat([0, 1, 2], [40, 10, 10]).astype(np.uint8))


@pytest.fixture
def csv_file(rows: Rows, tmp_path: Path) -> Path:
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *csv_lines(rows)]) + "\n", encoding="utf-8")
    return path


def csv_lines(rows: Rows) -> list[str]:
    return [
        f"{label},{' '.join(map(str, face.ravel()))},{USAGES[usage]}"
        for face, label, usage in zip(rows.pixels, rows.labels, rows.usages, strict=True)
    ]


@pytest.fixture
def real_data() -> str:
    path = os.environ.get("FER_ZOO_DATA")
    if not path:
        pytest.skip("FER_ZOO_DATA is not set to the real FER2013")
    return path
