"""What a run says of itself: a header, in a pipe its pace, and a line for each epoch."""

import io
import re
from pathlib import Path

import pytest
import rich.console
import torch
from safety import toy

import fer_zoo.training.display as display
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import build_recipe, load_recipe
from fer_zoo.training.display import TrainingDisplay
from fer_zoo.training.header import name_recipe
from fer_zoo.training.trainer import fit


def train(folder: Path, **options: object) -> None:
    toy.add_toy()
    recipe = build_recipe({**toy.RECIPE, "epochs": 2})
    data = toy.make_faces()
    fit("toy", data.training, data.public_test, recipe, out=folder, device="cpu", data=data.info, **options)


def test_a_run_in_a_pipe_begins_with_a_header_and_tells_its_pace(
    tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(display, "PACE_STEPS", 3)
    train(tmp_path / "run", seed=7)
    said = capsys.readouterr().err
    header, pace, epochs = said.splitlines()[:5], said.splitlines()[5], said.splitlines()[6:]
    threads = torch.get_num_threads()
    assert header[:2] == [
        "toy: 147 parameters",
        f"device: cpu ({threads} thread{'s' if threads > 1 else ''}), float32",
    ]
    assert header[2] == "data: toy, 96 Training and 49 PublicTest faces"
    assert re.match(r"recipe: \w+ with .*; 2 epochs of 6 steps, 16 faces each, seed 7", header[3])
    assert header[4] == f"folder: {tmp_path / 'run'}"
    assert re.match(r"after 3 steps: [\d,]+ img/s, about \d+ s an epoch and \d+ s for all left$", pace)
    assert [line.split("/")[0] for line in epochs] == ["epoch   1", "epoch   2"]


def test_resuming_where_nothing_is_starts_the_run_and_says_so(tmp_path: Path, capsys) -> None:
    train(tmp_path / "new", resume=True)
    assert "/new, nothing to resume there yet: starting with epoch 1\n" in capsys.readouterr().err
    train(tmp_path / "new", resume=True)
    assert "/new, resuming after epoch 2\n" in capsys.readouterr().err


def test_a_terminal_gets_the_header_and_the_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen, console = io.StringIO(), rich.console.Console

    def on_screen(**options: object) -> rich.console.Console:
        return console(**{**options, "stderr": False}, file=screen, force_terminal=True, width=120)

    monkeypatch.setattr(rich.console, "Console", on_screen)
    train(tmp_path)
    assert (
        "toy: 147 parameters" in screen.getvalue() and "\x1b[?25l" in screen.getvalue()
    )  # a bar hides the cursor
    assert "steps:" not in screen.getvalue()


def test_the_pace_counts_every_process(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes, 10 of the 20 images of a step each, half a second a step: 40 images a second."""
    clock = iter([0.0, 0.5, 1.0, 1.0])
    monkeypatch.setattr(display.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(display, "PACE_STEPS", 3)
    shown = TrainingDisplay("toy", 10, 12_000, [], visible=True, processes=2)
    for step in range(1, 6):
        shown.advance(10 * step, torch.zeros(2))
    assert (
        capsys.readouterr().err
        == "after 3 steps: 40 img/s, about 5 minutes an epoch and 50 minutes for all left\n"
    )


def test_a_recipe_is_named_by_the_nearest_one() -> None:
    row = find_architecture("cnn-baseline")
    assert name_recipe(row, load_recipe(row.recipe)) == row.recipe
    assert name_recipe(row, load_recipe("tutorial", ["epochs=1"])) == "tutorial with epochs=1"
    changed = load_recipe("tutorial", ["augment.mixup=0.4", "patience=3"])
    assert name_recipe(row, changed) == "tutorial with patience=3, augment.mixup=0.4"
