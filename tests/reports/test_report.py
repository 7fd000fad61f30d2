"""The report: its numbers are eval's, it stands alone, and names in it cannot become markup."""

import contextlib
import html
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.cli.main import main
from fer_zoo.data.synthetic import draw_faces, write_synthetic
from fer_zoo.evaluation.robustness import CORRUPTIONS
from fer_zoo.reports import model_results

HISTORY = (
    "epoch,train_loss,train_accuracy,public_loss,public_accuracy,learning_rate,images_per_s,seconds\n"
    "1,1.9,0.2,1.8,0.31,0.001,100,60\n2,1.7,0.3,1.6,0.42,0.002,100,60\n3,1.6,0.3,1.7,0.40,0.001,100,60\n"
)
HOSTILE = "\"><img src=x onerror=alert(1)>'{{ 7 * 7 }}&amp;"
CHROMIUM = Path("/usr/bin/chromium")


class Reported(NamedTuple):
    path: Path
    page: str
    numbers: dict[str, Any]
    model: Path
    data: Path


class Parsed(HTMLParser):
    """What a browser makes of a page: its tags, attributes, texts and the sources of its images."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.sources: set[str] = set()
        self.texts: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.sources |= {str(value).split(";")[0] for name, value in attrs if name == "src"}

    def handle_data(self, data: str) -> None:
        self.texts.add(data.strip())


def parse_page(page: str) -> Parsed:
    parsed = Parsed()
    parsed.feed(page)
    return parsed


def read_chart(page: str, title: str) -> tuple[dict[str, list[tuple[float, float]]], list[str]]:
    """The lines of a chart by name, in percent from the left and the bottom, and the words of its dots."""
    figure = re.search(rf"<figure><figcaption><b>{title}</b>.*?</figure>", page, flags=re.DOTALL)
    assert figure, title
    lines = {}
    for points, name in re.findall(r'points="([^"]*)"><title>(.*?)</title>', figure[0]):
        pairs = [pair.split(",") for pair in points.split()]
        lines[html.unescape(name)] = [(float(x), round(100 - float(y), 2)) for x, y in pairs]
    return lines, [html.unescape(words) for words in re.findall(r"<circle.*?<title>(.*?)</title>", figure[0])]


def run(capsys: Any, *arguments: object) -> Any:
    main([str(one) for one in arguments])
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_synthetic(folder / "drawn.csv", count=210)
    for name in ("cnn-baseline", HOSTILE):  # two runs of one architecture are named by their folders
        run_folder = folder / name
        run_folder.mkdir()
        torch.manual_seed(len(name))  # they disagree about some faces
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
    assert "42.0% in epoch 2" in reported.page
    assert 'id="raters"' not in reported.page  # nobody gave FER+


def test_the_charts_of_training_show_its_history(reported: Reported) -> None:
    lines, dots = read_chart(reported.page, "Accuracy")
    assert lines["PublicTest"] == [(0, 31), (50, 42), (100, 40)]
    assert lines["Training, augmented"] == [(0, 20), (50, 30), (100, 30)]
    assert dots == ["best epoch: 42.0% at 2"]
    lines, dots = read_chart(reported.page, "Loss")
    assert lines["PublicTest"] == [(0, 90), (50, 80), (100, 85)]  # of an axis from 0 to 2
    assert dots == ["best epoch: 1.6 at 2"]
    lines, _ = read_chart(reported.page, "Learning rate")
    assert lines == {"learning rate": [(0, 50), (50, 100), (100, 50)]}


def test_the_charts_of_robustness_show_its_numbers(reported: Reported) -> None:
    (numbers,) = reported.numbers["models"]
    assert len(numbers["robustness"]["curves"]) == 7
    for name, curve in numbers["robustness"]["curves"].items():
        lines, dots = read_chart(reported.page, CORRUPTIONS[name].title)
        (line,) = lines.values()
        levels = curve["levels"]
        across = [round(100 * (level - levels[0]) / (levels[-1] - levels[0]), 2) for level in levels]
        expected = list(zip(across, [round(100 * one, 2) for one in curve["accuracy"]], strict=True))
        assert line == [pytest.approx(pair, abs=0.011) for pair in expected]
        shown = zip(curve["accuracy"], levels, strict=True)
        assert dots == [f"cnn-baseline: {one:.1%} at {level:g}" for one, level in shown]


def test_the_bars_of_calibration_show_its_bins(reported: Reported) -> None:
    bins = reported.numbers["models"][0]["reliability"]
    rows = zip(bins["confidence"], bins["accuracy"], bins["count"], strict=True)
    for confidence, accuracy, count in rows:
        if count:
            words = f"<title>confidence {confidence:.0%}: accuracy {accuracy:.0%}, {count:,} faces</title>"
            assert re.search(rf'height="{100 * accuracy:.2f}%"[^>]*>{re.escape(words)}', reported.page)


def test_the_page_stands_alone(reported: Reported) -> None:
    assert not re.findall(r"https?://|<script|<link|@import|url\(", reported.page)
    assert set(re.findall(r'src="(.*?)[/,]', reported.page)) == {"data:image"}


def test_several_models_are_compared_and_no_name_becomes_markup(work: Path, capsys) -> None:
    data = work / "<script>alert(2)&.csv"
    shutil.copy(work / "drawn.csv", data)
    models, out = [work / "cnn-baseline", work / HOSTILE], work / "both.html"
    result = run(capsys, "report", *models, "--data", data, "--out", out, "--json")
    compared = run(capsys, "compare", *models, "--data", work / "drawn.csv", "--json")
    assert result["pairs"] == compared["pairs"]
    assert [one["accuracy"] for one in result["models"]] == [one["accuracy"] for one in compared["models"]]
    page = out.read_text(encoding="utf-8")
    assert f'<td class="number">{compared["pairs"][0]["p_value"]:.2g}</td>' in page
    significant = compared["pairs"][0]["p_value"] < 0.05
    assert ("not significant (p &gt;= 0.05)" in page, "significant (p &lt; 0.05)" in page) == (
        not significant,
        significant,
    )
    for one in result["models"]:
        lines, dots = read_chart(page, "Noise")
        assert [y for _, y in lines[one["model"]]] == pytest.approx(
            [100 * accuracy for accuracy in one["robustness"]["curves"]["noise"]["accuracy"]], abs=0.011
        )
        assert sum(words.startswith(f"{one['model']}: ") for words in dots) == 6
    parsed = parse_page(page)
    names = {one["model"] for one in result["models"]}
    assert any(HOSTILE in name for name in names)
    assert names <= parsed.texts
    assert any("<script>alert(2)&.csv" in text for text in parsed.texts)
    assert not {"script", "link"} & parsed.tags
    assert "onerror" not in parsed.attributes
    assert parsed.sources <= {"data:image/png"}


def test_more_models_than_can_be_told_apart_are_refused(work: Path, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["report", *["cnn-baseline"] * 7, "--data", str(work / "drawn.csv")])
    assert stop.value.code == 2
    assert "allowed are up to 6" in capsys.readouterr().err


def test_a_page_of_own_classes_and_faces_says_nothing_of_fer2013s(tmp_path: Path, capsys) -> None:
    classes, data, model = ("bored", "focused", "lost"), tmp_path / "faces", tmp_path / "run"
    for number, pixels in enumerate(draw_faces(30, np.random.default_rng(0)).pixels[:, 0]):
        picture = data / classes[number % 3] / f"{number}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(picture)
    save_artifact(model, create_model("resnet_48", classes=classes).eval(), {"metrics": {}})
    (model / "history.csv").write_text(
        HISTORY.replace("0.40,", "0.42,").replace("1.6,0.3,1.7", "1.6,0.3,1.5")
    )
    with pytest.warns(UserWarning, match="no such split"):
        main(["report", str(model), "--data", str(data), "--out", str(tmp_path / "page.html")])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "mean over the classes" in page and "3\nequal probabilities would have 1.58" in page
    assert "mind who sees it" in page and "The faces are FER2013" not in page
    assert "42.0% in epoch 3" in page, "of equal accuracies a run keeps the one with the lower loss"


def test_votes_of_other_faces_are_refused_before_the_work(work: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(model_results, "predict_split", lambda *_: pytest.fail("it predicts first"))
    data = str(work / "drawn.csv")
    with pytest.raises(SystemExit) as stop:
        main(["report", str(work / "cnn-baseline"), "--data", data, "--ferplus", data])
    assert stop.value.code == 2 and "fer2013new.csv" in capsys.readouterr().err


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["desk", "phone"])
def test_it_opens_in_a_browser_and_asks_for_nothing(reported: Reported, width: int, scheme: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install --no-install-recommends chromium")
    issues: list[str] = []
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
        page.on("console", lambda line: issues.append(line.text))
        page.on("request", lambda sent: issues.append(sent.url) if sent.url.startswith("http") else None)
        page.goto(reported.path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width  # nothing sticks out
        broken = "[...document.images].filter(one => !one.naturalWidth).length"
        assert page.evaluate(broken) == 0
        grounds = {"light": "rgb(250, 250, 249)", "dark": "rgb(12, 10, 9)"}
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == grounds[scheme]
        chromium.close()
    assert issues == []
