"""Fifty people for two minutes with good, broken, oversized and malicious pictures. Run with `-m slow`."""

import io
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from siege_server import read_memory_mb, start_page

from fer_zoo import Recognizer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CLIENTS, SECONDS = 50, 120
MAX_GROWTH_MB = 600  # over the memory after the first answer: 2 jobs of up to 40 megapixels at a time
BUSY = "Queue is full"
REFUSALS = ("damaged", "not a picture", "megapixels", "empty", "no uploaded picture", "over 10 MB", "pixels")


@pytest.fixture(scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The page in its own process."""
    with start_page(tmp_path_factory.mktemp("siege")) as page:
        yield page


def make_faces(portrait: Path, folder: Path) -> list[tuple[bytes, list[int]]]:
    """Pictures that differ in where the face is, each with the box that only its own answer can have."""
    with Image.open(portrait) as face:
        small = face.convert("RGB").resize((200, 234))
    recognizer, pictures = Recognizer(["cnn-baseline"]), []
    for number in range(8):
        canvas = Image.new("RGB", (640, 480), (90 + 10 * number, 120, 130))
        canvas.paste(small, (50 * number, 25 * number))
        written = io.BytesIO()
        canvas.save(written, "PNG")
        (found,) = recognizer.recognize(written.getvalue())["faces"]
        pictures.append((written.getvalue(), found["box"]))
    return pictures


def make_bad(portrait: Path) -> list[bytes]:
    whole = portrait.read_bytes()
    bomb, huge = io.BytesIO(), np.random.default_rng(0).bytes(12_000_000)
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    return [whole[:5000], b"", b"GIF89a", bomb.getvalue(), huge, b"%!PS-Adobe", whole[::-1]]


def ask(client: httpx.Client, url: str, file: Any) -> str:
    """The last event of /compare."""
    started = client.post(f"{url}/gradio_api/call/compare", json={"data": [file, ["cnn-baseline"]]})
    if started.status_code != 200:
        return started.text
    return client.get(f"{url}/gradio_api/call/compare/{started.json()['event_id']}").text


def send(client: httpx.Client, url: str, name: str, content: bytes) -> dict[str, Any]:
    (path,) = client.post(f"{url}/gradio_api/upload", files={"files": (name, content)}).json()
    return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}


def test_fifty_clients_for_two_minutes(besieged: Any, portrait: Path, tmp_path: Path) -> None:
    good, bad = make_faces(portrait, tmp_path), make_bad(portrait)
    with httpx.Client(timeout=300) as first:
        assert str(good[0][1]) in ask(first, besieged.url, send(first, besieged.url, "0.png", good[0][0]))
    base, end = read_memory_mb(besieged.process), time.monotonic() + SECONDS

    def visit(number: int) -> Counter[str]:
        seen: Counter[str] = Counter()
        chance = random.Random(number)
        with httpx.Client(timeout=300) as client:
            while time.monotonic() < end:
                seen[attack(client, chance)] += 1
        return seen

    def attack(client: httpx.Client, chance: random.Random) -> str:
        kind = chance.random()
        if kind < 0.1:  # somebody else's file, or the server's own
            path = chance.choice(
                ["/etc/passwd", __file__, str(besieged.uploads / ".." / "x"), "/proc/self/mem"]
            )
            answer = ask(client, besieged.url, {"path": path, "meta": {"_type": "gradio.FileData"}})
            assert "event: error" in answer or BUSY in answer, answer[:300]
            status = client.get(f"{besieged.url}/gradio_api/file={path}").status_code
            assert status in (403, 404), (path, status)
            return "outside refused"
        if kind < 0.4:
            content = chance.choice(bad)
            answer = ask(client, besieged.url, send(client, besieged.url, "bad.png", content))
            assert BUSY in answer or any(words in answer for words in REFUSALS), answer[:300]
            return "bad refused"
        picture, box = chance.choice(good)
        answer = ask(client, besieged.url, send(client, besieged.url, f"{chance.random()}.png", picture))
        if BUSY in answer:
            return "told to wait"
        assert str(box) in answer, answer[:300]  # its own picture's answer, and nobody else's
        return "answered"

    with ThreadPoolExecutor(CLIENTS) as pool:
        seen = sum(pool.map(visit, range(CLIENTS)), Counter())
    growth = read_memory_mb(besieged.process) - base
    print(f"{dict(seen)}; memory {base:.0f} MB, {growth:+.0f} MB after {SECONDS} s")
    assert seen["answered"] > CLIENTS and seen["bad refused"] > CLIENTS
    assert growth < MAX_GROWTH_MB
    from app import UPLOAD_AGE_S, UPLOAD_CHECK_S

    time.sleep(UPLOAD_AGE_S + 3 * UPLOAD_CHECK_S + 5)
    assert [path for path in besieged.uploads.rglob("*") if path.is_file()] == []
