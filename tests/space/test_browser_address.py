"""Each tab and each model has an address, and what a phone needs. Run with `-m browser`."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

pytestmark = pytest.mark.browser

SMALLEST = 44  # pixels that a finger needs


@pytest.fixture(params=[(1280, "en-GB"), (390, "es-MX")], ids=["desk", "phone"])
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    width, locale = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, locale=locale)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert errors == []


def find_tab(page: Any) -> str:
    return str(page.locator("[role=tab][aria-selected=true]").get_attribute("data-tab-id"))


def test_the_address_of_a_model_opens_its_page_and_back_leads_back(page: Any, served: Any) -> None:
    page.goto(f"{served.url}/#/models/resnet_48")
    page.locator("[data-page=resnet_48]").wait_for()
    assert find_tab(page) == "models"
    page.locator("#zoo a[href='#/models']").click()
    page.locator("#zoo a[data-model=cnn-baseline]").click()
    page.locator("[data-page=cnn-baseline]").wait_for()
    assert page.url.endswith("/#/models/cnn-baseline")
    page.go_back()
    page.locator(".fz-zoo").wait_for()
    page.go_back()
    page.locator("[data-page=resnet_48]").wait_for()


def test_each_tab_has_an_address_and_back_leads_to_the_one_before(page: Any, served: Any) -> None:
    page.goto(served.url)
    for name in ("live", "video", "batch", "models", "about"):
        page.locator(f"[role=tab][data-tab-id={name}]").click()
        page.wait_for_url(f"**/#/{name}")
    page.go_back()
    page.wait_for_function("document.querySelector('[data-tab-id=models]').ariaSelected === 'true'")
    page.reload()
    page.locator(".fz-zoo").wait_for()
    page.goto(f"{served.url}/?new#/nowhere")
    page.locator("#photo").wait_for()


def test_a_stray_percent_sign_in_the_address_is_text(page: Any, served: Any) -> None:
    page.goto(f"{served.url}/?100%&%E0%A4%A=%#/models/100%")
    page.get_by_text(re.compile("There is no such model here|Aquí no hay ningún modelo")).wait_for()
    page.evaluate("location.hash = '#/models/resnet_48'")
    page.locator("[data-page=resnet_48]").wait_for()
    page.evaluate("location.hash = '#/%E0%A4%A'")
    page.evaluate("location.hash = '#/models'")
    page.locator(".fz-zoo").wait_for()


def test_the_example_for_programs_names_this_page(page: Any, served: Any) -> None:
    page.goto(f"{served.url}/#/about")
    page.get_by_text(f'Client("{served.url}")').wait_for()
    page.locator("#about pre").focus()
    assert page.evaluate("document.activeElement.tagName") == "PRE"


def test_models_are_filtered_by_their_labels(page: Any, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from models_tab import models_view

    sources = {"cnn-baseline": "fer2013", "resnet_48": "ferplus"}
    rows = [{**row, "label_source": sources[row["name"]]} for row in models_view.list_offered()]
    monkeypatch.setattr(models_view, "list_offered", lambda: rows)
    page.goto(f"{served.url}/#/models")
    page.locator("[data-filter=label_source]").select_option("ferplus")
    shown = page.locator(".fz-zoo tbody tr:visible")
    assert shown.count() == 1 and shown.first.text_content().strip().startswith("resnet_48")
    page.locator("[data-filter=label_source]").select_option("")
    assert shown.count() == 2


def test_the_name_of_a_model_may_be_a_path(page: Any, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from models_tab import models_view

    names = {"cnn-baseline": "/home/me/runs/día 1", "resnet_48": "resnet_48"}
    rows = [{**row, "name": names[row["name"]]} for row in models_view.list_offered()]
    monkeypatch.setattr(models_view, "list_offered", lambda: rows)
    page.goto(f"{served.url}/#/models")
    page.locator("#zoo a[data-model^='/home']").click()
    page.get_by_role("heading", name="/home/me/runs/día 1").wait_for()
    page.reload()
    page.get_by_role("heading", name="/home/me/runs/día 1").wait_for()


def test_names_in_the_chart_stay_inside_the_page(page: Any, served: Any) -> None:
    page.goto(f"{served.url}/#/models")
    page.locator(".fz-plot").wait_for()
    width = page.viewport_size["width"]
    for text in page.locator(".fz-plot text:visible").all():
        box = text.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert page.locator(".fz-names").is_visible() == (width < 760)


def test_a_phone_has_its_tabs_in_one_row_and_room_for_fingers(page: Any, served: Any) -> None:
    page.goto(served.url)
    page.locator("#photo").wait_for()
    read_rows = "all => new Set(all.map(one => one.getBoundingClientRect().y)).size"
    assert page.locator("[role=tab]").evaluate_all(read_rows) == 1
    if page.viewport_size["width"] > 760:
        return
    for name in ("compare", "live", "video", "batch", "models", "about"):
        page.goto(f"{served.url}/#/{name}")
        page.wait_for_timeout(500)
        targets = page.locator("button:visible, select:visible, #zoo a:visible, fieldset label:visible").all()
        small = [target for target in targets if target.bounding_box()["height"] < SMALLEST - 0.5]
        assert [re.sub(r"\s+", " ", target.evaluate("one => one.outerHTML"))[:120] for target in small] == []


def test_the_answer_is_within_the_first_screen_and_a_half(page: Any, served: Any) -> None:
    page.goto(served.url)
    page.locator("[data-example]").nth(1).click()
    verdict = page.locator("#result h2").first
    verdict.wait_for()
    bottom = verdict.evaluate("one => one.getBoundingClientRect().bottom + window.scrollY")
    assert bottom < 1.5 * page.viewport_size["height"]


CONTRAST = """selector => {
  const read = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (one) => {
    const color = read(getComputedStyle(one).backgroundColor);
    return color.length === 4 && color[3] === 0 && one.parentElement ? ground(one.parentElement) : color;
  };
  return [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()).map((one) => {
    const [a, b] = [light(read(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
}"""


def test_headings_are_in_order_and_text_has_its_contrast(page: Any, served: Any) -> None:
    for name in ("compare", "live", "video", "batch", "models", "models/cnn-baseline", "about"):
        page.goto(f"{served.url}/?{name[:7]}#/{name}")
        page.wait_for_function(
            "id => document.querySelector('[role=tab][aria-selected=true]')?.dataset.tabId === id",
            arg=name.split("/")[0],
        )
        page.wait_for_timeout(500)
        levels = page.locator("h1:visible, h2:visible, h3:visible, h4:visible").evaluate_all(
            "all => all.map(one => Number(one.tagName[1]))"
        )
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), name
        contrasts = page.evaluate(CONTRAST, ".or, code, .fz-about, .fz-chip, .fz-terms dd, [role=tab]")
        assert not contrasts or min(contrasts) >= 4.5, name
        assert page.locator("[role=status]").evaluate_all("all => all.every(one => !/^H/.test(one.tagName))")


def test_spanish_has_one_register_in_gradios_own_words_too(browser: Any, served: Any) -> None:
    context = browser.new_context(locale="es-MX")
    page = context.new_page()
    page.goto(f"{served.url}/#/video")
    page.get_by_text("Suelta archivos aquí").wait_for()
    page.get_by_text("Haz clic para elegir").wait_for()
    page.get_by_label("Haz clic o suelta archivos").wait_for()
    text = page.locator("body").inner_text() + page.locator("body").inner_html()
    assert not re.search(r"\b(Haga|Coloque|Arrastre|Cargue|usted|inténtelo|permita)\b", text)
    context.close()
