"""Prediction speed: every step is timed, and every number follows from the times."""

import json
import time

import pytest

import fer_zoo.bench.peer_speed as peer_speed
import fer_zoo.bench.prediction_speed as bench
from fer_zoo.cli.main import main
from fer_zoo.errors import ImageError


@pytest.fixture
def short(monkeypatch) -> None:
    """Without new processes and the export, which take seconds each."""
    start = {"import_s": 0.01, "list_s": 0.02, "load_s": 0.5, "load_peak_mb": 300}
    start["first_answer_s"] = {"torch": 2.5, "onnx": 0.2}
    monkeypatch.setattr(bench, "measure_start", lambda model: start)
    monkeypatch.setattr(bench, "BATCH_SIZES", (1, 2))
    monkeypatch.setattr(bench, "write_onnx", lambda model, path: None)
    monkeypatch.setattr(bench, "OnnxClassifier", lambda path, threads: lambda faces: time.sleep(0.001))


def test_the_command_measures_both_runtimes_and_prints_one_json_value(short, capsys) -> None:
    main(["bench", "predict", "--models", "cnn-baseline", "--repeats", "2", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert {row["runtime"] for row in result["models"]} == {"torch", "onnx"}
    for row in result["models"]:
        assert row["faces_per_s"] == pytest.approx(1000 * row["batch"] / row["median_ms"], abs=1)
    steps = result["steps"]
    assert (steps["width"], steps["height"]) == (640, 480)
    assert all(steps[key]["p95_ms"] >= steps[key]["median_ms"] > 0 for key in ("read", "find", "whole_way"))
    table = bench.format_prediction(result)
    assert (
        "cnn-baseline" in table and "find the faces" in table and "300 MB" in table and "onnx 0.20 s" in table
    )


def test_a_wrong_name_is_refused_before_the_peers_are_timed(monkeypatch, capsys) -> None:
    monkeypatch.setattr(peer_speed, "measure_peers", lambda *_, **__: pytest.fail("the work began"))
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "predict", "--models", "cnn-baseline,resnet_49", "--peer", "python"])
    assert "resnet_49" in capsys.readouterr().err


def test_the_warm_up_is_not_counted(monkeypatch) -> None:
    clock = iter([second for number in range(7) for second in (number, number + (9 if number < 3 else 1))])
    monkeypatch.setattr(bench.time, "perf_counter", lambda: next(clock))
    assert bench._time(lambda: None, repeats=4) == {"median_ms": 1000, "p95_ms": 1000}


def test_a_start_is_measured_in_new_processes(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FER_ZOO_CACHE", str(tmp_path))
    start = bench.measure_start("cnn-baseline", starts=1)
    assert 0 < start["import_s"] < start["load_s"] and start["load_peak_mb"] > 50 and start["list_s"] > 0
    assert set(start["first_answer_s"]) == {"torch", "onnx"}


def test_a_photo_that_cannot_be_read_is_named(tmp_path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(ImageError, match=r"empty\.png: empty"):
        bench.measure_prediction(["cnn-baseline"], tmp_path / "empty.png")
