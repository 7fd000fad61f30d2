"""One ONNX file holds the whole model, whatever the network, and needs no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fer_zoo.artifacts.artifact import list_embedded
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.hub import load
from fer_zoo.artifacts.onnx_model import OnnxClassifier, write_onnx
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.cli.main import main
from fer_zoo.errors import ArtifactError
from fer_zoo.models.registry import ARCHITECTURES


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("onnx")
    main(["export", "cnn-baseline", "--format", "onnx", "--out", str(out)])
    return out / "model.onnx"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_row_gives_the_same_logits_at_any_batch_size(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = create_model(name).eval()
    model.temperature = 1.7
    write_onnx(model, tmp_path / "model.onnx")
    runtime = OnnxClassifier(tmp_path / "model.onnx")
    generator = np.random.default_rng(1)
    for count in (1, 2, 7):
        faces = generator.integers(0, 256, (count, 1, 48, 48), dtype=np.uint8)
        with torch.inference_mode():
            expected = model(torch.from_numpy(faces)).numpy()
        np.testing.assert_allclose(runtime(faces), expected, atol=1e-4)


def test_the_file_knows_its_name_and_metrics_and_predicts_as_torch_does(
    exported: Path, tmp_path: Path
) -> None:
    generator = np.random.default_rng(2)
    Image.fromarray(generator.integers(0, 256, (48, 48), dtype=np.uint8)).save(tmp_path / "face.png")
    runtime, model = OnnxClassifier(exported), load("cnn-baseline")
    assert runtime.name == "cnn-baseline"
    assert runtime.metrics["private"]["accuracy"] == model.info["metrics"]["private"]["accuracy"]
    expected = model.predict(tmp_path / "face.png")
    assert runtime.predict(str(tmp_path / "face.png")) == pytest.approx(expected, abs=1e-5)
    assert runtime.predict([]) == []


def test_it_runs_without_torch(exported: Path) -> None:
    code = (
        "import sys, numpy, fer_zoo\n"
        f"runtime = fer_zoo.OnnxClassifier({str(exported)!r})\n"
        "print(runtime.predict(numpy.zeros((48, 48), numpy.uint8))['happy'])\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert 0 < float(done.stdout) < 1


@pytest.mark.skipif("ensemble" not in list_embedded(), reason="the package has no ensemble")
def test_the_ensemble_is_one_file(tmp_path: Path) -> None:
    write_onnx(load("ensemble"), tmp_path / "model.onnx")
    faces = np.random.default_rng(3).integers(0, 256, (3, 1, 48, 48), dtype=np.uint8)
    with torch.inference_mode():
        expected = load("ensemble")(torch.from_numpy(faces)).numpy()
    np.testing.assert_allclose(OnnxClassifier(tmp_path / "model.onnx")(faces), expected, atol=1e-3)


def test_mistakes_give_one_line(exported: Path, tmp_path: Path, capsys) -> None:
    for wrong in ("nothing.onnx", "pyproject.toml"):
        with pytest.raises(ArtifactError, match="fer-zoo export --format onnx"):
            OnnxClassifier(wrong)
    with pytest.raises(ValueError, match="uint8"):
        OnnxClassifier(exported)(np.zeros((1, 1, 48, 48), np.float32))  # type: ignore[arg-type]
    for options in (["--out", str(exported.parent)], ["--half", "--out", str(tmp_path)]):
        with pytest.raises(SystemExit) as caught:
            main(["export", "cnn-baseline", "--format", "onnx", *options])
        assert caught.value.code == 2 and capsys.readouterr().err.count("\n") == 1


def test_without_the_exporter_one_line_says_what_to_install(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    save_artifact(tmp_path / "m", create_model("cnn-baseline"), {"metrics": {}})
    with pytest.raises(ArtifactError, match=r"fer-zoo\[onnx\]"):
        write_onnx(load(tmp_path / "m"), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
