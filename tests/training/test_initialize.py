"""A run may go on from a trained model of the zoo, of the same network."""

import json
from pathlib import Path

import pytest

import fer_zoo
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.errors import ArtifactError
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import build_recipe
from fer_zoo.training.initialize import initialize_model
from fer_zoo.training.trainer import fit

pytestmark = pytest.mark.usefixtures("small_network")

SETTINGS = {"epochs": 1, "batch_size": 64, "precision": "float32", "ema_decay": 0.0}
STILL = build_recipe({**SETTINGS, "learning_rate": 1e-9, "weight_decay": 0.0})


def test_a_second_run_begins_where_the_first_one_ended(drawn: FER2013, tmp_path: Path) -> None:
    """At a rate of nearly nothing the second run's first epoch knows what took the first one three."""
    first = fit(
        "small",
        drawn.training,
        drawn.public_test,
        build_recipe({**SETTINGS, "epochs": 3, "learning_rate": 1e-2, "head_width": 32}),
        out=tmp_path / "first",
        show_progress=False,
    )
    second = fit(
        "small",
        drawn.private_test,
        drawn.public_test,
        STILL,
        out=tmp_path / "second",
        init=str(tmp_path / "first"),
        show_progress=False,
    )
    fresh = fit(
        "small",
        drawn.private_test,
        drawn.public_test,
        STILL,
        out=tmp_path / "fresh",
        show_progress=False,
    )
    assert first.public_accuracy > 0.8 and second.public_accuracy > first.public_accuracy - 0.1
    assert fresh.public_accuracy < 0.4
    block = json.loads((tmp_path / "second" / "config.json").read_text())["fer_zoo"]
    assert block["network"] == {"head_width": 32}  # the first model's own
    start = block["pretrained"]
    assert start["name"] == "small" and start["epochs"] == 3 and len(start["sha256"]) == 16
    card = (tmp_path / "second" / "README.md").read_text()
    assert "--pretrained path/to/small" in card and f"(weights {start['sha256']}, 3 epochs," in card
    assert "ImageNet" not in card


def test_every_tensor_is_taken_over_and_embedded_names_will_do() -> None:
    row = find_architecture("efficientnet_lite0")
    start = initialize_model(row, "efficientnet-lite0", {})
    wanted = fer_zoo.load("efficientnet_lite0").backbone.state_dict()
    given = start.model.backbone.state_dict()
    assert all(given[key].equal(value) for key, value in wanted.items())
    assert isinstance(start.source, dict)
    first = start.source["pretrained"]  # its weights went on from a run that began with ImageNet
    assert first["name"] == "efficientnet_lite0" and first["sha256"] != start.source["sha256"]
    assert first["pretrained"] == "tf_efficientnet_lite0.safetensors"


def test_a_model_of_another_network_is_one_line(tmp_path: Path, drawn: FER2013) -> None:
    with pytest.raises(ArtifactError, match=r"is resnet_48, whose weights do not fit vit_48: give a trained"):
        initialize_model(find_architecture("vit_48"), "resnet_48", {})
    with pytest.raises(ArtifactError, match="is ensemble, whose weights do not fit"):
        initialize_model(find_architecture("vit_48"), "ensemble", {})
    with pytest.raises(ArtifactError, match=r"^resnet_48 has no ImageNet .* of the same network") as caught:
        fit("resnet_48", drawn.training, drawn.public_test, STILL, out=tmp_path, init="no-such-model")
    assert "\n" not in str(caught.value)
