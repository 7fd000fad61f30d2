"""Roofline: FLOPs and bytes are counted, not estimated; time to accuracy is that of a real run."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

import fer_zoo.bench.roofline as roofline
from fer_zoo.bench.time_to_accuracy import format_until, time_until
from fer_zoo.bench.training_speed import build_benchmark
from fer_zoo.cli.main import main
from fer_zoo.recipes.recipe import load_recipe


def test_bytes_of_arguments_and_results_are_counted() -> None:
    a, b = torch.ones(100), torch.ones(100)
    with roofline.CountBytes() as moved:
        a + b  # reads 800, writes 400
        a.add_(b)  # the same
        a.view(10, 10).t()  # nothing
        torch._foreach_add_([a], [b])  # reads 800, writes 400
        torch.ones(1000, 10)[torch.tensor([3, 5])]  # writes 40,000; reads 80, writes 80, and the indices
    assert 3 * 1200 + 40_160 <= moved.total <= 3 * 1200 + 40_160 + 100


def test_twice_the_faces_take_twice_the_flops() -> None:
    benchmark = build_benchmark("cnn-baseline", steps=1, device="cpu")
    half = replace(benchmark, recipe=replace(benchmark.recipe, batch_size=8))
    whole = replace(benchmark, recipe=replace(benchmark.recipe, batch_size=16))
    (few, few_bytes), (many, many_bytes) = roofline.count_step(half), roofline.count_step(whole)
    assert many == pytest.approx(2 * few, rel=0.01) and few_bytes < many_bytes < 2 * few_bytes
    assert few / 8 == pytest.approx(0.54e9, rel=0.02)  # 0.18 forward, three times that with backward


def test_the_lower_bound_is_work_over_speed(monkeypatch) -> None:
    monkeypatch.setattr(roofline, "count_step", lambda benchmark: (10**9, 10**8))
    monkeypatch.setattr(roofline, "measure_product", lambda device, dtype: 224 * 1e9 / 2)
    monkeypatch.setattr(roofline, "measure_copy", lambda device: 224 * 1e8 / 5)
    result = roofline.measure_roofline(build_benchmark("cnn-baseline", steps=1, device="cpu"), epoch_s=20)
    assert (result["floor_flop_s"], result["floor_bytes_s"], result["times_the_floor"]) == (2, 5, 4)
    assert "2.000 s and 5.000 s at least; fer-zoo train takes 4.0 times" in roofline.format_roofline(result)


def test_peak_speeds_are_plausible() -> None:
    cpu = torch.device("cpu")
    assert 1e9 < roofline.measure_product(cpu, torch.float32) < 1e14
    assert 1e8 < roofline.measure_copy(cpu) < 1e13


def test_training_ends_with_the_epoch_that_passes_the_level(drawn) -> None:
    recipe = load_recipe("baseline", ["epochs=3", "batch_size=256"])
    small = replace(drawn, training=drawn.private_test)
    result = time_until("cnn-baseline", small, 1.0, recipe, device="cpu")
    assert result["passed"] and result["epochs"] == 1 and result["later_epoch_s"] is None
    assert result["seconds"] == pytest.approx(result["first_epoch_s"], abs=0.02)
    assert "1 % on PublicTest: passed in" in format_until(result)


def test_a_level_that_is_never_passed_is_told(monkeypatch, drawn) -> None:
    def fit(*_, on_epoch, **__) -> None:
        for accuracy in (0.3, 0.5, 0.4):
            on_epoch({"public_accuracy": accuracy})

    monkeypatch.setattr("fer_zoo.bench.time_to_accuracy.fit", fit)
    recipe = load_recipe("baseline", ["epochs=3", "compile=true"])
    result = time_until("cnn-baseline", drawn, 50.0, recipe, device="cpu")
    assert not result["passed"] and result["epochs"] == 3 and result["public_accuracy"] == 0.5
    text = format_until(result)
    assert "50 % on PublicTest: not passed" in text and "compilation in it" in text and "a later one" in text


def test_until_needs_faces(monkeypatch, capsys) -> None:
    monkeypatch.delenv("FER_ZOO_DATA", raising=False)
    with pytest.raises(SystemExit) as end:
        main(["bench", "train", "--until", "60"])
    assert end.value.code == 2 and "give FER2013 with --data" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_tells_all_of_it(tmp_path) -> None:
    from fer_zoo.data.synthetic import write_synthetic

    write_synthetic(tmp_path / "drawn.csv", count=400)
    command = [sys.executable, "-m", "fer_zoo", "bench", "train", "--steps", "1", "--rounds", "1"]
    more = ["--workers", "0", "--data", str(tmp_path / "drawn.csv"), "--until", "1", "--json"]
    out = subprocess.run([*command, *more], capture_output=True, text=True, check=True).stdout
    result = json.loads(out)
    assert result["until"]["passed"] and result["floors"]["epoch_tflop"] == pytest.approx(15.5, rel=0.02)
