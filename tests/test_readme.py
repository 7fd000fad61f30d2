"""The README is run: its Python works, and its commands exist."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from fer_zoo.cli import build_parser, main
from fer_zoo.emotions import EMOTIONS
from fer_zoo.hub import list_models
from fer_zoo.recipes.recipe import tomllib
from fer_zoo.recipes.search import parse_space

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def find_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


COMMANDS = [
    line for block in find_blocks("bash") for line in block.splitlines() if line.startswith("fer-zoo ")
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
    script = find_blocks("js")[0]
    session = onnxruntime.InferenceSession(folder / "exported/model.onnx")
    taken, given = session.get_inputs()[0], session.get_outputs()[0]
    assert re.findall(r"run\(\{ (\w+): new", script) == [taken.name] and taken.type == "tensor(uint8)"
    assert f'"uint8", grey, {[1, *taken.shape[1:]]}' in script and f"const {{ {given.name} }}" in script
    assert f"const emotions = {json.dumps(EMOTIONS)};" in script


def test_the_python_runs(capsys, folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    for block in find_blocks("python"):
        exec(block, names)
    assert "angry" in capsys.readouterr().out


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
    (block,) = find_blocks("toml")
    assert {"learning_rate", "augment.erase"} <= {
        dimension.name for dimension in parse_space(tomllib.loads(block)["search"])
    }
