"""One door: every kind of name leads to its model, and a wrong one is told in a line with the next step."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from minihub import MiniHub, Repository

import fer_zoo
from fer_zoo.artifacts.artifact import EMBEDDED
from fer_zoo.artifacts.resolve import ModelRef, fetch_model, resolve, resolve_folder
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.errors import ArtifactError, HubError, UnknownNameError
from fer_zoo.models.weights import WEIGHTS

RATERS = "efficientnet_lite0.ferplus"


def embedded(full_name: str) -> ModelRef:
    return ModelRef(EMBEDDED / full_name, "embedded", weights=WEIGHTS[full_name])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a run, a folder that has an embedded model's name, and an ONNX file."""
    for name in ("runs/mine", "vit_48"):
        save_artifact(tmp_path / name, fer_zoo.create_model("cnn-baseline"), {"metrics": {}})
    (tmp_path / "faces.onnx").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("runs/mine", ModelRef(Path("runs/mine"), "folder")),
        ("./runs/mine", ModelRef(Path("runs/mine"), "folder")),
        (Path("runs/mine"), ModelRef(Path("runs/mine"), "folder")),
        ("vit_48", ModelRef(Path("vit_48"), "folder")),
        ("faces.onnx", ModelRef(Path("faces.onnx"), "onnx")),
        (Path("faces.onnx"), ModelRef(Path("faces.onnx"), "onnx")),
        ("resnet_48", embedded("resnet_48.fer2013")),
        ("resnet-48", embedded("resnet_48.fer2013")),
        ("cnn_baseline", embedded("cnn-baseline.fer2013")),
        ("resnet_48.fer2013", embedded("resnet_48.fer2013")),
        (RATERS, embedded(RATERS)),
        ("efficientnet-lite0.ferplus", embedded(RATERS)),
        ("ensemble", embedded("ensemble.fer2013")),
    ],
    ids=str,
)
def test_a_name_leads_to_its_model(name: str | Path, expected: ModelRef, place: Path) -> None:
    assert resolve(name) == resolve(name, allow_hub=False) == expected


def test_an_absolute_folder(place: Path) -> None:
    assert resolve(str(place / "vit_48")) == ModelRef(place / "vit_48", "folder")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("efficientnet-lite0_distilled", "efficientnet_lite0.fer2013"),
        ("efficientnet_lite0.fer2013_distilled", "efficientnet_lite0.fer2013"),
        ("vit-48", "tiny_vit_5m.fer2013"),
    ],
)
def test_a_name_that_left_gives_the_weights_in_its_place_and_says_so(old: str, new: str) -> None:
    with pytest.warns(FutureWarning, match=f"left the package; '{new.partition('.')[0]}' take their place"):
        assert resolve(old) == embedded(new)


def test_an_address_of_the_hub(place: Path, hub: MiniHub) -> None:
    files = {path.name: path.read_bytes() for path in (place / "runs/mine").iterdir()}
    hub.repos["models/ada/faces"] = Repository(files=files)
    commit = hub.repos["models/ada/faces"].find_commit("main")
    assert (ref := resolve("ada/faces")).kind == "hub" and (ref.repo, ref.commit) == ("ada/faces", commit)
    assert resolve("ada/faces@main") == resolve("ada/faces", "main") == fetch_model("ada/faces") == ref
    assert fer_zoo.load("ada/faces").info["hub"] == {"repo": "ada/faces", "commit": commit}
    with pytest.raises(HubError, match="There is no folder 'ada/other' here"):
        resolve("ada/other")
    with pytest.raises(ArtifactError, match="fer-zoo pull ada/faces --out runs/faces"):
        resolve("ada/faces", allow_hub=False)


@pytest.mark.parametrize(
    ("name", "revision", "kind", "words"),
    [
        ("resnet_84", None, UnknownNameError, "Did you mean 'resnet_48'"),
        ("resnet_48.fer2031", None, UnknownNameError, "Did you mean 'resnet_48.ferplus'"),
        ("./gone", None, ArtifactError, "no model folder at './gone'"),
        (Path("gone"), None, ArtifactError, "no model folder at 'gone'"),
        ("gone.onnx", None, ArtifactError, "fer-zoo export --format onnx"),
        ("vit_tiny", None, ArtifactError, "Train it: fer-zoo train --arch vit_tiny. With weights: cnn-base"),
        ("resnet_48", "v2", HubError, "has no revision 'v2': give OWNER/NAME"),
        ("runs/mine", "v2", HubError, "has no revision 'v2': give OWNER/NAME"),
    ],
    ids=str,
)
def test_a_wrong_name_is_told(name, revision, kind, words, place: Path) -> None:
    with pytest.raises(kind, match=words) as caught:
        resolve(name, revision)
    assert "\n" not in str(caught.value)


def test_an_onnx_file_where_a_folder_is_needed(place: Path) -> None:
    with pytest.raises(ArtifactError, match="is an ONNX file; this needs a model's name or its folder"):
        resolve_folder("faces.onnx")
    with pytest.raises(ArtifactError, match="give runtime='onnx'"):
        fer_zoo.load("faces.onnx")


def test_the_hubs_client_is_imported_only_for_the_hub() -> None:
    code = (
        "import sys\nfrom fer_zoo.artifacts.resolve import resolve\nresolve('resnet_48')\n"
        "print([name for name in ('huggingface_hub', 'fer_zoo.utils.hub_client') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_the_command_line_prints_the_new_name_as_one_line() -> None:
    command = [sys.executable, "-m", "fer_zoo", "card", "efficientnet_lite0_distilled"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    (line,) = done.stderr.splitlines()
    assert line.startswith("fer-zoo: ") and line.endswith(
        "'efficientnet_lite0' take their place: use that name."
    )
    assert "# efficientnet_lite0\n" in done.stdout


def test_an_old_run_of_a_renamed_architecture_loads_without_a_word(tmp_path: Path) -> None:
    save_artifact(tmp_path, fer_zoo.create_model("efficientnet_lite0"), {"metrics": {}})
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config["fer_zoo"]["name"] = "efficientnet_lite0_distilled"
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fer_zoo.load(tmp_path)
    assert model.name == model.architecture == "efficientnet_lite0"


def test_a_released_model_has_its_shortest_name_and_its_architecture() -> None:
    model = fer_zoo.load(RATERS)
    assert (model.name, model.architecture) == (RATERS, "efficientnet_lite0")
    assert fer_zoo.load("cnn-baseline.fer2013").name == "cnn-baseline"
