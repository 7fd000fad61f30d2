#!/usr/bin/env python3
"""Films the demo with Chromium: writes space/screenshot.webp, the README's moving picture.

Its portrait is one of the demo's own examples: Grace Hopper, a work of the US Navy in the public domain.
"""

import io
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "space" / "screenshot.webp"
CHROMIUM = "/usr/bin/chromium"
PORT = 7999
SIZE = {"width": 1080, "height": 760}
SHOWN_WIDTH = 840  # pixels of the film
MAX_BYTES = 1_500_000
SLOWEST_MS = 120_000


class Film:
    """Pictures of a page, each with the milliseconds for which it is shown."""

    def __init__(self, page: Any) -> None:
        self.page, self.pictures, self.durations_ms = page, [], []

    def shoot(self, duration_ms: int) -> None:
        self.page.mouse.move(0, 0)  # or what lies under the pointer is marked
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        height = round(picture.height * SHOWN_WIDTH / picture.width)
        self.pictures.append(picture.resize((SHOWN_WIDTH, height), Image.Resampling.LANCZOS))
        self.durations_ms.append(duration_ms)

    def scroll_to(self, y: int, steps: int = 6) -> None:
        start = self.page.evaluate("window.scrollY")
        for step in range(1, steps + 1):
            self.page.evaluate(f"window.scrollTo(0, {start + (y - start) * step / steps})")
            self.shoot(90)

    def save(self, path: Path) -> None:
        first, *others = self.pictures
        for quality in (75, 60, 45, 30):
            first.save(
                path, save_all=True, append_images=others, duration=self.durations_ms, loop=0, quality=quality
            )
            if path.stat().st_size < MAX_BYTES:
                return
        raise SystemExit(f"{path} is over {MAX_BYTES:,} bytes: shorten the film.")


def act(film: Film) -> None:
    """A portrait, why its answer, several faces, the models."""
    page = film.page
    page.get_by_role("button", name="Grace Hopper").wait_for()
    film.shoot(1500)
    page.get_by_role("button", name="Grace Hopper").click()
    page.wait_for_selector(".fz-box", timeout=SLOWEST_MS)
    page.wait_for_timeout(1000)
    film.shoot(2500)
    page.get_by_role("button", name="neutral: show where").click()
    page.locator(".fz-panel:visible .fz-heat-picture").first.wait_for(timeout=SLOWEST_MS)
    page.wait_for_timeout(1000)
    film.scroll_to(340)
    film.shoot(2500)
    film.scroll_to(0)
    page.get_by_role("button", name="Six drawn faces").click()
    page.wait_for_selector("[data-stem=drawn-crowd]", timeout=SLOWEST_MS)
    page.wait_for_timeout(1000)
    film.shoot(2500)
    page.get_by_role("tab", name="Models").click()
    page.wait_for_timeout(3000)
    film.shoot(2500)


def main() -> None:
    command = [sys.executable, "-m", "fer_zoo", "demo", "--port", str(PORT)]
    server = subprocess.Popen(command, cwd=ROOT)
    try:
        for _ in range(240):
            with suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}").close()
                break
            time.sleep(0.5)
        with sync_playwright() as driver:
            flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
            page = browser.new_page(viewport=SIZE, color_scheme="light", locale="en-US")
            page.goto(f"http://127.0.0.1:{PORT}")
            film = Film(page)
            act(film)
            film.save(OUT)
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
