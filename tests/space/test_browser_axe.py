"""axe-core finds nothing on any tab. Run with `-m browser`; AXE_CORE names axe.min.js, else npm has it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

AXE = Path(os.environ.get("AXE_CORE", "/usr/lib/node_modules/axe-core/axe.min.js"))
GRADIOS = [".upload-container"]  # its button has an aria-label that lacks the text inside
RUN = """async (excluded) => {
  const { violations } = await axe.run({ exclude: excluded }, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}"""


@pytest.fixture(params=[(1280, "en-GB"), (390, "es-MX")], ids=["desk", "phone"])
def size(request: pytest.FixtureRequest) -> tuple[int, str]:
    return request.param


@pytest.fixture(params=["light", "dark"])
def page(browser: Any, served: Any, size: tuple[int, str], request: pytest.FixtureRequest) -> Iterator[Any]:
    if not AXE.is_file():
        pytest.skip(f"{AXE} is missing: npm install -g axe-core, or name axe.min.js in AXE_CORE")
    width, locale = size
    scheme, viewport = request.param, {"width": width, "height": 844}
    context = browser.new_context(
        viewport=viewport, locale=locale, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(served.url)
    page.locator("[data-example]").first.wait_for()
    page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    yield page
    context.close()


def check(page: Any) -> None:
    page.wait_for_timeout(700)  # what fades in has its colors
    assert page.evaluate(RUN, GRADIOS) == []


def test_axe_finds_nothing_beside_an_answer(page: Any) -> None:
    check(page)
    page.locator("[data-example=crowd]").click()
    page.locator(".fz-panel:visible [data-why=happy]").click()
    page.locator(".fz-panel:visible .fz-heat-picture").first.wait_for()
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    check(page)


def test_axe_finds_nothing_on_the_other_tabs(page: Any, portrait: Path, clip: Path) -> None:
    marks = {
        "live": "#live select",
        "models": ".fz-zoo",
        "models/cnn-baseline": ".fz-classes",
        "about": "#about h2",
    }
    for address, mark in marks.items():
        page.goto(f"{page.url.partition('#')[0]}#/{address}")
        page.locator(mark).first.wait_for()
        check(page)
    for tab, drop, file in (("batch", "#many", portrait), ("video", "#clip", clip)):
        page.goto(f"{page.url.partition('#')[0]}#/{tab}")
        page.locator(f"{drop} input[type=file]").first.set_input_files(str(file))
        page.locator(f"#{tab} .fz-report").wait_for()
        check(page)
