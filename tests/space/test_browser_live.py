"""The Live, Video and Many pictures tabs as people meet them: Chromium with a camera that shows a face."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fer_zoo import EMOTIONS

pytestmark = pytest.mark.browser

ELSEWHERE = "faces.test"  # under this name it is not the visitor's own machine


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
def browser_flags(camera: Path, served: Any) -> list[str]:
    elsewhere = served.url.replace("127.0.0.1", ELSEWHERE)
    return [
        f"--use-file-for-fake-video-capture={camera}",
        f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
        f"--unsafely-treat-insecure-origin-as-secure={elsewhere}",  # stands for https
    ]


@pytest.fixture(params=[(1280, "light", "en-GB"), (390, "dark", "es-MX")], ids=["desk", "phone"])
def page(browser: Any, served: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The open page, English or Spanish. An error on the console or a request to elsewhere fails the test."""
    width, scheme, locale = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, locale=locale, permissions=["camera"]
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    ours = (f"{served.url}/", served.url.replace("127.0.0.1", ELSEWHERE), "data:", "blob:")
    page.on("request", lambda sent: None if sent.url.startswith(ours) else errors.append(sent.url))
    page.goto(served.url)
    page.wait_for_selector("#introduction [lang]")
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert errors == []


def open_tab(page: Any, english: str, spanish: str) -> None:
    page.get_by_role("tab", name=re.compile(f"^({english}|{spanish})$")).click()


def start_camera(page: Any) -> None:
    open_tab(page, "Live", "En vivo")
    page.locator("#live [data-act=camera]").click()
    page.wait_for_selector("#live .fz-box")


def test_the_camera_shows_a_face_with_its_box_and_rate(page: Any) -> None:
    start_camera(page)
    page.wait_for_function(
        "/^(Frames per|Fotogramas por) \\w+: [1-9]/.test(document.querySelector('.fz-rate').textContent)"
    )
    box = page.locator("#live .fz-box").bounding_box()
    video = page.locator("#live canvas").bounding_box()
    across = (box["x"] + box["width"] / 2 - video["x"]) / video["width"]
    assert 1 - (60 + 0.52 * 320 + 60 + 20) / 640 < across < 1 - (60 + 0.52 * 320 - 20) / 640  # mirrored
    assert re.match(r"(Face|Cara) \d+: \w+, \d+\s?%$", page.locator("#live h2").text_content())
    shares = page.locator("#live .fz-share").all_text_contents()
    shares = [float(share.replace(",", ".")) for share in shares]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert page.locator("#live .fz-top").count() == 1


def test_the_camera_goes_off_with_its_button_and_stays_while_another_tab_is_open(page: Any) -> None:
    is_off = "document.querySelector('#live video').srcObject === null"
    start_camera(page)
    page.locator("#live [data-act=camera]").click()
    page.wait_for_function(is_off)
    assert page.locator("#live .fz-box").count() == 0
    assert page.locator("#live .fz-state").text_content() in ("The camera is off.", "La cámara está apagada.")
    start_camera(page)
    track = page.evaluate_handle("document.querySelector('#live video').srcObject.getVideoTracks()[0]")
    open_tab(page, "Compare", "Comparar")
    page.wait_for_timeout(600)  # what was under way has come back
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if "component_server" in one.url else None)
    page.wait_for_timeout(1000)
    assert track.evaluate("track => track.readyState") == "live" and sent == []
    with page.expect_request(lambda one: "component_server" in one.url):
        open_tab(page, "Live", "En vivo")


