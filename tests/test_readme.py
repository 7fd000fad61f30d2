"""The README and the guides are run: their Python works, their commands exist, their links lead somewhere."""

import csv
import json
import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from readme_tables import TABLES, find_table

import fer_zoo
from fer_zoo.cli.main import build_parser, main
from fer_zoo.emotions import EMOTIONS
from fer_zoo.experiments.ablation import format_study
from fer_zoo.experiments.search_space import parse_space
from fer_zoo.recipes.recipe import build_recipe, load_recipe, tomllib
from fer_zoo.utils.telemetry import import_onnxruntime

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "fer_zoo" / "docs"
FILES = (
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "tests/safety/README.md")),
    *sorted(set(DOCS.glob("*.md")) - {DOCS / "tutorial.source.md"}),  # tests/test_tutorial.py runs it
)
PAGES = {path: path.read_text(encoding="utf-8") for path in FILES}
README, LOG, TRAIN, ONNX = (
    PAGES[path] for path in (FILES[0], DOCS / "log.md", DOCS / "train.md", DOCS / "onnx.md")
)


def find_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


COMMANDS = [
    line
    for block in find_blocks("\n".join(PAGES.values()), "bash")
    for line in block.splitlines()
    if line.startswith("fer-zoo ")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the reader stands: a photo, a face, and the exported model."""
    reader = tmp_path_factory.mktemp("reader")
    generator = np.random.default_rng(0)
    for name in ("photo.jpg", "face.png"):
        Image.fromarray(generator.integers(0, 256, (60, 60), dtype=np.uint8)).save(reader / name)
    main(["export", "cnn-baseline", "--format", "onnx", "--out", str(reader / "exported")])
    return reader


def test_the_page_script_fits_the_file(folder: Path) -> None:
    script = find_blocks(ONNX, "js")[0]
    session = import_onnxruntime().InferenceSession(folder / "exported/model.onnx")
    taken, given = session.get_inputs()[0], session.get_outputs()[0]
    assert re.findall(r"run\(\{ (\w+): new", script) == [taken.name] and taken.type == "tensor(uint8)"
    assert f'"uint8", gray, {[1, *taken.shape[1:]]}' in script and f"const {{ {given.name} }}" in script
    assert f"const emotions = {json.dumps(EMOTIONS)};" in script


@pytest.mark.parametrize(
    "page", [pytest.param(text, id=path.name) for path, text in PAGES.items() if "```python\n" in text]
)
def test_the_python_runs(page: str, folder: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    blocks = find_blocks(page, "python")
    for block in blocks:
        exec(block, names)
    assert not any("print(" in block for block in blocks) or capsys.readouterr().out.strip()


def test_the_first_screen_prints_an_answer(folder: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    exec(find_blocks(README, "python")[0], {})
    assert "'angry'" in capsys.readouterr().out


def find_headings(path: Path) -> set[str]:
    """The anchors of a page, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_links_between_the_pages_lead_somewhere(path: Path) -> None:
    pictures = [(target, "", "") for target in re.findall(r'<img src="([^"]*)"', PAGES[path])]
    links = re.findall(r"\]\((?!http)([^)#\s]*)(#([^)\s]*))?\)", PAGES[path])
    for target, _, anchor in pictures + links:
        there = path.parent / target if target else path
        assert there.exists(), f"{path.name} links to {target}"
        if anchor:
            assert anchor in find_headings(there), f"{path.name} links to {target}#{anchor}"


def test_the_readme_is_short_and_leads_to_every_guide() -> None:
    assert len(README.splitlines()) <= 150
    guides = {path.name for path in FILES if path.parent == DOCS} | {"tutorial.ipynb", "tutorial.es.ipynb"}
    missing = [name for name in guides if f"fer_zoo/docs/{name}" not in README]
    assert missing == []


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_made_from_metrics_and_code(name: str) -> None:
    assert find_table(name) == TABLES[name][1](), "run: python tests/readme_tables.py"


def test_every_public_name_is_in_the_reference() -> None:
    listed = re.findall(r"^::: fer_zoo\.(\w+)$", PAGES[DOCS / "api.md"], flags=re.MULTILINE)
    assert sorted(listed) == sorted(fer_zoo.__all__)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_exist(command: str) -> None:
    build_parser().parse_args(shlex.split(command)[1:])


def test_the_search_table_is_one() -> None:
    (block,) = find_blocks(TRAIN, "toml")
    assert {"learning_rate", "augment.erase"} <= {
        dimension.name for dimension in parse_space(tomllib.loads(block)["search"])
    }


def read_study(name: str) -> dict:
    """The numbers of a study that was run, of which its table must be made."""
    folder = ROOT / "model_cards" / "studies"
    result = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    assert (folder / f"{name}.md").read_text(encoding="utf-8") == format_study(result)
    return result


def test_the_widths_in_the_log_are_the_stored_ones() -> None:
    for row in read_study("head_width")["variants"]:
        assert f"{100 * row['private']['accuracy']['mean']:.2f} %" in LOG


def test_the_late_answers_are_the_stored_ones() -> None:
    result = read_study("balance_late")
    rows = {row["name"]: row["private"] for row in result["variants"]}
    told = next(text for text in TRAIN.split("\n\n") if "recall of disgust" in text)
    for name in ("plain", "balanced sampling"):
        for column in ("accuracy", "disgust_recall"):
            assert f"{100 * rows[name][column]['mean']:.2f} " in told
    balanced = next(row for row in result["variants"] if row["name"] == "balanced sampling")
    assert build_recipe(balanced["recipe"]) == load_recipe("balanced")


def test_the_search_in_the_log_is_the_stored_one() -> None:
    with (ROOT / "model_cards" / "studies" / "tune-cnn-baseline.csv").open(newline="") as file:
        trials = list(csv.DictReader(file))
    complete = [row for row in trials if row["state"] == "complete"]
    best = max(float(row["public_accuracy"]) for row in complete)
    assert f"{100 * best:.2f} %" in LOG and f"{len(trials)} short runs" in LOG
    random = max(float(row["public_accuracy"]) for row in complete if int(row["trial"]) < 10)
    assert f"{100 * random:.0f} % for the best of ten random tries" in LOG
    assert sum(row["head_width"] not in ("1024", "") for row in complete) == 3


def test_what_each_correction_of_the_loop_gives_is_the_stored() -> None:
    rows = {row["name"]: row["private"] for row in read_study("ablation")["variants"]}
    published, undropped, right, acting, normalized, cycled, decayed, averaged, smoothed, widened = (
        rows.values()
    )
    for row in (published, undropped, acting, normalized, cycled, decayed, averaged, smoothed, widened):
        assert f"{100 * row['accuracy']['mean']:.2f} %" in LOG
    for row in (published, right):
        assert f"{row['loss']['mean']:.3f}" in LOG
    for before, after in ((published, undropped), (acting, normalized), (cycled, decayed)):
        assert not is_better(before["accuracy"], after["accuracy"])
    for row in (averaged, smoothed):
        assert not is_better(cycled["accuracy"], row["accuracy"])
    assert is_better(widened["accuracy"], smoothed["accuracy"])
    assert is_better(right["accuracy"], acting["accuracy"])
    assert is_better(normalized["accuracy"], cycled["accuracy"])
    means = [100 * row["accuracy"]["mean"] for row in rows.values()]
    steps = [after - before for before, after in pairwise(means)]
    assert max(steps) == steps[2] and f"{steps[2]:.1f} points" in LOG  # the face is turned, not its row
    assert f"{steps[4]:.1f} points" in LOG  # one-cycle


def is_better(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether every seed of the second is better than every seed of the first."""
    return min(after["values"]) > max(before["values"])


def test_what_cleaning_gives_in_the_pages_is_the_stored() -> None:
    rows = {row["name"]: row["private"] for row in read_study("exclude")["variants"]}
    cleaned, whole = rows["without wrong labels and what shows no face"], rows["all faces"]
    uncopied = rows["without copies"]
    for row, column in (
        (whole, "accuracy"),
        (cleaned, "accuracy"),
        (whole, "ferplus"),
        (cleaned, "ferplus"),
        (uncopied, "accuracy"),
        (whole, "no_copies"),
        (uncopied, "no_copies"),
    ):
        assert f"{100 * row[column]['mean']:.2f} %" in LOG
    for row in (whole, cleaned):
        assert f"{100 * row['ferplus']['mean']:.2f} %" in LOG
