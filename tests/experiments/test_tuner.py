"""The search finds the better setting, stops hopeless runs, is shared by workers and goes on where it was."""

import csv
import itertools
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import fer_zoo.experiments.tuner as tuning
from fer_zoo.artifacts.hub import load
from fer_zoo.cli.main import main
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.synthetic import write_synthetic
from fer_zoo.errors import TrainingError
from fer_zoo.experiments.search_space import parse_space
from fer_zoo.experiments.tuner import tune
from fer_zoo.recipes.recipe import build_recipe, load_recipe

pytestmark = pytest.mark.usefixtures("small_network")

RECIPE = build_recipe(
    {
        "epochs": 2,
        "batch_size": 14,
        "precision": "float32",
        "head_width": 32,
        "dropout": 0.0,
        "augment": {"flip": 0.0},
    }
)
SPACE = parse_space(
    {"learning_rate": {"low": 1e-8, "high": 3e-2, "log": True}, "schedule": ["constant", "cosine"]}
)


def draw_spots(count: int, generator: np.random.Generator) -> Faces:
    """Noise with a bright field, whose place is the label: learned in twenty steps at a good rate."""
    labels = np.arange(count) % 7
    pixels = generator.integers(0, 60, (count, 1, 48, 48), dtype=np.uint8)
    for face, label in zip(pixels, labels, strict=True):
        top, left = 12 * (label // 3), 16 * (label % 3)
        face[0, top : top + 12, left : left + 16] += 180
    return Faces(pixels, labels)


@pytest.fixture(scope="module")
def few() -> FER2013:
    generator = np.random.default_rng(0)

    class Forbidden:
        def __getattr__(self, name: str) -> None:
            raise AssertionError(f"the search looked at private_test.{name}")

    training, public = draw_spots(140, generator), draw_spots(70, generator)
    return FER2013(training, public, Forbidden(), "few", "drawn")  # type: ignore[arg-type]


def search(dataset: FER2013, out: Path, trials: int, **options):
    options = {"search_seed": 4, "show_progress": False, **options}
    return tune("small", dataset, RECIPE, SPACE, out=out, trials=trials, **options)


@pytest.fixture(scope="module")
def searched(few: FER2013, tmp_path_factory) -> tuple[Path, tuning.TuneResult]:
    out = tmp_path_factory.mktemp("search")
    return out, search(few, out, trials=6, show_progress=True)


def read_trials(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "trials.csv").open()))


def test_the_better_learning_rate_is_found(searched) -> None:
    out, result = searched
    rates = [float(row["learning_rate"]) for row in read_trials(out)]
    assert min(rates) < 2e-5 and sum(rate > 2e-3 for rate in rates) > 1  # both kinds were tried
    assert result.parameters["learning_rate"] > 2e-3 and result.accuracy > 0.9
    assert result.finished + result.pruned == 6
    best = load_recipe(out / "best.toml")
    assert best.learning_rate == result.parameters["learning_rate"] and best.epochs == 2
    assert result.accuracy == max(
        float(r["public_accuracy"]) for r in read_trials(out) if r["state"] == "complete"
    )


def test_a_hopeless_run_is_stopped_early(searched) -> None:
    stopped = [row for row in read_trials(searched[0]) if row["state"] == "pruned"]
    assert stopped and all(row["epochs"] == "1" for row in stopped)


def test_pictures_are_drawn_and_only_the_best_keeps_its_weights(searched) -> None:
    out, result = searched
    for name in ("history", "importance", "slices"):
        gray = np.asarray(Image.open(out / f"{name}.png").convert("L"))
        assert gray.shape[0] > 300 and 0.005 < (gray < 200).mean() < 0.9
    assert [path.parent.name for path in out.glob("trials/*/*.safetensors")] == [f"{result.best:04d}"]
    assert (
        load(out / "trials" / f"{result.best:04d}").info["metrics"]["public"]["accuracy"] == result.accuracy
    )
    assert len(list(out.glob("trials/*/history.csv"))) == 6


