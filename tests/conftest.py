"""Shared fixtures: a small data set with an easy signal, photos, and a Hub on loopback."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from minihub import MiniHub
from PIL import Image

from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.synthetic import draw_faces


def pytest_configure() -> None:
    """The workers of `-n auto`, and what they start, share the cores: one thread of torch each."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def drawn() -> FER2013:
    """Drawn faces in three splits."""
    generator = np.random.default_rng(0)
    splits: list[Faces] = [draw_faces(count, generator) for count in (1024, 256, 256)]
    return FER2013(*splits, fingerprint="drawn", source="drawn")


@pytest.fixture(scope="module")
def small_network() -> Iterator[None]:
    """In the registry, as `small`, while the tests of a module run."""
    from small_network import SMALL  # torch reads OMP_NUM_THREADS once, so not before pytest_configure

    from fer_zoo.models.registry import ARCHITECTURES

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "small", SMALL)
        yield


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, str]], None]:
    """Gives the peers' Python, which is this one, a stand-in for a package, version 1.2."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def install(name: str, files: dict[str, str]) -> None:
        folder = tmp_path / name.replace("-", "_")
        folder.mkdir()
        for path, text in {"__init__.py": "", **files}.items():
            (folder / path).write_text(text, encoding="utf-8")
        described = tmp_path / f"{folder.name}-1.2.dist-info"
        described.mkdir()
        (described / "METADATA").write_text(f"Name: {name}\nVersion: 1.2\n", encoding="utf-8")

    return install


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MiniHub]:
    """The Hub that huggingface_hub reaches during a test, with a token for it and an empty cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with MiniHub("hf_test") as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield hub


@pytest.fixture(scope="session")
def portrait() -> Image.Image:
    """RGB, 512x600 pixels, one frontal face: Grace Hopper (US Navy, public domain), shipped by matplotlib."""
    from matplotlib.cbook import get_sample_data

    with get_sample_data("grace_hopper.jpg") as file:
        return Image.open(file).convert("RGB")


@pytest.fixture(scope="session")
def group(portrait: Image.Image) -> Image.Image:
    """Three times the same face at three sizes, far apart, on gray; 1200x700 pixels."""
    canvas = Image.new("RGB", (1200, 700), (120, 130, 140))
    for width, left in ((500, 20), (250, 600), (100, 1000)):
        canvas.paste(portrait.resize((width, width * 600 // 512), Image.Resampling.LANCZOS), (left, 60))
    return canvas


@pytest.fixture(scope="session")
def no_face() -> Image.Image:
    """RGB, 300x200 pixels of smooth random colors."""
    coarse = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((300, 200), Image.Resampling.BICUBIC)
