"""The page as people meet it: Chromium presses its buttons. Run with `-m browser`."""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser

NOISE = "Failed to load resource: the server responded with a status of 413"


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["desk", "phone"])
def page(browser: Any, served: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The open page. A script error, an error on the console or a request to elsewhere fails the test."""
    width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, permissions=["camera"]
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.on("request", lambda sent: None if is_ours(sent.url, served.url) else errors.append(sent.url))
    page.goto(served.url)
    page.wait_for_selector("#photo input[type=file]", state="attached")
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert [error for error in errors if NOISE not in error] == []


def is_ours(url: str, served: str) -> bool:
    return url.startswith((f"{served}/", "data:", "blob:"))


def add(page: Any, photo: Path) -> None:
    page.locator("#photo input[type=file]").first.set_input_files(str(photo))


def parse_probabilities(page: Any) -> list[str]:
    return page.locator(".fz-more section:visible td span:last-child").all_text_contents()


def open_models(page: Any) -> None:
    """What is folded: the choice of models, and on a phone the table of what each says."""
    page.get_by_role("button", name="Models to compare").click()
    page.evaluate("document.querySelectorAll('.fz-models').forEach((one) => (one.open = true))")


def test_an_answer_makes_the_place_for_the_next_photo_small(page: Any, portrait: Path) -> None:
    def measure() -> float:
        return page.locator("#photo").bounding_box()["height"]

    before = measure()
    add(page, portrait)
    page.wait_for_selector(".fz-panel")
    assert measure() < 0.75 * before


def test_a_face_is_chosen_by_mouse_and_by_keyboard(page: Any, pair: Path) -> None:
    add(page, pair)
    page.wait_for_selector(".fz-box")
    open_models(page)
    first = parse_probabilities(page)
    assert page.locator(".fz-box").count() == 2 and len(first) == 14
    assert page.get_by_text("Face 1 of 2").is_visible()
    page.get_by_role("button", name="Face 2:").click()
    assert page.get_by_text("Face 2 of 2").is_visible()
    assert not page.get_by_text("Face 1 of 2").is_visible()
    assert parse_probabilities(page) != first
    page.get_by_role("button", name="Face 1:").focus()
    page.keyboard.press("Enter")
    assert parse_probabilities(page) == first
    page.locator(".fz-chip").nth(1).click()
    assert page.get_by_text("Face 2 of 2").is_visible()


def test_every_face_has_its_answer_on_it_without_a_click(page: Any) -> None:
    """Labels stand in the picture and hide no other face or label."""
    page.get_by_role("button", name="Six drawn faces").click()
    page.wait_for_selector(".fz-box")
    page.wait_for_timeout(200)
    tags = page.locator(".fz-tag")
    assert tags.count() == page.locator(".fz-chip").count() == 6
    for index, text in enumerate(tags.all_inner_texts()):
        assert re.fullmatch(rf"{index + 1}(\s*[a-z]+ \d+%)?", text), text
    frame = page.locator(".fz-frame").bounding_box()
    shown = [tag.bounding_box() for tag in tags.all()]
    boxes = [box.bounding_box() for box in page.locator(".fz-box").all()]
    assert [box["x"] for box in boxes] == sorted(box["x"] for box in boxes)
    for index, tag in enumerate(shown):
        assert measure_overlap(tag, frame) == pytest.approx(tag["width"] * tag["height"], rel=0.05)
        own = boxes[index]
        assert measure_overlap(tag, own) < 0.2 * own["width"] * own["height"]
        others = [*boxes[:index], *boxes[index + 1 :], *shown[:index], *shown[index + 1 :]]
        assert sum(measure_overlap(tag, other) for other in others) < 0.1 * tag["width"] * tag["height"]
    colors = page.locator(".fz-box").evaluate_all(
        "all => all.map((one) => getComputedStyle(one).borderColor)"
    )
    answers = page.locator(".fz-chip").all_inner_texts()
    assert len(set(colors)) == len({answer.split()[1] for answer in answers})


def measure_overlap(one: dict[str, float], other: dict[str, float]) -> float:
    sides = [
        min(one[start] + one[length], other[start] + other[length]) - max(one[start], other[start])
        for start, length in (("x", "width"), ("y", "height"))
    ]
    return max(0.0, sides[0]) * max(0.0, sides[1])


def test_the_box_lies_on_the_face(page: Any, portrait: Path) -> None:
    add(page, portrait)
    box = page.wait_for_selector(".fz-box").bounding_box()
    photo = page.locator(".fz-frame img").bounding_box()
    across = (box["x"] + box["width"] / 2 - photo["x"]) / photo["width"]
    down = (box["y"] - photo["y"]) / photo["height"]
    assert 0.4 < across < 0.65 and 0.1 < down < 0.4


def test_bars_have_the_width_of_their_number(page: Any, portrait: Path) -> None:
    add(page, portrait)
    page.wait_for_selector(".fz-box")
    page.wait_for_timeout(400)  # the bars grow for 250 ms
    for cell in page.locator(".fz-lead:visible td").all()[:4]:
        share = cell.locator(".fz-bar").bounding_box()["width"] / cell.bounding_box()["width"]
        assert share == pytest.approx(float(cell.text_content()) / 100, abs=0.02)


def test_other_models_change_the_columns_and_keep_the_face(page: Any, pair: Path) -> None:
    add(page, pair)
    page.wait_for_selector(".fz-box")
    page.get_by_role("button", name="Face 2:").click()
    open_models(page)
    page.get_by_label("cnn-baseline").uncheck()
    page.wait_for_function("!document.querySelector('.fz-more')")
    assert "resnet_48" in page.locator(".fz-panel:visible thead").text_content()
    assert page.get_by_text("Face 2 of 2").is_visible()
    page.get_by_label("resnet_48").uncheck()
    page.get_by_text("No model is selected").wait_for()
    page.get_by_label("cnn-baseline").check()
    page.wait_for_selector(".fz-box")


def test_a_photo_that_the_server_has_dropped_is_said_to_be_gone(
    page: Any, served: Any, portrait: Path
) -> None:
    open_models(page)
    page.get_by_label("resnet_48").uncheck()
    page.wait_for_timeout(500)
    page.get_by_text("The answer appears here").wait_for()  # no photo was given, so none is gone
    add(page, portrait)
    page.wait_for_selector(".fz-box")
    served.page.app.state_holder.session_data.clear()
    page.get_by_label("resnet_48").check()
    page.get_by_text("The page no longer has this photo. Add it again.").wait_for()


def test_a_broken_file_is_told_and_the_next_photo_works(page: Any, broken: Path, portrait: Path) -> None:
    add(page, portrait)
    page.wait_for_selector(".fz-box")
    add(page, broken)
    page.get_by_text("broken.png: the picture is damaged").wait_for()
    assert page.locator(".fz-box").count() == 0  # the old answer would seem to be this one's
    add(page, portrait)
    page.wait_for_selector(".fz-box")


def test_the_whole_picture_is_offered_where_no_face_is_found(page: Any, no_face: Path) -> None:
    add(page, no_face)
    page.get_by_role("heading", name="No face found").wait_for()
    page.get_by_role("button", name="Use the whole picture").click()
    page.get_by_text("The whole picture", exact=True).wait_for()
    open_models(page)
    assert len(parse_probabilities(page)) == 14


def wait_for_heats(page: Any, count: int) -> list[str]:
    page.wait_for_function(
        "n => document.querySelectorAll('.fz-panel:not([hidden]) .fz-heat-picture').length === n", arg=count
    )
    return page.locator(".fz-panel:visible .fz-heat-picture").evaluate_all("all => all.map(one => one.src)")


def test_an_expression_shows_where_each_model_sees_it_in_the_chosen_face(page: Any, pair: Path) -> None:
    add(page, pair)
    page.wait_for_selector(".fz-box")
    assert page.locator(".fz-heat-picture:visible").count() == 0
    page.get_by_role("button", name="happy: show where").click()
    first = wait_for_heats(page, 2)
    assert page.locator(".fz-panel:visible").get_by_text("The map is coarse").is_visible()
    page.get_by_role("button", name="sad: show where").click()
    page.wait_for_function("src => document.querySelector('.fz-heat-picture').src !== src", arg=first[0])
    assert set(wait_for_heats(page, 2)).isdisjoint(first)
    page.get_by_role("button", name="happy: show where").click()
    assert len(set(first)) == 2
    page.get_by_role("button", name="Face 2:").click()
    assert set(wait_for_heats(page, 2)).isdisjoint(first)
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if "queue/join" in sent.url else None)
    page.get_by_role("button", name="Face 1:").click()
    assert wait_for_heats(page, 2) == first and asked == []  # seen before: not computed again
    open_models(page)
    page.get_by_label("cnn-baseline").uncheck()
    assert wait_for_heats(page, 1) == first[1:]
    page.get_by_role("button", name="happy: show where").click()
    assert page.locator(".fz-heat-picture:visible").count() == 0


def test_heatmaps_that_failed_are_asked_for_again(
    page: Any, portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compare_tab import compare_view

    render = compare_view.render_heats
    failures = [RuntimeError("out of memory")]

    def fail_once(*given: Any) -> str:
        if failures:
            raise failures.pop()
        return render(*given)

    monkeypatch.setattr(compare_view, "render_heats", fail_once)
    add(page, portrait)
    row = page.get_by_role("button", name="happy: show where")
    row.click()
    page.wait_for_function("!document.querySelector('[data-why][aria-pressed=true]')")
    assert not failures
    row.click()
    wait_for_heats(page, 2)


def test_what_is_asked_for_meanwhile_overtakes_nothing(
    page: Any, portrait: Path, pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first photo's answer is made slow, and so are the heatmaps of two models."""
    from compare_tab import compare_view

    render_result, render_heats = compare_view.render_result, compare_view.render_heats

    def render_result_slowly(*given: Any) -> str:
        time.sleep(3 if given[-1] == "pair.png" else 0.8)
        return render_result(*given)

    def render_heats_slowly(*given: Any) -> str:
        time.sleep(2.5 if len(given[4]) == 2 else 0)
        return render_heats(*given)

    add(page, pair)
    page.wait_for_selector(".fz-box")
    open_models(page)
    monkeypatch.setattr(compare_view, "render_result", render_result_slowly)
    monkeypatch.setattr(compare_view, "render_heats", render_heats_slowly)
    baseline = page.get_by_label("cnn-baseline")
    add(page, portrait)
    page.wait_for_selector("#result[aria-busy=true]")
    baseline.uncheck()
    page.wait_for_function(
        "document.querySelector('[data-stem=portrait]') && !document.querySelector('.fz-more')"
    )
    baseline.check()
    page.wait_for_selector(".fz-more")
    page.get_by_role("button", name="happy: show where").click()
    baseline.uncheck()
    wait_for_heats(page, 1)
    page.wait_for_timeout(2500)  # those of two models have come
    wait_for_heats(page, 1)
    baseline.check()
    wait_for_heats(page, 2)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy picture").click()
    page.get_by_role("button", name="Copied").click()
    page.wait_for_timeout(2500)
    assert page.locator("[data-take=copy]").text_content() == "Copy picture"
    baseline.uncheck()
    page.get_by_role("button", name="Forget photo").click()
    page.get_by_text("The answer appears here").wait_for()
    page.wait_for_timeout(1500)
    assert page.locator(".fz-frame").count() == 0


def test_a_spanish_browser_sees_spanish(browser: Any, served: Any, pair: Path) -> None:
    context = browser.new_context(locale="es-ES")
    page = context.new_page()
    page.goto(served.url)
    page.get_by_role("button", name="Seis caras dibujadas").wait_for()
    page.get_by_text("Elegir una foto").first.wait_for()
    add(page, pair)
    page.get_by_text("Cara 1 de 2").wait_for()
    page.get_by_role("button", name="Cara 2:").click()
    page.get_by_role("button", name="tristeza: ver dónde").click()
    wait_for_heats(page, 2)
    page.get_by_role("button", name="Olvidar la foto").click()
    page.get_by_text("Aquí aparece la respuesta").wait_for()
    context.close()


def test_a_photo_can_be_forgotten(page: Any, portrait: Path) -> None:
    add(page, portrait)
    page.get_by_role("button", name="Forget photo").click()
    page.get_by_text("The answer appears here").wait_for()
    assert page.locator(".fz-frame").count() == 0
    assert page.evaluate("JSON.stringify(localStorage)").find("data:image") == -1


def test_an_example_is_one_click_away(page: Any) -> None:
    page.get_by_role("button", name="Four drawn faces").click()
    page.wait_for_selector(".fz-box")
    assert page.locator(".fz-box").count() == 4


def test_the_camera_takes_a_picture(page: Any) -> None:
    page.get_by_role("button", name="Use the camera").click()
    page.wait_for_function("document.querySelector('#photo video')?.currentTime > 0.3")
    page.get_by_role("button", name="Take the picture").click()
    page.get_by_role("heading", name="No face found").wait_for()  # Chromium's own test picture
    assert page.evaluate("document.querySelector('#photo video').srcObject?.active ?? false") is False


def slow_down(work: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def work_slowly(*given: Any) -> Any:
        time.sleep(seconds)
        return work(*given)

    return work_slowly


def test_quick_clicks_leave_no_camera_on_and_lose_nothing(
    page: Any, portrait: Path, pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from batch_tab import batch_view
    from models_tab import models_view

    page.evaluate(
        """() => {
          window.streams = [];
          const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async (wanted) => {
            window.streams.push(await open(wanted));
            return window.streams.at(-1);
          };
          const button = document.querySelector("#photo [data-camera]");
          button.click();
          button.click();
        }"""
    )
    page.wait_for_function("document.querySelector('#photo video').currentTime > 0.3")
    count = "window.streams.filter((one) => one.active).length"
    assert page.evaluate(count) == 1
    page.get_by_role("tab", name="Models").click()
    page.wait_for_function(f"{count} === 0")
    assert page.evaluate(
        """() => {
          const [dataTransfer, kind] = [new DataTransfer(), { bubbles: true, cancelable: true }];
          dataTransfer.items.add(new File(["x"], "photo.png"));
          return !document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, ...kind }));
        }"""
    )  # or the browser would show the file instead of the page
    monkeypatch.setattr(models_view, "render_model", slow_down(models_view.render_model, 0.5))
    sources = {"cnn-baseline": "fer2013", "resnet_48": "ferplus"}
    rows = [{**row, "label_source": sources[row["name"]]} for row in models_view.list_offered()]
    monkeypatch.setattr(models_view, "list_offered", lambda: rows)
    monkeypatch.setattr(models_view, "_measured", {})
    for name in sources:
        page.evaluate("name => { location.hash = `#/models/${name}`; }", name)
        page.wait_for_timeout(150)
    page.locator("[data-page=resnet_48]").wait_for()
    page.get_by_role("link", name="All models").click()
    page.locator("[data-filter=label_source]").select_option("ferplus")
    page.get_by_role("button", name="Measure speed here").click()
    page.get_by_text("median of many runs with one face").wait_for()
    assert page.locator(".fz-zoo tbody tr:visible").count() == 1
    monkeypatch.setattr(batch_view, "read_pictures", slow_down(batch_view.read_pictures, 2))
    page.get_by_role("tab", name="Many pictures").click()
    page.locator("#many input[type=file]").set_input_files(str(portrait))
    page.wait_for_timeout(1000)  # it is being read
    page.locator("#many input[type=file]").set_input_files(str(pair))
    page.locator(".fz-faces").get_by_text("pair.png").first.wait_for()


def test_of_two_photos_at_once_the_later_one_is_answered(page: Any, portrait: Path, pair: Path) -> None:
    for photo in (pair, portrait, pair, portrait):
        add(page, photo)
    page.wait_for_function("!document.querySelector('#result').ariaBusy && document.querySelector('.fz-box')")
    page.wait_for_timeout(800)
    assert page.locator("[data-stem=portrait] .fz-box").count() == 1
    add(page, portrait)
    page.get_by_role("button", name="Six drawn faces").click()
    page.wait_for_selector("[data-stem=drawn-crowd]")
    page.wait_for_timeout(800)
    assert page.locator(".fz-box").count() == 6


def test_a_large_photo_is_made_smaller_before_it_travels(
    page: Any, served: Any, portrait: Path, tmp_path: Path
) -> None:
    with Image.open(portrait) as face:
        large = face.resize((5120, 6000))
    exif = Image.Exif()
    exif[0x0112] = 6  # on its side: turned by the browser as the server would turn it
    large.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "large.jpg", quality=95, exif=exif)
    add(page, tmp_path / "large.jpg")
    page.wait_for_selector(".fz-box")
    size = page.evaluate(
        "(({ naturalWidth: w, naturalHeight: h }) => [w, h])(document.querySelector('.fz-frame img'))"
    )
    assert size[0] < size[1]
    (sent,) = {path.stat().st_size for path in served.list_files() if path.name == "large.jpg"}
    assert sent < 700_000 < (tmp_path / "large.jpg").stat().st_size


def test_the_answer_can_be_taken_away(page: Any, pair: Path, tmp_path: Path) -> None:
    add(page, pair)
    page.wait_for_selector(".fz-box")
    with page.expect_download() as picture:
        page.get_by_role("button", name="Save picture").click()
    assert picture.value.suggested_filename == "pair-faces.png"
    picture.value.save_as(tmp_path / "taken.png")
    with Image.open(tmp_path / "taken.png") as taken, Image.open(pair) as given:
        assert taken.size == given.size
        changed = np.abs(np.asarray(taken.convert("RGB"), int) - np.asarray(given, int)).max(2) > 60
    assert 0.01 < changed.mean() < 0.2  # boxes and labels, and the photo under them
    with page.expect_download() as listing:
        page.get_by_role("link", name="JSON").click()
    listed = json.loads(Path(listing.value.path()).read_text(encoding="utf-8"))
    assert listed["image"] == "pair.png" and listed["size"] == [900, 640] and len(listed["faces"]) == 2
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy picture").click()
    page.get_by_role("button", name="Copied").wait_for()
    kinds = page.evaluate("navigator.clipboard.read().then(([item]) => item.types)")
    assert kinds == ["image/png"]


def test_a_picture_from_the_clipboard_is_read(page: Any, portrait: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    encoded = base64.b64encode(portrait.read_bytes()).decode()
    page.evaluate(
        """async (encoded) => {
          const blob = await (await fetch(`data:image/png;base64,${encoded}`)).blob();
          await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
        }""",
        encoded,
    )
    page.get_by_role("button", name="Paste").click()
    page.wait_for_selector(".fz-box")


def test_models_sort_by_their_headings(page: Any) -> None:
    page.get_by_role("tab", name="Models").click()
    names = page.locator(".fz-zoo tbody th")
    assert names.first.text_content().startswith("cnn-baseline")
    page.get_by_role("button", name="Parameters").click()
    assert page.locator(".fz-zoo tbody th").first.text_content().startswith("cnn-baseline")
    page.get_by_role("button", name="Parameters").click()
    assert names.first.text_content().startswith("resnet_48")
    assert page.locator("th[aria-sort=ascending]").text_content() == "Parameters"
    assert page.locator("th[aria-sort=descending]").count() == 0


def test_the_page_says_what_it_cannot_know(page: Any) -> None:
    page.get_by_role("tab", name="About").click()
    page.get_by_text("An expression is not a feeling.").wait_for()


def test_speed_is_measured_where_the_page_runs(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from models_tab import models_view

    monkeypatch.setattr(models_view, "_measured", {})
    page.reload()
    page.get_by_role("tab", name="Models").click()
    page.get_by_role("heading", name="FER2013 accuracy and parameters").wait_for()
    page.get_by_role("button", name="Measure speed here").click()
    page.get_by_role("heading", name="FER2013 accuracy and time for one face").wait_for()
    page.get_by_text("median of many runs with one face").wait_for()
    times = page.locator(".fz-zoo td:nth-child(6)").all_text_contents()
    assert len(times) == 2 and all(0 < float(time.removesuffix(" ms")) < 5000 for time in times)


def test_a_model_has_its_page_and_the_keyboard_finds_the_way_back(page: Any) -> None:
    page.get_by_role("tab", name="Models").click()
    page.get_by_role("link", name="cnn-baseline").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Confusion matrix").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "cnn-baseline"
    bars = page.locator(".fz-classes .fz-bar")
    assert bars.count() == 7
    cell = bars.first.locator("..").bounding_box()["width"]
    share = float(bars.first.locator("xpath=../span[2]").text_content().removesuffix("%"))
    page.wait_for_timeout(400)  # the bars grow for 250 ms
    assert bars.first.bounding_box()["width"] / cell == pytest.approx(share / 100, abs=0.02)
    assert page.locator(".fz-dot").count() == 2
    page.get_by_role("link", name="All models").click()
    page.get_by_role("button", name="FER2013 accuracy").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "cnn-baseline"


def test_tabs_beyond_the_edge_of_a_phone_are_seen_in_part(page: Any) -> None:
    edge = page.locator("[role=tablist]").evaluate("one => one.getBoundingClientRect().right")
    boxes = [tab.bounding_box() for tab in page.locator("[role=tab]").all()]
    all_fit = boxes[-1]["x"] + boxes[-1]["width"] <= edge
    assert all_fit or any(box["x"] + 12 < edge < box["x"] + box["width"] for box in boxes)


def test_focus_is_seen(page: Any) -> None:
    page.get_by_role("tab", name="Models").click()
    page.keyboard.press("Tab")
    for _ in range(6):
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 2, page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")


def test_no_tab_asks_anything_of_the_network(page: Any) -> None:
    """The fixture fails the test at the first request to elsewhere."""
    tabs = page.get_by_role("tab")
    assert tabs.count() >= 3
    for index in range(tabs.count()):
        tabs.nth(index).click()
        page.wait_for_timeout(500)  # "networkidle" never comes: the page's heartbeat is a request that stays
    assert not page.locator("footer").is_visible()


def test_page_follows_a_spanish_browser(browser: Any, served: Any) -> None:
    context = browser.new_context(locale="es-MX")
    page = context.new_page()
    page.goto(served.url)
    page.get_by_role("tab", name="Modelos").click()
    page.get_by_role("button", name="Exactitud en FER2013").wait_for()
    assert page.locator("html").get_attribute("lang") == "es"
    assert page.title() == "Modelos de expresión facial, lado a lado"
    page.get_by_role("link", name="cnn-baseline").click()
    page.get_by_role("heading", name="Límites").wait_for()
    page.get_by_role("tab", name="Acerca de").click()
    page.get_by_text("Una expresión no es un sentimiento.").wait_for()
    context.close()
