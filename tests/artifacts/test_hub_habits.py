"""FaceClassifier as people treat models of the Hub; and timm opens what was made for it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from minihub import MiniHub
from PIL import Image

import fer_zoo
from fer_zoo.artifacts.artifact import list_embedded
from fer_zoo.artifacts.export import export_timm
from fer_zoo.artifacts.hub import push_model
from fer_zoo.artifacts.resolve import resolve_folder
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.cli.main import main
from fer_zoo.data.synthetic import draw_faces
from fer_zoo.errors import ArtifactError
from fer_zoo.models.registry import ARCHITECTURES

PIXELS = draw_faces(3, np.random.default_rng(0)).pixels
FACES = torch.from_numpy(PIXELS)


@torch.inference_mode()
def answer(model: fer_zoo.FaceClassifier) -> torch.Tensor:
    return model(FACES)


def test_a_new_model_is_saved_pushed_and_opened_again(hub: MiniHub, tmp_path: Path) -> None:
    model = fer_zoo.create_model("vit_tiny").eval()
    model.temperature = 1.5
    model.save_pretrained(str(tmp_path / "saved"))
    assert "Not measured yet" in (tmp_path / "saved" / "README.md").read_text()
    assert model.push_to_hub("ada/faces", branch="first").startswith(f"{hub.url}/ada/faces/commit/")
    for name, revision in ((str(tmp_path / "saved"), None), ("ada/faces", "first")):
        opened = fer_zoo.FaceClassifier.from_pretrained(name, revision=revision)
        assert not opened.training and opened.temperature == 1.5
        assert torch.equal(answer(opened), answer(model))
    model.temperature = 1.0
    model.save_pretrained(tmp_path / "saved")
    assert fer_zoo.load(tmp_path / "saved").temperature == 1.0


def test_from_pretrained_is_strict(tmp_path: Path) -> None:
    model = fer_zoo.create_model("vit_tiny")
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["fer_zoo"]["name"] = "efficientnet_lite0"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError, match="does not hold its model"):
        fer_zoo.FaceClassifier.from_pretrained(tmp_path)


@pytest.mark.parametrize("name", [row.name for row in ARCHITECTURES.values() if row.timm_name])
def test_timm_gives_our_logits_by_its_own_transforms(name: str, tmp_path: Path) -> None:
    """Of a tensor or a Pillow image in floating point; of one in 8 bits where nothing is resized."""
    import timm
    from timm.data import create_transform, resolve_data_config

    model = fer_zoo.load(name) if name in list_embedded() else fer_zoo.create_model(name).eval()
    model.temperature = 1.7
    save_artifact(tmp_path / "ours", model, {"metrics": {}})
    export_timm(tmp_path / "ours", tmp_path / "timm")
    network = timm.create_model(f"local-dir:{tmp_path / 'timm'}", pretrained=True).eval()
    config = network.pretrained_cfg
    size, row = model.preprocessing.size, ARCHITECTURES[name]
    assert config["label_names"] == list(fer_zoo.EMOTIONS)
    assert tuple(config["input_size"]) == (1, size, size)  # a list in timm 1.0.26
    assert (config["mean"], config["std"]) == ([row.mean], [row.std])
    transform = create_transform(**resolve_data_config({}, model=network))
    tensors = torch.stack([transform(face / 255) for face in FACES.float()])
    images = torch.stack([transform(Image.fromarray(face[0] / np.float32(255))) for face in PIXELS])
    eight_bits = torch.stack([transform(Image.fromarray(face[0])) for face in PIXELS])
    expected = answer(model)
    with torch.inference_mode():
        for pixels in (tensors, images) if size > 48 else (tensors, images, eight_bits):
            torch.testing.assert_close(network(pixels), expected, rtol=1e-4, atol=5e-5)
    assert torch.allclose(answer(fer_zoo.load(tmp_path / "timm")), expected, atol=1e-5)


def test_timm_opens_a_pushed_model_by_hf_hub(hub: MiniHub, tmp_path: Path) -> None:
    import timm

    model = fer_zoo.create_model("efficientnet_lite0").eval()
    save_artifact(tmp_path / "ours", model, {"metrics": {}})
    main(["export", str(tmp_path / "ours"), "--format", "timm", "--out", str(tmp_path / "timm")])
    push_model(tmp_path / "timm", "ada/faces")
    network = timm.create_model("hf-hub:ada/faces", pretrained=True).eval()
    with torch.inference_mode():
        torch.testing.assert_close(network(model.preprocessing(FACES)), answer(model))


def test_what_is_not_timms_is_told(tmp_path: Path) -> None:
    for name in ("cnn-baseline", "ensemble"):
        with pytest.raises(ArtifactError, match=f"{name} is not a timm network.*efficientnet_lite0"):
            export_timm(resolve_folder(name), tmp_path / "timm")
    with pytest.raises(SystemExit, match="2"):
        main(["export", "efficientnet_lite0", "--format", "timm", "--half", "--out", str(tmp_path / "timm")])
    assert not (tmp_path / "timm").exists()
