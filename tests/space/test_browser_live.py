"""The Live and Many pictures tabs as people meet them: Chromium with a camera that shows a face."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
]


@pytest.fixture(scope="module")
def camera(portrait: Path) -> Path:
    """Motion JPEG for Chromium's fake camera: a face that sways, 640x480 pixels."""
    video = io.BytesIO()
    with Image.open(portrait) as face:
        for step in (*range(0, 60, 4), *range(60, 0, -4)):
            canvas = Image.new("RGB", (640, 480), (120, 130, 140))
            canvas.paste(face.resize((320, 375)), (60 + step, 60))
            canvas.save(video, "JPEG", quality=90)
    path = portrait.with_name("camera.mjpeg")
    path.write_bytes(video.getvalue())
    return path


@pytest.fixture(scope="module")
def browser(camera: Path) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install --no-install-recommends chromium fonts-dejavu")
    with playwright.sync_playwright() as driver:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(params=[(1280, "light", "en-GB"), (390, "dark", "es-MX")], ids=["desk", "phone"])
def page(browser: Any, served: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The open page, English or Spanish. An error on the console or a request to elsewhere fails the test."""
    width, scheme, locale = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, locale=locale, permissions=["camera"]
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    ours = (f"{served.url}/", "data:", "blob:")
    page.on("request", lambda sent: None if sent.url.startswith(ours) else faults.append(sent.url))
    page.goto(served.url)
    page.wait_for_selector("#introduction [lang]")
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert faults == []


def test_the_camera_shows_a_face_with_its_box_and_rate(page: Any) -> None:
    page.get_by_role("tab", name="Live").or_(page.get_by_role("tab", name="En vivo")).click()
    page.get_by_role("button", name="Start camera").or_(
        page.get_by_role("button", name="Encender cámara")
    ).click()
    page.wait_for_selector("#live .fz-box")
    page.wait_for_function(
        "/^[1-9]\\d* (frames|cuadros)/.test(document.querySelector('.fz-rate').textContent)"
    )
    box = page.locator("#live .fz-box").bounding_box()
    video = page.locator("#live video").bounding_box()
    across = (box["x"] + box["width"] / 2 - video["x"]) / video["width"]
    assert 1 - (60 + 0.52 * 320 + 60 + 20) / 640 < across < 1 - (60 + 0.52 * 320 - 20) / 640  # mirrored
    shares = [float(share) for share in page.locator("#live .fz-share").all_text_contents()]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert page.locator("#live .fz-top").count() == 1
