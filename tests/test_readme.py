"""The README and its pages are run: their Python works, their commands exist, their links lead somewhere."""

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

from fer_zoo.artifacts.hub import list_models
from fer_zoo.cli.main import build_parser, main
from fer_zoo.emotions import EMOTIONS
from fer_zoo.experiments.ablation import format_study
from fer_zoo.experiments.search_space import parse_space
from fer_zoo.recipes.recipe import build_recipe, load_recipe, tomllib
from fer_zoo.utils.telemetry import import_onnxruntime

ROOT = Path(__file__).parents[1]
PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "README.md",
        "fer_zoo/docs/tutorial.md",
        "fer_zoo/docs/training.md",
        "fer_zoo/docs/onnx.md",
        "fer_zoo/docs/hub.md",
        "fer_zoo/docs/log.md",
        "tests/safety/README.md",
    )
}
README, TUTORIAL, TRAINING, ONNX, *_ = PAGES.values()


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
    """Where the README's reader stands: a face, and the exported model."""
    place = tmp_path_factory.mktemp("reader")
    generator = np.random.default_rng(0)
    Image.fromarray(generator.integers(0, 256, (60, 60), dtype=np.uint8)).save(place / "face.png")
    main(["export", "cnn-baseline", "--format", "onnx", "--out", str(place / "exported")])
    return place


def test_the_page_script_fits_the_file(folder: Path) -> None:
    script = find_blocks(ONNX, "js")[0]
    session = import_onnxruntime().InferenceSession(folder / "exported/model.onnx")
    taken, given = session.get_inputs()[0], session.get_outputs()[0]
    assert re.findall(r"run\(\{ (\w+): new", script) == [taken.name] and taken.type == "tensor(uint8)"
    assert f'"uint8", gray, {[1, *taken.shape[1:]]}' in script and f"const {{ {given.name} }}" in script
    assert f"const emotions = {json.dumps(EMOTIONS)};" in script


