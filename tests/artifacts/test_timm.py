"""timm and transformers open the folders of timm's networks as they open their own."""

import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

import fer_zoo
from fer_zoo.artifacts.artifact import list_embedded, read_config
from fer_zoo.artifacts.card_metadata import find_base_model
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.export import export_timm
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.cli.main import main
from fer_zoo.data.synthetic import draw_faces
from fer_zoo.emotions import EMOTIONS
from fer_zoo.models.registry import ARCHITECTURES

ROWS = {name: row for name, row in ARCHITECTURES.items() if row.timm_name}
NAME = "efficientnet_lite0"


@pytest.fixture(scope="module", params=ROWS)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    """A folder, its model, and pictures of the size that its network takes."""
    torch.manual_seed(0)
    model, folder = create_model(request.param).eval(), tmp_path_factory.mktemp(request.param)
    save_artifact(folder, model, {"metrics": {}})
    size = model.preprocessing.size
    return folder, model, torch.rand(2, 1, size, size)


@torch.inference_mode()
def test_timm_opens_a_folder_as_it_is(saved: tuple) -> None:
    folder, model, pictures = saved
    network = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    assert torch.equal(network(pictures), model.backbone(pictures))
    assert network.pretrained_cfg["label_names"] == list(EMOTIONS)


@torch.inference_mode()
def test_timm_exchanges_the_head_and_the_first_layer(saved: tuple) -> None:
    folder, model, pictures = saved
    opened = f"local-dir:{folder}"
    features = timm.create_model(opened, pretrained=True, num_classes=0).eval()(pictures)
    assert torch.equal(features, model.backbone.forward_head(model.backbone.forward_features(pictures), True))
    assert timm.create_model(opened, pretrained=True, num_classes=3).eval()(pictures).shape == (2, 3)
    color = timm.create_model(opened, pretrained=True, in_chans=3).eval()
    expected = model.backbone(pictures)
    torch.testing.assert_close(color(pictures.expand(-1, 3, -1, -1)), expected, rtol=1e-3, atol=1e-4)


def test_config_has_what_timm_writes(saved: tuple, tmp_path: Path) -> None:
    folder, model, _ = saved
    timm.models.save_for_hf(model.backbone, tmp_path, safe_serialization=True)
    ours, theirs = (json.loads((path / "config.json").read_text()) for path in (folder, tmp_path))
    for key in ("architecture", "num_classes", "num_features", "global_pool"):
        assert ours[key] == theirs[key]
    for key in ("first_conv", "classifier", "fixed_input_size"):
        assert ours["pretrained_cfg"][key] == theirs["pretrained_cfg"][key]


@pytest.mark.parametrize("name", list_embedded())
def test_the_package_folders_of_timm_networks_have_it_too(name: str) -> None:
    config = read_config(list_embedded()[name])
    is_timm = "members" not in config["fer_zoo"] and config["fer_zoo"]["name"] in ROWS
    assert ("first_conv" in config["pretrained_cfg"]) == is_timm
    assert not (is_timm and "num_classes" in config["model_args"])  # transformers gives it a second time


@pytest.mark.parametrize("name", ROWS)
def test_the_tag_is_that_of_timms_own_weights(name: str) -> None:
    row = ROWS[name]
    assert timm.get_pretrained_cfg(row.timm_name).tag == row.timm_tag


@pytest.mark.parametrize(
    ("start", "base"),
    [
        (True, "timm/tf_efficientnet_lite0.in1k"),
        (
            {"name": NAME, "pretrained": "tf_efficientnet_lite0.safetensors"},
            "timm/tf_efficientnet_lite0.in1k",
        ),
        ("mine.safetensors", None),
        (False, None),
    ],
)
def test_the_base_model_is_known_by_its_file(start: object, base: str | None) -> None:
    assert find_base_model(ROWS[NAME], start) == base


@pytest.fixture(scope="module")
def for_pipelines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rgb") / "out"
    return export_timm(list_embedded()[NAME], out, rgb=True)


@torch.inference_mode()
def test_three_channels_are_weighted_as_gray_is_made(for_pipelines: Path) -> None:
    network = timm.create_model(f"local-dir:{for_pipelines}", pretrained=True).eval()
    color = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    gray = (color * torch.tensor([0.299, 0.587, 0.114]).reshape(3, 1, 1)).sum(1, keepdim=True)
    model = fer_zoo.load(NAME)
    expected = model.backbone((gray - 0.5) / 0.5) / model.temperature
    torch.testing.assert_close(network((color - 0.5) / 0.5), expected, rtol=1e-3, atol=1e-3)


def test_a_pipeline_of_transformers_answers_like_fer_zoo(for_pipelines: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    classify = transformers.pipeline("image-classification", model=str(for_pipelines))
    tint = np.array([255, 200, 150]) / 255
    for face in draw_faces(3, np.random.default_rng(0)).pixels[:, 0]:
        picture = Image.fromarray((face[:, :, None] * tint).round().astype(np.uint8))
        told = {row["label"]: row["score"] for row in classify(picture, top_k=7)}
        assert told == pytest.approx(fer_zoo.load(NAME).predict(picture.convert("L")), abs=0.1)


def test_the_card_tells_how_far_the_probabilities_are(for_pipelines: Path) -> None:
    text = (for_pipelines / "README.md").read_text(encoding="utf-8")
    assert 'pipeline("image-classification"' in text and "the probabilities differ from" in text
    assert "library_name: timm" in text and "- transformers" in text
    assert "base_model: timm/tf_efficientnet_lite0.in1k" in text and "fer_zoo.load" not in text
    assert len(list(for_pipelines.glob("*.png"))) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--rgb"], "--rgb is for --format timm"), (["--rgb", "--format", "onnx"], "--rgb is for")],
)
def test_rgb_is_for_timm_alone(arguments: list, words: str, tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["export", NAME, *arguments, "--out", str(tmp_path / "out")])
    assert caught.value.code == 2 and words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
