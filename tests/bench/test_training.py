"""Both runners train, and the numbers follow from the seconds."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import fer_zoo.bench.training_speed as bench
from fer_zoo.cli.main import main
from fer_zoo.data.fer2013 import Faces
from fer_zoo.recipes.recipe import load_recipe


@pytest.fixture
def benchmark() -> bench.Benchmark:
    recipe = load_recipe("baseline", ["epochs=1", "batch_size=8"])
    return bench.Benchmark("cnn-baseline", bench.make_faces(None, 16), recipe, workers=0, device="cpu")


@pytest.mark.parametrize("name", bench.RUNNERS)
def test_a_runner_trains_a_round_and_returns_its_seconds(benchmark, name) -> None:
    assert 0 < bench.RUNNERS[name](benchmark)() < 60


@pytest.mark.parametrize("name", bench.RUNNERS)
def test_a_runner_trains_on_own_classes(benchmark, name) -> None:
    classes = tuple("abcdefghi")
    few = Faces(benchmark.faces.pixels[:9], np.arange(9), classes)
    own = replace(benchmark, faces=bench.make_faces(few, 16))
    assert own.faces.classes == classes and bench.RUNNERS[name](own)() > 0


def test_data_without_training_faces_is_refused(tmp_path, capsys) -> None:
    for name in ("joy", "grief"):
        (tmp_path / "test" / name).mkdir(parents=True)
        Image.new("L", (48, 48), len(name)).save(tmp_path / "test" / name / "1.png")
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "train", "--data", str(tmp_path)])
    assert "no face in the split 'train'" in capsys.readouterr().err


def test_faces_are_repeated_up_to_the_count() -> None:
    few = bench.make_faces(None, 5)
    many = bench.make_faces(few, 12)
    assert many.pixels.shape == (12, 1, 48, 48)
    assert np.array_equal(many.pixels[10], few.pixels[0]) and many.labels[11] == few.labels[1]


def test_the_numbers_follow_from_the_seconds(monkeypatch) -> None:
    """The first round warms up and does not count."""
    seconds = {"ours": [9.0, 2.0, 1.0, 3.0], "tutorial": [9.0, 4.0, 5.0, 9.0]}
    peaks = {"ours": 500.0, "tutorial": 700.0}
    monkeypatch.setattr(bench, "_run_interleaved", lambda *_: (seconds, peaks))
    result = bench.compare_training(bench.build_benchmark("cnn_baseline", steps=10), rounds=3)
    assert result["images_per_s"] == 640 and result["tutorial_images_per_s"] == 256
    assert result["ratio"] == 2.5 and result["ratio_of_rounds"] == [2.0, 5.0, 3.0]
    assert result["peak_memory_mb"] == 500 and result["tutorial_peak_memory_mb"] == 700
    assert "2.50 times" in bench.format_training(result)


PEAKS = """
import numpy as np
from fer_zoo.bench.peak_memory import read_peak_mb
before = read_peak_mb()
np.ones(10_000_000)
print(read_peak_mb() - before)
"""


def test_peak_memory_is_kept_after_the_memory_is_free() -> None:
    grown = float(subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, check=True).stdout)
    assert 70 < grown < 100  # 80 MB of numbers


@pytest.mark.slow
def test_the_command_interleaves_both() -> None:
    command = [sys.executable, "-m", "fer_zoo", "bench", "train", "--steps", "1", "--rounds", "1"]
    out = subprocess.run(
        [*command, "--workers", "0", "--json"], capture_output=True, text=True, check=True
    ).stdout
    result = json.loads(out)
    assert result["ratio"] > 0 and len(result["ratio_of_rounds"]) == 1
    assert result["floors"]["times_the_floor"] > 0 and "until" not in result
