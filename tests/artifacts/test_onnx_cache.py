"""`load(name, runtime="onnx")` exports once, keeps the file, and then lives without torch."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import fer_zoo.artifacts.onnx_model as onnx_model
from fer_zoo.artifacts.artifact import fingerprint_artifact, list_embedded, read_config, write_config
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.export import export_onnx
from fer_zoo.artifacts.hub import load
from fer_zoo.artifacts.onnx_model import ONNX_NAME
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.errors import ArtifactError, UnknownNameError
from fer_zoo.utils.files import write_atomically

FACES = np.random.default_rng(0).integers(0, 256, (3, 1, 48, 48), dtype=np.uint8)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("FER_ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """A small model's folder with its model.onnx."""
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    save_artifact(folder, create_model("resnet_48"), {"metrics": {}})
    export_onnx(folder, folder)
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    return shutil.copytree(exported, tmp_path / "run", ignore=shutil.ignore_patterns("*.onnx"))


@pytest.fixture
def exports(exported: Path, monkeypatch) -> list[str]:
    """The fingerprints that were exported; the export itself is the module's one, under the new name."""
    done = []

    def write_onnx(model: object, path: Path, source: str) -> None:
        program = onnx.load(exported / ONNX_NAME)
        next(row for row in program.metadata_props if row.key == "source").value = source
        write_atomically(path, lambda part: part.write_bytes(program.SerializeToString()))
        done.append(source)

    monkeypatch.setattr(onnx_model, "write_onnx", write_onnx)
    return done


def test_the_first_use_exports_and_the_second_does_not_import_torch(cache: Path) -> None:
    first = load("cnn_baseline", runtime="onnx").predict(FACES[0, 0])
    assert first == pytest.approx(load("cnn-baseline").predict(FACES[0, 0]), abs=1e-5)
    code = (
        "import sys, fer_zoo, numpy\n"
        "model = fer_zoo.load('cnn-baseline', runtime='onnx')\n"
        "print(model(numpy.zeros((2, 1, 48, 48), numpy.uint8)).shape)\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "(2, 7)\n" and len(list(cache.iterdir())) == 1


def test_new_weights_or_temperature_or_a_damaged_file_are_exported_anew(
    cache: Path, folder: Path, exports: list[str]
) -> None:
    for _ in range(2):
        load(folder, runtime="onnx")
    assert exports == [fingerprint_artifact(folder)]
    config = read_config(folder)
    config["fer_zoo"]["temperature"] = 2.5
    write_config(folder, config)
    load(folder, runtime="onnx")
    save_artifact(folder, create_model("resnet_48"), {"metrics": {}})
    load(folder, runtime="onnx")
    assert len(set(exports)) == 3
    for kept in cache.iterdir():
        kept.write_bytes(kept.read_bytes()[:1000])
    assert load(folder, runtime="onnx").source == exports[-1] and len(exports) == 4


def test_a_file_beside_the_weights_is_used_while_it_is_of_them(
    cache: Path, folder: Path, exported: Path, exports: list[str]
) -> None:
    shutil.copy(exported / ONNX_NAME, folder)
    assert load(folder, runtime="onnx").source == fingerprint_artifact(folder) and not exports
    save_artifact(folder, create_model("resnet_48"), {"metrics": {}})
    assert load(folder, runtime="onnx").source == fingerprint_artifact(folder) and len(exports) == 1


def test_a_file_or_a_folder_with_nothing_else_is_opened(
    exported: Path, tmp_path: Path, exports: list[str]
) -> None:
    with torch.inference_mode():
        expected = load(exported)(torch.from_numpy(FACES)).numpy()
    path = Path(shutil.copy(exported / ONNX_NAME, tmp_path))
    for place in (path, str(path), path.parent):
        np.testing.assert_allclose(load(place, runtime="onnx")(FACES), expected, atol=1e-4)
    assert not exports


def test_the_ensemble_by_name_changes_with_its_members_alone(tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(list_embedded()["ensemble"].parent, tmp_path / "weights")
    monkeypatch.setattr("fer_zoo.artifacts.artifact.EMBEDDED", tmp_path / "weights")
    ensemble = tmp_path / "weights/ensemble.fer2013"
    before = fingerprint_artifact(ensemble)
    for name, changes in (("resnet_48.ferplus", False), ("resnet_48.fer2013", True)):  # not a member, and one
        config = read_config(tmp_path / "weights" / name)
        config["fer_zoo"]["temperature"] = 2.5
        write_config(tmp_path / "weights" / name, config)
        assert (fingerprint_artifact(ensemble) != before) is changes


def test_mistakes_are_told(folder: Path, tmp_path: Path, exports: list[str], monkeypatch) -> None:
    with pytest.raises(UnknownNameError, match="onnx, torch"):
        load(folder, runtime="tensorrt")  # type: ignore[call-overload]
    with pytest.raises(ArtifactError, match="not a model folder"):
        load(tmp_path, runtime="onnx")
    (tmp_path / "taken").touch()
    monkeypatch.setenv("FER_ZOO_CACHE", str(tmp_path / "taken"))
    with pytest.raises(ArtifactError, match=r"taken' \(\w+ .*\): name a folder .* FER_ZOO_CACHE"):
        load(folder, runtime="onnx")