@pytest.mark.parametrize(
    ("text", "printed"),
    [(README, "'angry'"), (TUTORIAL, "'angry'"), (TRAINING, "[5, 1, 48, 48]"), (ONNX, "'angry'")],
    ids=["README", "tutorial", "training", "onnx"],
)
def test_the_python_runs(text: str, printed: str, capsys, folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    for block in find_blocks(text, "python"):
        exec(block, names)
    assert printed in capsys.readouterr().out


def test_the_links_between_the_pages_lead_somewhere() -> None:
    for name, text in PAGES.items():
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", text):
            assert (ROOT / name).parent.joinpath(target).exists(), f"{name} links to {target}"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_exist(command: str) -> None:
    build_parser().parse_args(shlex.split(command)[1:])


def test_the_figures_of_the_table_are_the_stored_ones() -> None:
    shown = [row for row in list_models() if "private" in row["metrics"]]
    assert shown
    for row in shown:
        line = next(line for line in README.splitlines() if line.startswith(f"| `{row['name']}`"))
        score = row["metrics"]["private"]
        low, high = (100 * bound for bound in score["accuracy_ci95"])
        expected = [
            f"{row['params'] / 1e6:.1f} M",
            f"{100 * score['accuracy']:.2f} % ({low:.2f} - {high:.2f})",
            f"{100 * row['metrics']['private_flip']['accuracy']:.2f} %",
            f"{100 * row['metrics']['test']['accuracy']:.2f} %",
        ]
        assert [cell.strip() for cell in line.split("|")[2:6]] == expected


def test_the_search_table_is_one() -> None:
    (block,) = find_blocks(TRAINING, "toml")
    assert {"learning_rate", "augment.erase"} <= {
        dimension.name for dimension in parse_space(tomllib.loads(block)["search"])
    }


def test_the_figures_of_the_tutorial_are_the_stored_ones() -> None:
    metrics = {row["name"]: row["metrics"] for row in list_models()}
    baseline = metrics["cnn-baseline"]
    expected = {
        "a better loop": [baseline["test"]["accuracy"]],
        "mirror image": [baseline["private"]["accuracy"], baseline["private_flip"]["accuracy"]],
        "large dense part": [metrics["resnet_48"]["private"]["accuracy"]],
        "a pretrained network": [metrics["efficientnet_lite0"]["private"]["accuracy"]],
        "several networks": [metrics["ensemble"]["private"]["accuracy"]],
    }
    for wish, shares in expected.items():
        line = next(line for line in TUTORIAL.splitlines() if line.startswith("| ") and wish in line)
        for share in shares:
            assert f"{100 * share:.2f} %" in line
    assert f"calibration error of `cnn-baseline` {100 * baseline['private']['ece']:.1f} %" in TUTORIAL


def read_study(name: str) -> dict:
    """The numbers of a study that was run, of which its table must be made."""
    folder = ROOT / "model_cards" / "studies"
    result = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    assert (folder / f"{name}.md").read_text(encoding="utf-8") == format_study(result)
    return result


def test_the_widths_in_the_tutorial_are_the_stored_ones() -> None:
    for row in read_study("head_width")["variants"]:
        assert f"{100 * row['private']['accuracy']['mean']:.2f} %" in TUTORIAL


def test_the_late_answers_in_the_tutorial_are_the_stored_ones() -> None:
    result = read_study("balance_late")
    rows = {row["name"]: row["private"] for row in result["variants"]}
    line = next(line for line in TUTORIAL.splitlines() if "--recipe balanced" in line)
    for name in ("plain", "balanced sampling"):
        for column in ("accuracy", "disgust_recall"):
            assert f"{100 * rows[name][column]['mean']:.2f} %" in line
    balanced = next(row for row in result["variants"] if row["name"] == "balanced sampling")
    assert build_recipe(balanced["recipe"]) == load_recipe("balanced")


def test_the_search_in_the_tutorial_is_the_stored_one() -> None:
    with (ROOT / "model_cards" / "studies" / "tune-cnn-baseline.csv").open(newline="") as file:
        trials = list(csv.DictReader(file))
    complete = [row for row in trials if row["state"] == "complete"]
    best = max(float(row["public_accuracy"]) for row in complete)
    assert f"{100 * best:.2f} %" in TUTORIAL and f"{len(trials)} short runs" in TUTORIAL
    random = max(float(row["public_accuracy"]) for row in complete if int(row["trial"]) < 10)
    assert f"{100 * random:.0f} % for the best of ten random tries" in TUTORIAL
    assert sum(row["head_width"] not in ("1024", "") for row in complete) == 3


def test_what_each_correction_of_the_loop_gives_in_the_tutorial_is_the_stored() -> None:
    rows = {row["name"]: row["private"] for row in read_study("ablation")["variants"]}
    published, undropped, right, acting, normalized, cycled, decayed, averaged, smoothed, widened = (
        rows.values()
    )
    for row in (published, undropped, acting, normalized, cycled, decayed, averaged, smoothed, widened):
        assert f"{100 * row['accuracy']['mean']:.2f} %" in TUTORIAL
    for row in (published, right):
        assert f"{row['loss']['mean']:.3f}" in TUTORIAL
    for before, after in ((published, undropped), (acting, normalized), (cycled, decayed)):
        assert not is_better(before["accuracy"], after["accuracy"])
    for row in (averaged, smoothed):
        assert not is_better(cycled["accuracy"], row["accuracy"])
    assert is_better(widened["accuracy"], smoothed["accuracy"])
    assert is_better(right["accuracy"], acting["accuracy"])
    assert is_better(normalized["accuracy"], cycled["accuracy"])
    means = [100 * row["accuracy"]["mean"] for row in rows.values()]
    steps = [after - before for before, after in pairwise(means)]
    assert max(steps) == steps[2] and f"{steps[2]:.1f} points" in README  # the face is turned, not its row
    assert f"{steps[4]:.1f} points" in README  # one-cycle


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
        assert f"{100 * row[column]['mean']:.2f} %" in TUTORIAL
    for row in (whole, cleaned):
        assert f"{100 * row['ferplus']['mean']:.2f} %" in README
