"""A card says what config.json says, and the Hub understands it."""

import json
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image

from fer_zoo.artifact import EMBEDDED, save_artifact
from fer_zoo.cards import build_card, write_card
from fer_zoo.evaluation.metrics import name_scores, score_predictions
from fer_zoo.recipes.recipe import build_recipe, describe_recipe, load_recipe
from fer_zoo.registry import create_model

TEACHERS = [{"name": "resnet_48", "sha256": "0123456789abcdef"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A distilled model with made-up predictions for its metrics."""
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(7), size=200)
    labels = probabilities.argmax(1)
    labels[:80] = 3
    scores = name_scores(score_predictions(probabilities, labels), "efficientnet_lite0", "private", "none")
    votes = {"n": 150, "agreement": 0.71, "labels_agreement": 0.62}
    info = {
        "recipe": describe_recipe(build_recipe({"distill": {"teachers": ["resnet_48"], "share": 0.7}})),
        "seed": 5,
        "pretrained": "start.safetensors",
        "teachers": TEACHERS,
        "data_fingerprint": "abc",
        "training": {"epochs": 9, "best_epoch": 7, "minutes": 12.5},
        "versions": {"torch": "2.0"},
        "metrics": {"private": {**scores, "ferplus": votes}},
        "latency": {"milliseconds": 4.25, "threads": 2},
    }
    path = tmp_path_factory.mktemp("model")
    save_artifact(path, create_model("efficientnet_lite0"), info)
    return path


def test_the_hub_understands_its_front_matter(folder: Path) -> None:
    card = ModelCard(build_card(folder))
    assert card.data.license == "mit" and card.data.pipeline_tag == "image-classification"
    score = json.loads((folder / "config.json").read_text())["fer_zoo"]["metrics"]["private"]
    measured = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert measured["accuracy"] == pytest.approx(score["accuracy"], abs=1e-4)
    assert measured["f1"] == pytest.approx(score["macro_f1"], abs=1e-4)
    assert {result.dataset_split for result in card.data.eval_results} == {"PrivateTest"}


def test_it_tells_how_the_model_was_made(folder: Path) -> None:
    text = build_card(folder)
    for words in (
        "fer-zoo train --arch efficientnet_lite0 --pretrained start.safetensors --seed 5",
        "resnet_48 (weights 0123456789abcdef)",
        "distill share 0.7",
        "epoch 7 of 9, the best by PublicTest accuracy; 12.5 minutes",
        "150 PrivateTest faces",
        "agrees with it on 71.0 %",
        "4.2 ms on 2 CPU threads",
        "timm.create_model",
        "ImageNet weights under Apache-2.0",
    ):
        assert words in text, words


def test_it_names_the_recipe_where_that_is_not_the_architectures_own(folder: Path, tmp_path: Path) -> None:
    block = json.loads((folder / "config.json").read_text())["fer_zoo"]
    for recipe, words in (("resnet_48", "--recipe resnet_48 "), ("efficientnet", "")):
        info = {**block, "recipe": describe_recipe(load_recipe(recipe))}
        save_artifact(tmp_path, create_model("efficientnet_lite0"), info)
        line = f"fer-zoo train --arch efficientnet_lite0 {words}--pretrained start.safetensors --seed 5"
        assert line in build_card(tmp_path)


def test_only_the_split_that_counts_stands_open() -> None:
    opened, folded = build_card(EMBEDDED / "cnn-baseline").split("<details>")
    assert "By emotion, PrivateTest" in opened and "confusion.png" in opened
    assert "chosen on PublicTest, so PrivateTest is the honest figure" in opened
    assert "By emotion, PublicTest" in folded and "By emotion, PublicTest" not in opened


def test_its_pictures_lie_beside_it(folder: Path, tmp_path: Path) -> None:
    write_card(folder, tmp_path)
    text = (tmp_path / "efficientnet_lite0.md").read_text(encoding="utf-8")
    for picture in ("confusion", "reliability"):
        name = f"efficientnet_lite0-{picture}.png"
        assert f"({name})" in text and Image.open(tmp_path / name).width == 800
    write_card(folder)
    assert (folder / "README.md").read_text(encoding="utf-8") == text