@pytest.mark.parametrize("is_own", [True, False], ids=["own machine", "elsewhere"])
def test_the_camera_goes_off_at_its_limit_but_not_on_ones_own_machine(
    page: Any, served: Any, is_own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script's clock is put forward: two minutes pass at once."""
    if not is_own:
        monkeypatch.setenv("FER_ZOO_DEMO_HOSTS", ELSEWHERE)
        page.context.grant_permissions(["camera"])
        page.evaluate("window.stop()")
        page.goto(served.url.replace("127.0.0.1", ELSEWHERE))
    start_camera(page)
    page.evaluate("const real = performance.now.bind(performance); performance.now = () => real() + 121_000")
    if is_own:
        page.wait_for_timeout(1000)
        assert page.evaluate("document.querySelector('#live video').srcObject !== null")
    else:
        page.wait_for_function("document.querySelector('#live video').srcObject === null")
        assert page.locator("#live .fz-state").text_content().startswith(("Stopped after", "Detenida a los"))


def test_the_frame_that_is_shown_is_the_one_that_was_read(page: Any) -> None:
    """What the script sends and what the page shows are compared pixel by pixel, with the answer's boxes."""
    start_camera(page)
    page.evaluate(
        """() => {
          const draw = CanvasRenderingContext2D.prototype.drawImage;
          window.frames_read = [];
          CanvasRenderingContext2D.prototype.drawImage = function (...given) {
            draw.apply(this, given);
            const is_shown = this.canvas.isConnected;
            if (is_shown) window.frames_read.push([this.canvas.toDataURL(), given[0].toDataURL()]);
          };
        }"""
    )
    page.wait_for_function("window.frames_read.length > 2")
    assert page.evaluate("window.frames_read.every(([shown, read]) => shown === read)")


def test_a_camera_may_be_stopped_before_its_picture_moves(page: Any) -> None:
    """The page's fixture fails on the error that a script throws."""
    page.evaluate("""() => {
      HTMLMediaElement.prototype.play = () => new Promise((_, fail) => (window.end_play = fail));
    }""")
    open_tab(page, "Live", "En vivo")
    page.locator("#live [data-act=camera]").click()
    page.wait_for_function("window.end_play !== undefined")
    page.locator("#live [data-act=camera]").click()
    page.evaluate("window.end_play(new DOMException('interrupted', 'AbortError'))")
    page.get_by_text(re.compile("The camera is off|La cámara está apagada")).wait_for()
    page.wait_for_timeout(200)


def test_another_model_reads_the_same_camera(page: Any) -> None:
    start_camera(page)
    with page.expect_request(lambda sent: '"resnet_48"' in (sent.post_data or "")):
        page.locator("#live select").select_option("resnet_48")
    page.wait_for_selector("#live .fz-box")


def test_three_files_of_which_one_is_broken(page: Any, portrait: Path, pair: Path, broken: Path) -> None:
    open_tab(page, "Many pictures", "Muchas fotos")
    page.get_by_text("up to 200 pictures").or_(page.get_by_text("hasta 200 fotos")).wait_for()
    page.locator("#many input[type=file]").set_input_files([str(portrait), str(broken), str(pair)])
    page.wait_for_selector(".fz-faces")
    names = page.locator(".fz-faces tbody th").all_text_contents()
    assert [name.split(".")[0] for name in names] == ["portrait", "pair", "pair"]
    table, tab = (page.locator(place).bounding_box() for place in ("#batch .fz-faces", "#batch"))
    assert table["width"] > tab["width"] - 5  # it uses the page's width
    assert (
        page.locator(".fz-faces tbody th").first.bounding_box()["width"] > 120
    )  # room for a name on a phone
    errors = page.locator(".fz-errors li").all_text_contents()
    spanish = page.evaluate("navigator.language").startswith("es")
    told = "la imagen está dañada o incompleta" if spanish else "the picture is damaged or truncated"
    assert len(errors) == 1 and errors[0].startswith(f"broken.png: {told}")
    table = list(csv.DictReader(io.StringIO(download(page, "CSV").decode("utf-8-sig"))))
    assert [(line["image"], line["face"]) for line in table] == [
        ("portrait.png", "1"),
        ("pair.png", "1"),
        ("pair.png", "2"),
    ]
    assert all(0.99999 < sum(float(line[emotion]) for emotion in EMOTIONS) < 1.00001 for line in table)
    listing = json.loads(download(page, "JSON"))
    assert [(result["image"], len(result["faces"])) for result in listing] == [
        ("portrait.png", 1),
        ("broken.png", 0),
        ("pair.png", 2),
    ]
    chip = page.locator("#batch [data-only]").first
    chip.click()
    shown = page.locator(".fz-faces tbody tr:visible").count()
    assert (
        shown == int(re.findall(r"\d+", chip.text_content())[0])
        and chip.get_attribute("aria-pressed") == "true"
    )
    chip.click()
    assert page.locator(".fz-faces tbody tr:visible").count() == 3
    page.locator("#batch [data-sheet]").click()
    places = page.locator(".fz-faces tbody tr").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().y)"
    )
    assert places[0] == places[1] and not page.locator(".fz-faces thead").is_visible()
    page.locator("#batch [data-act=clear]").click()
    page.get_by_text("up to 200 pictures").or_(page.get_by_text("hasta 200 fotos")).wait_for()


