"""Int8: a quarter of the size, nearly the same logits, and the loss of accuracy stored and printed."""

import json
from pathlib import Path

import numpy as np
import pytest

from fer_zoo.artifacts.hub import load
from fer_zoo.artifacts.onnx_model import OnnxClassifier
from fer_zoo.artifacts.resolve import resolve_folder
from fer_zoo.cli.main import main
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.synthetic import draw_faces
from fer_zoo.errors import ArtifactError, FerZooError
from fer_zoo.evaluation.evaluate import compare_artifacts, evaluate_artifact
from fer_zoo.evaluation.inference import predict_logits
from fer_zoo.evaluation.quantize import export_int8, format_int8


@pytest.fixture(scope="module")
def small() -> FER2013:
    generator = np.random.default_rng(0)
    splits = [draw_faces(128, generator) for _ in range(3)]
    return FER2013(*splits, fingerprint="small", source="drawn")


@pytest.fixture(scope="module")
def exported(small: FER2013, tmp_path_factory) -> Path:
    path, report = export_int8(resolve_folder("cnn-baseline"), tmp_path_factory.mktemp("int8"), small)
    assert report == OnnxClassifier(path).quantization
    return path


def test_a_quarter_of_the_size_and_nearly_the_same_logits(exported: Path, small: FER2013) -> None:
    runtime = OnnxClassifier(exported)
    size = runtime.quantization["bytes"]
    assert size["float32"] / size["int8"] > 3.5
    assert exported.stat().st_size == pytest.approx(size["int8"], rel=0.01)
    faces = small.private_test.pixels
    exact, quantized = predict_logits(load("cnn-baseline"), faces).numpy(), runtime(faces)
    assert 0 < np.abs(quantized - exact).mean() < 0.1 * exact.std()


def test_the_file_stores_its_accuracy_and_the_difference(exported: Path, small: FER2013) -> None:
    runtime = OnnxClassifier(exported)
    assert runtime.name == "cnn-baseline-int8" and set(runtime.metrics) == {"public", "private"}
    for split, row in runtime.quantization["accuracy"].items():
        measured = evaluate_artifact(exported, small, split=split)["accuracy"]
        assert measured == row["int8"] == runtime.metrics[split]["accuracy"]
        assert row["difference"] == pytest.approx(row["int8"] - row["float32"])
    assert runtime.quantization["calibration_faces"] == 128
    row = runtime.quantization["accuracy"]["private"]
    line = format_int8(runtime.quantization).splitlines()[1]
    assert f"{row['int8']:.2%}" in line and f"{100 * row['difference']:+.2f} points" in line


def test_an_onnx_file_is_compared_with_its_source(exported: Path, small: FER2013) -> None:
    result = compare_artifacts([exported, resolve_folder("cnn-baseline")], small)
    stored = OnnxClassifier(exported).quantization["accuracy"]["private"]
    assert result["pairs"][0]["difference"] == pytest.approx(stored["difference"])
    with pytest.raises(FerZooError, match="--record"):
        evaluate_artifact(exported, small, record=True)
    with pytest.raises(ArtifactError, match=r"missing\.onnx"):
        evaluate_artifact(exported.with_name("missing.onnx"), small)


def test_the_commands(exported: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    data = str(tmp_path / "drawn.csv")
    main(["data", "synth", data, "--count", "140"])
    capsys.readouterr()
    main(["eval", str(exported), "--data", data, "--json"])
    assert json.loads(capsys.readouterr().out)["model"] == "cnn-baseline-int8"
    monkeypatch.delenv("FER_ZOO_DATA", raising=False)
    for options in (
        ["--out", str(tmp_path)],  # not for safetensors
        ["--out", str(tmp_path), "--format", "onnx"],  # no data
        ["--out", str(exported.parent), "--format", "onnx", "--data", data],  # it exists
    ):
        with pytest.raises(SystemExit) as caught:
            main(["export", "cnn-baseline", "--int8", *options])
        assert caught.value.code == 2 and capsys.readouterr().err.count("\n") == 1
