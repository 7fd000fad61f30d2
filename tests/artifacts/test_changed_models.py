"""A changed model is another model: it is saved and pushed without the scores of the one it came from."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from minihub import MiniHub
from torch import nn

import fer_zoo
from fer_zoo.artifacts.artifact import hash_weights, list_embedded
from fer_zoo.artifacts.export import export_artifact, export_timm
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.errors import ArtifactError
from fer_zoo.evaluation.recalibration import calibrate_artifact

MEASURED = ("calibration", "latency", "recipe", "seed", "training", "data_fingerprint")
EMBEDDED = list_embedded()


def read_block(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))["fer_zoo"]


@torch.no_grad()
def add_noise(model: fer_zoo.FaceClassifier) -> None:
    for value in model.parameters():
        value += 1e-3 * torch.randn_like(value)


def train_on(model: fer_zoo.FaceClassifier) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    faces = torch.randint(0, 256, (8, 1, 48, 48), dtype=torch.uint8)
    nn.functional.cross_entropy(model.train()(faces), torch.arange(8) % 7).backward()
    optimizer.step()


def shift_one_statistic(model: fer_zoo.FaceClassifier) -> None:
    next(value for name, value in model.named_buffers() if name.endswith("running_mean"))[0] += 1e-3


def heat(model: fer_zoo.FaceClassifier) -> None:
    model.temperature *= 2


def correct_prior(model: fer_zoo.FaceClassifier) -> None:
    model.set_calibration(tau=0.5, prior=[1, 2, 3, 4, 5, 6, 7])


def rename_a_class(model: fer_zoo.FaceClassifier) -> None:
    model.classes = ("furious", *model.classes[1:])


@pytest.mark.parametrize(
    "change", [add_noise, train_on, shift_one_statistic, heat, correct_prior, rename_a_class]
)
def test_what_differs_is_saved_without_the_old_score(
    change: Callable[[fer_zoo.FaceClassifier], None], tmp_path: Path
) -> None:
    model = fer_zoo.load("efficientnet_lite0")
    change(model)
    model.save_pretrained(tmp_path)
    block = read_block(tmp_path)
    base = {"name": "efficientnet_lite0", "sha256": hash_weights(EMBEDDED["efficientnet_lite0"])}
    assert block["base_model"] == base and block["metrics"] == {}
    assert not [key for key in MEASURED if key in block]
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    card = ModelCard(text)
    assert card.data.base_model == base["name"] and card.data.eval_results is None
    assert card.data.to_dict()["base_model_sha256"] == base["sha256"]
    assert "Not measured yet" in text and "fer-zoo train" not in text and "Trained on" not in text
    assert "ImageNet weights under Apache-2.0" in text, "its weights still began there"
    assert fer_zoo.load(tmp_path).info["base_model"] == base


def test_a_changed_model_is_pushed_without_the_old_score(hub: MiniHub, tmp_path: Path) -> None:
    model = fer_zoo.load("resnet_48")
    add_noise(model)
    model.push_to_hub("ada/faces")
    files = hub.repos["models/ada/faces"].files
    block = json.loads(files["config.json"])["fer_zoo"]
    assert block["metrics"] == {} and block["base_model"]["name"] == "resnet_48"
    assert "model-index" not in files["README.md"].decode()
    again = fer_zoo.load("ada/faces")
    add_noise(again)
    again.save_pretrained(tmp_path / "again")
    assert read_block(tmp_path / "again")["base_model"]["name"] == "ada/faces"
    assert not [name for name in files if name.endswith(".png")]


def test_an_unchanged_model_keeps_its_scores_however_it_is_saved(tmp_path: Path) -> None:
    name = "efficientnet_lite0"
    stored = read_block(EMBEDDED[name])
    model = fer_zoo.load(name).to(memory_format=torch.channels_last)
    model.predict(torch.zeros(48, 48, dtype=torch.uint8).numpy())
    model.save_pretrained(tmp_path / "saved")
    fer_zoo.save_model(model, tmp_path / "half", half=True)
    export_artifact(tmp_path / "half", tmp_path / "again")
    export_timm(EMBEDDED[name], tmp_path / "timm")
    for form in ("saved", "half", "again", "timm"):
        block = read_block(tmp_path / form)
        assert "base_model" not in block
        for key in ("metrics", "calibration", "latency", "recipe"):
            assert block[key] == stored[key], (form, key)


def test_a_changed_ensemble_keeps_its_members_as_they_are_now(tmp_path: Path) -> None:
    model = fer_zoo.load("ensemble")
    model.backbone.members[0].temperature = 2.5
    model.save_pretrained(tmp_path)
    block = read_block(tmp_path)
    assert block["metrics"] == {} and block["base_model"]["name"] == "ensemble"
    assert block["members"][0]["temperature"] == 2.5
    faces = torch.randint(0, 256, (4, 1, 48, 48), dtype=torch.uint8)
    with torch.inference_mode():
        torch.testing.assert_close(fer_zoo.load(tmp_path)(faces), model(faces), rtol=0, atol=1e-6)


def test_calibration_is_told_with_its_data_and_the_weights_it_came_from(
    drawn: FER2013, tmp_path: Path
) -> None:
    training, public = drawn.training.select(np.arange(96)), drawn.public_test.select(np.arange(48))
    few = replace(drawn, training=training, public_test=public)
    calibrate_artifact(EMBEDDED["resnet_48"], few, tmp_path, device="cpu")
    block, text = read_block(tmp_path), (tmp_path / "README.md").read_text(encoding="utf-8")
    digest = hash_weights(EMBEDDED["resnet_48"])
    assert block["base_model"] == {"name": "resnet_48", "sha256": digest}
    assert set(block["metrics"]) == {"public"} and "model-index" not in text
    assert f"resnet_48 (weights {digest})" in text
    assert f"Calibrated on {block['calibration']['day']}" in text
    for words in ("96 Training", "48 PublicTest", "fingerprint drawn"):
        assert words in text.partition("Calibrated on")[2], words


@pytest.mark.parametrize("name", ["efficientnet_lite0", "cnn-baseline"])
def test_another_number_of_classes_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    model = fer_zoo.load(name)
    if name == "cnn-baseline":
        layers = [key for key, layer in model.backbone.named_modules() if isinstance(layer, nn.Linear)]
        old = model.backbone.get_submodule(layers[-1])
        model.backbone.set_submodule(layers[-1], nn.Linear(old.in_features, 3))
    else:
        model.backbone.reset_classifier(3)
    with pytest.raises(ArtifactError, match=r"has 3 outputs, and names 7 classes") as caught:
        model.save_pretrained(tmp_path / "out")
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()
    model.backbone = nn.Linear(48, 7)
    with pytest.raises(ArtifactError, match="other tensors than the network of that name"):
        fer_zoo.save_model(model, tmp_path / "out")


def test_saving_changes_nothing_that_a_run_draws_next(tmp_path: Path) -> None:
    model = fer_zoo.load("resnet_48")
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    model.save_pretrained(tmp_path)
    assert torch.equal(torch.rand(4), expected)