def test_a_search_goes_on_where_it_was_and_does_the_interrupted_run_again(
    few: FER2013, tmp_path: Path, monkeypatch
) -> None:
    fit, calls = tuning.fit, []

    def stop_in_second_run(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit(*arguments, **options)

    monkeypatch.setattr(tuning, "fit", stop_in_second_run)
    with pytest.raises(KeyboardInterrupt):
        search(few, tmp_path, trials=3)
    monkeypatch.undo()
    assert [row["state"] for row in read_trials(tmp_path)] == ["complete", "fail", "waiting"]
    result = search(few, tmp_path, trials=3)
    rows = read_trials(tmp_path)
    assert result.finished + result.pruned == 3 and len(rows) == 4
    assert rows[2]["learning_rate"] == rows[1]["learning_rate"]
    assert search(few, tmp_path, trials=3) == result  # nothing left to do


def test_another_search_in_the_folder_is_refused(few: FER2013, searched) -> None:
    with pytest.raises(TrainingError, match="its seed differ"):
        search(few, searched[0], trials=9, seed=5)


def test_runs_that_break_down_end_the_search(few: FER2013, tmp_path: Path, monkeypatch) -> None:
    def explode(*_, **__):
        raise TrainingError("The training loss is nan.")

    monkeypatch.setattr(tuning, "fit", explode)
    with pytest.raises(TrainingError, match="loss is nan"):
        search(few, tmp_path, trials=9)


def test_a_draw_whose_settings_clash_is_skipped(few: FER2013, tmp_path: Path, monkeypatch, capsys) -> None:
    def pretend(*_, recipe, **__):
        return SimpleNamespace(public_accuracy=0.5)

    monkeypatch.setattr(tuning, "fit", pretend)
    monkeypatch.setattr(tuning, "draw_study", lambda *_: None)
    space = parse_space({"augment": {"mixup": [0.0, 0.2], "cutmix": [0.0, 1.0]}})
    result = tune("small", few, RECIPE, space, out=tmp_path, trials=6, search_seed=0)
    skipped = [row for row in read_trials(tmp_path) if row["state"] == "skipped"]
    assert len(skipped) > 1
    assert all(row["augment.mixup"] == "0.2" and row["augment.cutmix"] == "1.0" for row in skipped)
    assert result.finished == 6 and result.pruned == 0
    assert capsys.readouterr().err.count("augment.mixup and augment.cutmix are both on") == 1


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////proc/nowhere/x.db", "oracle://me:secret@host/name"])
def test_a_database_that_is_none_is_one_line(few: FER2013, tmp_path: Path, url: str) -> None:
    with pytest.raises(TrainingError) as caught:
        search(few, tmp_path, trials=1, storage=url)
    assert (
        "--storage" in str(caught.value)
        and "\n" not in str(caught.value)
        and "secret" not in str(caught.value)
    )


def test_without_optuna_the_command_says_what_to_install(capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(SystemExit, match="2"):
        main(["tune", "--arch", "cnn-baseline", "--data", "x"])
    error = capsys.readouterr().err
    assert "pip install 'fer-zoo[tune]'" in error and len(error.strip().splitlines()) == 1


@pytest.mark.slow
def test_two_processes_share_one_study(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "faces.csv", count=240, seed=0)
    recipe = tmp_path / "r.toml"
    recipe.write_text("epochs = 1\nhead_width = 16\n[search]\nlearning_rate = { low = 1e-4, high = 1e-2 }\n")
    command = [sys.executable, "-m", "fer_zoo", "tune", "--arch", "cnn-baseline", "--trials", "6"]
    command += [
        "--data",
        str(tmp_path / "faces.csv"),
        "--recipe",
        str(recipe),
        "--out",
        str(tmp_path / "out"),
    ]
    workers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for worker in workers:
        _, error = worker.communicate(timeout=240)
        assert worker.returncode == 0, error
    rows = read_trials(tmp_path / "out")
    assert 6 <= len(rows) <= 7  # both may begin the last one
    assert {row["state"] for row in rows} <= {"complete", "pruned"}
    assert len({row["learning_rate"] for row in rows}) == len(rows)
    with sqlite3.connect(tmp_path / "out" / "study.db") as database:
        spans = database.execute("SELECT datetime_start, datetime_complete FROM trials ORDER BY 1").fetchall()
    assert any(later < ended for (_, ended), (later, _) in itertools.pairwise(spans))  # side by side
