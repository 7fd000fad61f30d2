"""The report: its numbers are eval's, it stands alone, and names in it cannot become markup."""

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from fer_zoo.artifacts.artifact import save_artifact
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.cli.main import main
from fer_zoo.data.synthetic import write_synthetic

HISTORY = (
    "epoch,train_loss,train_accuracy,public_loss,public_accuracy,learning_rate,images_per_s,seconds\n"
    "1,1.9,0.2,1.8,0.31,0.001,100,60\n2,1.7,0.3,1.6,0.42,0.002,100,60\n3,1.6,0.3,1.7,0.40,0.001,100,60\n"
)
CHROMIUM = Path("/usr/bin/chromium")


class Reported(NamedTuple):
    path: Path
    page: str
    numbers: dict[str, Any]
    model: Path
    data: Path


def run(capsys: Any, *arguments: object) -> Any:
    main([str(one) for one in arguments])
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_synthetic(folder / "drawn.csv", count=210)
    for name in ("cnn-baseline", "<b>other"):  # two runs of one architecture are named by their folders
        run_folder = folder / name
        run_folder.mkdir()
        save_artifact(run_folder, create_model("cnn-baseline").eval(), {"metrics": {}})
    (folder / "cnn-baseline" / "history.csv").write_text(HISTORY, encoding="ascii")
    return folder


@pytest.fixture(scope="module")
def reported(work: Path) -> Reported:
    """One model's page, made once by the command."""
    out, data, model = work / "page.html", work / "drawn.csv", work / "cnn-baseline"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        main(["report", str(model), "--data", str(data), "--out", str(out), "--json"])
    return Reported(out, out.read_text(encoding="utf-8"), json.loads(printed.getvalue()), model, data)


def test_the_numbers_are_those_of_eval(reported: Reported, capsys) -> None:
    scores = run(capsys, "eval", reported.model, "--data", reported.data, "--json")
    (numbers,) = reported.numbers["models"]
    assert {key: numbers[key] for key in scores} == scores
    assert f"<dd>{scores['accuracy']:.2%}<small>" in reported.page
    assert f"<dd>{scores['ece']:.2%}<small>" in reported.page
    for row in scores["per_class"].values():
        assert f"<span>{row['recall']:.1%}</span>" in reported.page
    cells = re.findall(r"<small>([\d,]+)</small></td>", reported.page)
    assert [int(cell.replace(",", "")) for cell in cells] == np.ravel(scores["confusion"]).tolist()


def test_the_page_has_every_part(reported: Reported) -> None:
    for anchor in (
        "training",
        "emotions",
        "confusion",
        "confidence",
        "mistakes",
        "doubts",
        "heatmaps",
        "map",
    ):
        assert f'<section id="{anchor}">' in reported.page
        assert f'<a href="#{anchor}">' in reported.page
    assert reported.page.count("<polyline") == 2 * 3 + 1 + 7  # accuracy, loss; learning rate; corruptions
    assert "42.0% in epoch 2" in reported.page
    assert 'id="raters"' not in reported.page  # nobody gave FER+


def test_the_page_stands_alone(reported: Reported) -> None:
    assert not re.findall(r"https?://|<script|<link|@import|url\(", reported.page)
    assert set(re.findall(r'src="(.*?)[/,]', reported.page)) == {"data:image"}


def test_several_models_are_compared_and_no_name_becomes_markup(work: Path, capsys) -> None:
    models, out = [work / "cnn-baseline", work / "<b>other"], work / "both.html"
    result = run(capsys, "report", *models, "--data", work / "drawn.csv", "--out", out, "--json")
    compared = run(capsys, "compare", *models, "--data", work / "drawn.csv", "--json")
    assert result["pairs"] == compared["pairs"]
    assert [one["accuracy"] for one in result["models"]] == [one["accuracy"] for one in compared["models"]]
    page = out.read_text(encoding="utf-8")
    assert page.count("<polyline") == 2 * 7
    assert f'<td class="number">{compared["pairs"][0]["p_value"]:.2g}</td>' in page


def test_more_models_than_can_be_told_apart_are_refused(work: Path, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["report", *["cnn-baseline"] * 7, "--data", str(work / "drawn.csv")])
    assert stop.value.code == 2
    assert "allowed are up to 6" in capsys.readouterr().err


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["desk", "phone"])
def test_it_opens_in_a_browser_and_asks_for_nothing(reported: Reported, width: int, scheme: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install --no-install-recommends chromium")
    faults: list[str] = []
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
        page.on("console", lambda line: faults.append(line.text))
        page.on("request", lambda sent: faults.append(sent.url) if sent.url.startswith("http") else None)
        page.goto(reported.path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width  # nothing sticks out
        broken = "[...document.images].filter(one => !one.naturalWidth).length"
        assert page.evaluate(broken) == 0
        grounds = {"light": "rgb(250, 250, 249)", "dark": "rgb(12, 10, 9)"}
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == grounds[scheme]
        chromium.close()
    assert faults == []
