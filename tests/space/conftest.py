"""The page, served on loopback from this process, with the tests' own models and folder of uploads."""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
import torch
from free_port import free_port
from packaged import use_package
from PIL import Image

from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.evaluation.metrics import score_predictions

SPACE = Path(__file__).parents[2] / "space"
NAMES = ("cnn-baseline", "resnet_48")
SESSION = "tests"
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
]


class Served(NamedTuple):
    page: Any
    url: str
    uploads: Path

    def list_files(self) -> list[Path]:
        return [path for path in self.uploads.rglob("*") if path.is_file()]

    def upload(self, photo: Path) -> dict[str, Any]:
        files = {"files": (photo.name, photo.read_bytes())}
        (path,) = httpx.post(f"{self.url}/gradio_api/upload", files=files).json()
        return {"path": path, "orig_name": photo.name, "meta": {"_type": "gradio.FileData"}}

    def call(self, file: Any, models: Any = None, name: str = "compare") -> str:
        """The last event that an endpoint sends, as a program without Gradio's client sees it."""
        endpoint = f"{self.url}/gradio_api/call/{name}"
        started = httpx.post(endpoint, json={"data": [file, models]})
        return httpx.get(f"{endpoint}/{started.json()['event_id']}", timeout=60).text

    def add(self, photo: Any, models: list[str], language: str = "en") -> str:
        """HTML of the result for a photo that the page's script uploads. photo: a path, or what it sends."""
        sent = self.upload(photo) if isinstance(photo, Path) else photo
        return str(self.press("receive_photo", [models], sent, language)[1])

    def press(self, name: str, values: list[Any], event: Any = None, language: str = "en") -> list[Any]:
        """Do what the page's own event `name` does; returns its outputs. Raises RuntimeError with the
        message.
        """
        index = next(key for key, fn in self.page.fns.items() if getattr(fn.fn, "__name__", "") == name)
        body = {"data": values, "fn_index": index, "session_hash": SESSION, "event_data": event}
        headers = {"accept-language": language}
        httpx.post(f"{self.url}/gradio_api/queue/join", json=body, headers=headers).raise_for_status()
        stream_url = f"{self.url}/gradio_api/queue/data"
        with httpx.stream("GET", stream_url, params={"session_hash": SESSION}, timeout=60) as stream:
            for line in stream.iter_lines():
                event = json.loads(line.removeprefix("data: ")) if line else {}
                if event.get("msg") == "process_completed":
                    if not event["success"]:
                        raise RuntimeError(event["output"]["error"])
                    return event["output"]["data"]
        raise AssertionError("the stream ended without an answer")


@pytest.fixture(scope="session", autouse=True)
def space_modules() -> Iterator[None]:
    """The Space's modules are found as where its folder is the one that runs."""
    sys.path.insert(0, str(SPACE))
    yield
    sys.path.remove(str(SPACE))


@pytest.fixture(scope="session")
def stored() -> dict[str, Any]:
    """What a trained model stores, with the scores of answers that are right two times in three."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 7, 3589)
    answers = np.where(generator.random(3589) < 0.65, labels, generator.integers(0, 7, 3589))
    scores = score_predictions(np.eye(7)[answers] * 0.6 + 0.4 / 7, labels, name=NAMES[0], split="private")
    scores["reliability"] = {
        "confidence": [None, 0.4, 0.7],
        "accuracy": [None, 0.5, 0.68],
        "count": [0, 89, 3500],
    }
    return {
        "recipe": {"epochs": 2, "optimizer": "adamw", "augment": {"flip": 0.5}},
        "seed": 0,
        "pretrained": False,
        "data_fingerprint": "1967e5ff64db0a1d",
        "training": {"epochs": 2, "best_epoch": 2, "minutes": 1.5},
        "versions": {"fer-zoo": "0.1.0"},
        "metrics": {"private": scores},
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, stored: dict[str, Any]) -> Iterator[Served]:
    """Two models with random weights, of which the first has measurements; uploads live 4 to 5 seconds."""
    weights, uploads = tmp_path_factory.mktemp("weights"), tmp_path_factory.mktemp("uploads")
    for seed, name in enumerate(NAMES):
        torch.manual_seed(seed)
        save_artifact(weights / f"{name}.fer2013", create_model(name), {"metrics": {}} if seed else stored)
    with pytest.MonkeyPatch.context() as patch:
        use_package(patch, weights)
        patch.setenv("GRADIO_TEMP_DIR", str(uploads))
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "True")  # the page itself must turn it off
        import app

        page = app.build_page(upload_check_s=1, upload_age_s=4)
        # Of its own: Gradio's search for a port lets two test processes take the same one.
        options = app.launch_options()
        _, url, _ = page.launch(prevent_thread_lock=True, server_port=free_port(), **options)
        yield Served(page, url.rstrip("/"), uploads)
        page.close(verbose=False)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No connection may leave the machine while a test runs; one that tries fails the test."""
    refused: list[Any] = []
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            refused.append(address)
            raise OSError("outside")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield
    assert not refused


@pytest.fixture(scope="module")
def browser_flags() -> list[str]:
    """Further ones than FLAGS: a module may have its own."""
    return []


@pytest.fixture(scope="module")
def browser(browser_flags: list[str]) -> Iterator[Any]:
    """Chromium, whose camera shows a test picture."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install --no-install-recommends chromium fonts-dejavu")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS + browser_flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo with one face from the front that matplotlib ships: Grace Hopper, US Navy, public domain."""
    from matplotlib.cbook import get_sample_data

    path = tmp_path_factory.mktemp("photos") / "portrait.png"
    with get_sample_data("grace_hopper.jpg") as file:
        Image.open(file).convert("RGB").save(path)
    return path


@pytest.fixture(scope="session")
def pair(portrait: Path) -> Path:
    """The same face twice, at two sizes."""
    canvas = Image.new("RGB", (900, 640), (120, 130, 140))
    with Image.open(portrait) as face:
        canvas.paste(face, (20, 20))
        canvas.paste(face.resize((256, 300)), (600, 60))
    canvas.save(portrait.with_name("pair.png"))
    return portrait.with_name("pair.png")


@pytest.fixture(scope="session")
def no_face(portrait: Path) -> Path:
    path = portrait.with_name("plain.png")
    Image.linear_gradient("L").resize((300, 200)).save(path)
    return path


@pytest.fixture(scope="session")
def broken(portrait: Path) -> Path:
    """A picture that was cut off."""
    path = portrait.with_name("broken.png")
    path.write_bytes(portrait.read_bytes()[:5000])
    return path


@pytest.fixture(scope="session")
def clip(portrait: Path) -> Path:
    """MP4 of two seconds, 25 frames each: a face goes to the right, a smaller one comes after one second."""
    import cv2

    path = portrait.with_name("clip.mp4")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (640, 320))
    with Image.open(portrait) as face:
        large, small = face.resize((256, 300)), face.resize((205, 240))
    for index in range(50):
        canvas = Image.new("RGB", (640, 320), (120, 130, 140))
        canvas.paste(large, (10 + 2 * index, 10))
        if index >= 25:
            canvas.paste(small, (420, 40))
        writer.write(np.ascontiguousarray(np.asarray(canvas)[:, :, ::-1]))
    writer.release()
    return path