def test_a_zip_and_then_another_drop(page: Any, portrait: Path, no_face: Path) -> None:
    packed = portrait.with_name("album.zip")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(portrait, "album/día.png")
        archive.write(no_face, "album/plain.png")
    open_tab(page, "Many pictures", "Muchas fotos")
    page.locator("#many input[type=file]").set_input_files(str(packed))
    page.locator(".fz-faces").get_by_text("album/día.png").wait_for()
    assert page.locator(".fz-faces tbody tr").count() == 2 and page.locator(".fz-faces img").count() == 1
    page.locator("#many input[type=file]").set_input_files(str(portrait))
    page.locator(".fz-faces").get_by_text("portrait.png").wait_for()
    assert page.locator(".fz-faces tbody tr").count() == 1


def test_a_video_becomes_bands_over_time(page: Any, clip: Path, broken: Path) -> None:
    open_tab(page, "Video", "Vídeo")
    waiting = page.get_by_text("drop a video").or_(page.get_by_text("suelta un vídeo"))
    waiting.wait_for()
    page.locator("#clip input[type=file]").set_input_files(str(clip))
    page.wait_for_selector("#video .fz-bands")
    assert page.locator("#video .fz-story").count() == 2
    assert page.locator("#video .fz-legend li").count() == 7
    mostly = page.locator("#video").get_by_text(
        re.compile("^(Most of the time, by|La mayor parte del tiempo, según)")
    )
    assert mostly.is_visible()
    assert page.locator("#video .fz-ticks").first.locator("span").all_inner_texts()[-1] == "2 s"
    band = page.locator("#video .fz-bands").first
    assert page.evaluate("document.querySelector('#video img').naturalWidth") > 16
    width = page.locator("#video").bounding_box()["width"]
    assert band.bounding_box()["width"] > 0.6 * width and band.bounding_box()["height"] > 60
    timeline = page.locator("#video .fz-timeline").nth(1)  # of the face that comes after one second
    timeline.hover(position={"x": 5, "y": 20})
    assert re.match(r"0[.,]0 s: .$", page.locator(".fz-film figcaption").text_content())
    timeline.focus()
    page.keyboard.press("End")
    told = timeline.get_attribute("aria-valuetext")
    assert re.match(r"2[.,]0 s: \w+ \d+\s?%$", told) and page.locator(".fz-film").is_visible()
    assert page.locator(".fz-film figcaption").text_content() == told
    table = list(csv.DictReader(io.StringIO(download(page, "CSV", "video").decode("utf-8-sig"))))
    assert [line["face"] for line in table] == ["1"] * 5 + ["1", "2"] * 5
    listing = json.loads(download(page, "JSON", "video"))
    assert listing["video"] == "clip.mp4" and [face["face"] for face in listing["faces"]] == [1, 2]
    page.locator("#clip input[type=file]").set_input_files(str(broken))
    page.get_by_text("broken.png: this video format").or_(
        page.get_by_text("broken.png: este formato de vídeo")
    ).wait_for()
    page.locator("#video [data-act=clear]").click()
    waiting.wait_for()


def test_a_hard_cut_to_another_face_at_the_same_place_begins_another_story(
    page: Any, portrait: Path, tmp_path: Path
) -> None:
    import cv2

    crowd = Path(__file__).parents[2] / "space" / "examples" / "drawn-crowd.webp"
    with Image.open(portrait) as photo, Image.open(crowd) as drawn:
        first = photo.resize((640, 750)).crop((0, 60, 640, 540))
        second = drawn.convert("RGB").crop((20, 0, 260, 180)).resize((640, 480))
    writer = cv2.VideoWriter(str(tmp_path / "cut.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, (640, 480))
    for index in range(50):
        writer.write(np.ascontiguousarray(np.asarray(first if index < 25 else second)[:, :, ::-1]))
    writer.release()
    open_tab(page, "Video", "Vídeo")
    page.locator("#clip input[type=file]").set_input_files(str(tmp_path / "cut.mp4"))
    page.wait_for_selector("#video .fz-bands")
    times = page.locator("#video .fz-story figcaption small").all_inner_texts()
    assert [re.findall(r"\d[.,]\d", time)[0].replace(",", ".") for time in times] == ["0.0", "1.0"]


def download(page: Any, kind: str, tab: str = "batch") -> bytes:
    with page.expect_download() as started:
        page.locator(f"#{tab} a").filter(has_text=kind).click()
    assert started.value.suggested_filename == f"faces.{kind.lower()}"
    return Path(started.value.path()).read_bytes()
