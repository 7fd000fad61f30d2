"""What an answer says beside its numbers, and where a photo may come from. Run with `-m browser`."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", autouse=True)
def fetching() -> Iterator[None]:
    """Whoever runs this page lets it fetch pictures. Before `served`, whose page asks for it once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_ZOO_DEMO_FETCH", "1")
        yield


@pytest.fixture(params=[(1280, "en-GB"), (390, "es-MX")], ids=["desk", "phone"])
def page(browser: Any, served: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    width, locale = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, locale=locale)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(served.url)
    page.wait_for_function("lang => document.documentElement.lang === lang", arg=locale[:2])
    page.wait_for_selector("#photo .fz-state", state="attached")
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert errors == []


def add(page: Any, photo: Path) -> None:
    page.locator("#photo input[type=file]").first.set_input_files(str(photo))


def choose(page: Any, english: str, spanish: str) -> str:
    return spanish if page.evaluate("navigator.language").startswith("es") else english


def test_three_pictures_are_a_click_away_and_fill_their_buttons(page: Any) -> None:
    page.wait_for_function(
        """() => {
          const images = [...document.querySelectorAll("[data-example] img")];
          return images.length >= 3 && images.every((one) => one.complete && one.naturalHeight > 100);
        }"""
    )
    for button in page.locator("[data-example]").all():
        image = button.locator("img")
        outer, inner = button.bounding_box(), image.bounding_box()
        assert inner["y"] - outer["y"] < 3 and outer["width"] - inner["width"] < 5


def test_two_families_answer_side_by_side_and_one_sentence_says_why(
    page: Any, portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both answers stand at one height where they stand side by side."""
    from compare_tab import compare_html
    from page.offered_models import ModelFacts

    facts = {"cnn-baseline": ModelFacts(), "resnet_48": ModelFacts("ferplus")}
    monkeypatch.setattr(compare_html, "read_facts", lambda: facts)
    add(page, portrait)
    page.wait_for_selector(".fz-answer")
    told = choose(page, "What ten people would say", "Lo que dirían diez personas")
    assert page.locator(".fz-family").nth(1).text_content() == told
    page.get_by_text(choose(page, "So the two may differ.", "Por eso pueden diferir.")).wait_for()
    measure = "headings => headings.map(one => one.getBoundingClientRect().toJSON())"
    one, other = page.locator(".fz-answer h2").evaluate_all(measure)  # at once: the page may be scrolling
    if page.viewport_size["width"] > 760:
        assert one["y"] == pytest.approx(other["y"], abs=1) and one["x"] + one["width"] <= other["x"]
    else:
        assert one["y"] + one["height"] <= other["y"]


def test_one_answer_and_one_chart_and_the_other_models_folded_on_a_phone(page: Any, portrait: Path) -> None:
    add(page, portrait)
    page.wait_for_selector(".fz-answer")
    assert page.locator(".fz-answer h2:visible").count() == page.locator(".fz-lead:visible").count() == 1
    table = page.locator(".fz-models table")
    assert table.is_visible() == (page.viewport_size["width"] > 760)
    page.evaluate("document.querySelector('.fz-models').open = true")
    assert table.is_visible() and table.locator("thead th").count() == 3


def cut_in_half(photo: Image.Image) -> Image.Image:
    return photo.crop((235, 0, *photo.size))


def add_noise(photo: Image.Image) -> Image.Image:
    small = np.asarray(photo.resize((154, 180)), dtype=float)
    noise = np.random.default_rng(0).normal(0, 30, small.shape)
    return Image.fromarray((small + noise).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("change", "english", "spanish"),
    [
        (cut_in_half, "The photo's edge cuts this face", "El borde de la foto corta esta cara"),
        (add_noise, "A grainy face", "Una cara con mucho ruido"),
        (lambda photo: photo.rotate(180), "The photo was upside down", "La foto estaba boca abajo"),
        (lambda photo: photo.resize((85, 100)), "A small face", "Una cara pequeña"),
    ],
    ids=["cut", "noise", "upside down", "small"],
)
def test_what_makes_an_answer_doubtful_is_said_beside_it(
    page: Any,
    portrait: Path,
    tmp_path: Path,
    change: Callable[[Image.Image], Image.Image],
    english: str,
    spanish: str,
) -> None:
    told = page.get_by_text(choose(page, english, spanish))
    add(page, portrait)
    page.wait_for_selector("[data-stem=portrait]")
    assert told.count() == 0
    with Image.open(portrait) as photo:
        change(photo).save(tmp_path / "hard.png")
    add(page, tmp_path / "hard.png")
    page.wait_for_selector("[data-stem=hard] .fz-box")
    assert told.is_visible()


def test_a_slow_upload_says_how_far_it_is(page: Any, portrait: Path) -> None:
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.send("Network.emulateNetworkConditions", slow)
    page.evaluate(
        """() => {
          window.told = [];
          const photo = document.querySelector("#photo");
          const note = () => window.told.push(photo.querySelector(".fz-state").textContent);
          new MutationObserver(note).observe(photo, { childList: true, subtree: true });
        }"""
    )
    add(page, portrait)
    page.wait_for_selector(".fz-box")
    page.wait_for_function("document.querySelector('#photo .fz-state').textContent === ''")
    told = page.evaluate("window.told")
    percent = [
        int(found[1]) for one in told if (found := re.fullmatch(r"(?:Sending|Enviando): (\d+) %", one))
    ]
    assert len(set(percent)) > 2 and percent == sorted(percent), told


def test_a_picture_may_be_named_by_its_address_where_that_is_allowed(
    page: Any, served: Any, portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compare_tab import compare_view
    from page.uploads import Upload

    asked: list[str] = []

    def fetch(url: str) -> Upload:
        asked.append(url)
        return Upload("portrait.png", portrait.read_bytes())

    monkeypatch.setattr(compare_view, "fetch_picture", fetch)
    link = page.get_by_label(
        choose(page, "Or the address of a picture on the web", "O la dirección de una foto en la web")
    )
    link.fill("https://example.com/portrait.png")
    link.press("Enter")
    page.wait_for_selector("[data-stem=portrait] .fz-box")
    assert asked == ["https://example.com/portrait.png"]
    monkeypatch.undo()
    link.fill("https://127.0.0.1/private.png")
    link.press("Enter")
    page.locator("#result .fz-message").wait_for()
    assert page.locator(".fz-box").count() == 0
    page.goto(f"{served.url}/?new#/about")
    page.get_by_text(
        choose(page, "lets it fetch a picture from the web", "le permite traer una foto de la web")
    ).wait_for()


def test_the_table_of_models_says_where_its_figures_come_from(
    page: Any, served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models_tab import models_view

    rows = [{**row, "latency": {"milliseconds": 3.5}} for row in models_view.list_offered()]
    monkeypatch.setattr(models_view, "list_offered", lambda: rows)
    page.goto(f"{served.url}/?new#/models")
    shown = (choose(page, "3.5 ms", "3,5 ms"), choose(page, "model card", "ficha del modelo"))
    time = page.locator(".fz-zoo tbody tr").first.locator("td").nth(4)
    time.filter(has_text=shown[1]).wait_for()
    assert time.inner_text().split("\n") == list(shown)
    page.get_by_text("288").wait_for()
    heads = page.locator(".fz-zoo thead").inner_text()
    assert "FER2013" in heads and "FER+" in heads
