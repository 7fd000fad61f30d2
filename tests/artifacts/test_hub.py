"""The models that come with the package are what their configs say."""

import json

import pytest
import torch

import fer_zoo
from fer_zoo.artifacts.artifact import list_embedded
from fer_zoo.artifacts.card import build_card
from fer_zoo.artifacts.export import export_artifact
from fer_zoo.artifacts.hub import load
from fer_zoo.errors import ArtifactError, UnknownNameError
from fer_zoo.models.registry import ARCHITECTURES

EMBEDDED = list_embedded()


def test_cnn_baseline_is_embedded_and_beats_its_bar() -> None:
    score = load("cnn-baseline").info["metrics"]["private"]
    assert score["n"] == 3589 and score["tta"] == "none" and score["accuracy"] >= 0.66


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_embedded_model_answers(name: str) -> None:
    model = load(name)
    faces = torch.randint(0, 256, (3, 1, 48, 48), dtype=torch.uint8)
    with torch.inference_mode():
        logits = model(faces)
    assert logits.shape == (3, 7) and logits.dtype == torch.float32 and not model.training


def test_sizes_stay_within_the_budget() -> None:
    sizes = [path.stat().st_size for folder in EMBEDDED.values() for path in folder.glob("*.safetensors")]
    assert max(sizes) <= 12e6 and sum(sizes) <= 70e6


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_card_beside_the_weights_is_made_from_the_config(name: str) -> None:
    """So every number of a card is a stored metric."""
    assert (EMBEDDED[name] / "README.md").read_text(encoding="utf-8") == build_card(EMBEDDED[name])
    score = json.loads((EMBEDDED[name] / "config.json").read_text(encoding="utf-8"))["fer_zoo"]["metrics"][
        "private"
    ]
    assert f"{100 * score['accuracy']:.2f} %" in build_card(EMBEDDED[name])


@pytest.mark.parametrize("name", EMBEDDED)
def test_model_cards_holds_the_same_card(name: str) -> None:
    cards = list_embedded()["cnn-baseline"].parents[2] / "model_cards"
    assert (cards / f"{EMBEDDED[name].name}.md").read_text(encoding="utf-8") == build_card(EMBEDDED[name])


def test_list_models_has_a_row_for_every_architecture() -> None:
    rows = {row["name"]: row for row in fer_zoo.list_models()}
    assert {row["architecture"] for row in rows.values()} >= set(ARCHITECTURES)
    assert rows["cnn-baseline"]["weights"] == "embedded" and rows["vit_tiny"]["weights"] == "none"
    for row in rows.values():
        assert {"name", "family", "params", "input_size", "weights", "metrics"} <= set(row)


def test_unknown_and_untrained_names() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'cnn-baseline'"):
        load("cnn-baselin")
    with pytest.raises(ArtifactError, match="fer-zoo train --arch vit_tiny"):
        load("vit_tiny")
    with pytest.raises(ArtifactError, match="no model folder"):
        load("./nothing")


def test_half_precision_export_answers_almost_the_same(tmp_path) -> None:
    source = EMBEDDED["cnn-baseline"]
    export_artifact(source, tmp_path / "half", half=True)
    export_artifact(source, tmp_path / "full")
    half, full = load(tmp_path / "half"), load(tmp_path / "full")
    faces = torch.randint(0, 256, (8, 1, 48, 48), dtype=torch.uint8)
    with torch.inference_mode():
        torch.testing.assert_close(half(faces), full(faces), atol=0.02, rtol=0.02)
    assert half.info["metrics"] == full.info["metrics"]
    with pytest.raises(ArtifactError, match="another --out"):
        export_artifact(source, tmp_path / "half")


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "{}",
        '{"fer_zoo": 3}',
        '{"fer_zoo": {"temperature": 0, "input": {"size": 48, "mean": 0, "std": 1}}}',
    ],
)
def test_a_broken_config_gives_one_line(damage: str, tmp_path) -> None:
    (tmp_path / "config.json").write_text(damage, encoding="utf-8")
    with pytest.raises(ArtifactError) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)
