"""The script of the ONNX page in Chromium, with onnxruntime-web, says what the model says."""

import os
import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from fer_zoo.artifacts.export import export_onnx
from fer_zoo.artifacts.hub import load
from fer_zoo.artifacts.resolve import resolve_folder

CHROMIUM = Path("/usr/bin/chromium")
PAGE = (Path(__file__).parents[2] / "fer_zoo" / "docs" / "onnx.md").read_text(encoding="utf-8")


@pytest.mark.browser
def test_the_script_names_the_same_emotion(tmp_path: Path) -> None:
    package = os.environ.get("FER_ZOO_ORT_WEB")
    if not package or not CHROMIUM.exists():
        pytest.skip(f"Needs {CHROMIUM}, and FER_ZOO_ORT_WEB=.../onnxruntime-web/dist from npm")
    from playwright.sync_api import sync_playwright

    pixels = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "face.png")
    export_onnx(resolve_folder("cnn-baseline"), tmp_path / "exported")
    (tmp_path / "dist").symlink_to(package)
    script = re.findall(r"```js\n(.*?)```", PAGE, flags=re.DOTALL)[0]
    script = re.sub(r"https://cdn\S+/dist/", "./dist/", script)
    (tmp_path / "index.html").write_text(f'<img src="face.png"><script type="module">{script}</script>')
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(tmp_path)))
    Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"]).new_page()
        with page.expect_console_message(lambda message: message.type == "log", timeout=60_000) as said:
            page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
        named = said.value.text
    server.shutdown()
    expected = load("cnn-baseline").predict(pixels)
    assert named == max(expected, key=expected.__getitem__)
