"""An ensemble votes as its members do, is chosen on PublicTest, and loads like any other model."""

import json

import numpy as np
import pytest
import torch
from packaged import use_package

import fer_zoo.evaluation.ensemble_selection as voting
from fer_zoo.artifacts.card import build_card
from fer_zoo.artifacts.classifier import create_model, load_artifact
from fer_zoo.artifacts.config_check import MAX_MEMBERS
from fer_zoo.artifacts.export import export_artifact
from fer_zoo.artifacts.hub import list_models, load
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.errors import ArtifactError, FerZooError
from fer_zoo.evaluation.ensemble_selection import build_ensemble, select_ensemble_weights

FACES = torch.randint(0, 256, (5, 1, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A package's weights folder with two untrained models of unlike temperature."""
    folder = tmp_path_factory.mktemp("weights")
    for seed, name in enumerate(("cnn-baseline", "resnet_48")):
        torch.manual_seed(seed)
        model = create_model(name)
        model.temperature = 1.0 + seed
        save_artifact(folder / f"{name}.fer2013", model, {"tag": "fer2013", "metrics": {}, "versions": {}})
    return folder


@pytest.fixture
def faces(monkeypatch) -> FER2013:
    """Noise, on which the two models get 15 and 5 votes."""
    monkeypatch.setattr(voting, "select_ensemble_weights", lambda tables, labels: np.array([15, 5]))
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (40, 1, 48, 48), dtype=np.uint8)
    split = Faces(pixels, generator.integers(0, 7, 40))
    return FER2013(split, split, split, "small", "drawn")


def test_the_better_models_get_the_votes() -> None:
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 7, 500)
    right = np.eye(7)[labels]

    def make_table(share: float) -> np.ndarray:
        knows = generator.random((500, 1)) < share
        return np.where(knows, 0.6 * right + 0.4 / 7, 1 / 7)

    votes = select_ensemble_weights(
        [make_table(0.8), make_table(0.8), np.roll(right, 1, axis=1) * 0.9 + 0.1 / 7], labels
    )
    assert votes.sum() == 20 and votes[2] == 0 and abs(int(votes[0]) - int(votes[1])) <= 4


@pytest.mark.parametrize("by_name", [True, False])
def test_an_ensemble_is_the_weighted_mean_of_its_members(
    package, faces, tmp_path, monkeypatch, by_name
) -> None:
    use_package(monkeypatch, package)
    metrics = build_ensemble(
        [package / "cnn-baseline.fer2013", package / "resnet_48.fer2013"],
        faces,
        tmp_path / "e",
        by_name=by_name,
    )
    assert metrics["n"] == 40 and (tmp_path / "e" / "model.safetensors").exists() is not by_name
    ensemble = load(tmp_path / "e")
    members = json.loads((tmp_path / "e" / "config.json").read_text())["fer_zoo"]["members"]
    with torch.inference_mode():
        mean = sum(row["weight"] * load(row["name"])(FACES).softmax(1) for row in members)
        expected = (mean.log() / ensemble.temperature).softmax(1)
        torch.testing.assert_close(ensemble(FACES).softmax(1), expected)
    assert [row["weight"] for row in members] == [0.75, 0.25]
    assert all(row["name"] in build_card(tmp_path / "e") for row in members)
    (listed,) = list_models([tmp_path / "e"])
    assert listed["params"] == sum(weight.numel() for weight in ensemble.parameters())
    assert listed["bytes"] > 35_000_000  # of the members, in 32 bits


def test_an_ensemble_by_name_becomes_self_contained_when_exported(
    package, faces, tmp_path, monkeypatch
) -> None:
    use_package(monkeypatch, package)
    build_ensemble(
        [package / "cnn-baseline.fer2013", package / "resnet_48.fer2013"], faces, tmp_path / "e", by_name=True
    )
    export_artifact(tmp_path / "e", tmp_path / "whole")
    before = load(tmp_path / "e")
    use_package(monkeypatch, tmp_path / "nothing")
    with torch.inference_mode():
        assert torch.equal(load(tmp_path / "whole")(FACES), before(FACES))


def test_it_stands_in_the_list_like_any_other(package, faces, monkeypatch) -> None:
    use_package(monkeypatch, package)
    build_ensemble(
        [package / "cnn-baseline.fer2013", package / "resnet_48.fer2013"],
        faces,
        package / "ensemble.fer2013",
        by_name=True,
    )
    use_package(monkeypatch, package)
    row = list_models()[-1]
    assert row["name"] == "ensemble" and row["weights"] == "embedded" and "resnet_48" in row["note"]
    assert row["bytes"] > 35_000_000  # of the members, in 32 bits
    assert load("ensemble").name == "ensemble"


def test_another_weight_file_of_a_member_is_noticed(package, faces, tmp_path, monkeypatch) -> None:
    use_package(monkeypatch, package)
    build_ensemble(
        [package / "cnn-baseline.fer2013", package / "resnet_48.fer2013"], faces, tmp_path / "e", by_name=True
    )
    other = tmp_path / "other"
    for name in ("cnn-baseline", "resnet_48"):
        torch.manual_seed(9)
        save_artifact(other / f"{name}.fer2013", create_model(name), {"tag": "fer2013", "metrics": {}})
    use_package(monkeypatch, other)
    with pytest.raises(ArtifactError, match="another"):
        load_artifact(tmp_path / "e")


def test_a_model_that_gets_every_vote_is_named_alone(package, faces, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(voting, "select_ensemble_weights", lambda tables, labels: np.array([0, 20]))
    build_ensemble([package / "cnn-baseline.fer2013", package / "resnet_48.fer2013"], faces, tmp_path / "e")
    card = build_card(tmp_path / "e")
    assert "\nThe probabilities of resnet_48 alone: no other model got a vote." in card
    assert "`fer-zoo ensemble path/to/resnet_48 --data" in card  # these weights are not the package's


def test_mistakes_are_told(package, faces, tmp_path, monkeypatch) -> None:
    with pytest.raises(FerZooError, match="two or more"):
        build_ensemble([package / "cnn-baseline.fer2013"], faces, tmp_path / "one")
    folders = [package / "cnn-baseline.fer2013", package / "resnet_48.fer2013"]
    with pytest.raises(ArtifactError, match="come with the package"):
        build_ensemble(folders, faces, tmp_path / "e", by_name=True)
    build_ensemble(folders, faces, tmp_path / "e")
    with pytest.raises(ArtifactError, match="already holds a model: choose another --out"):
        build_ensemble(folders, faces, tmp_path / "e")
    with pytest.raises(ArtifactError, match="cannot be a member"):
        build_ensemble([tmp_path / "e", folders[0]], faces, tmp_path / "nested")
    assert not (tmp_path / "nested").exists() and MAX_MEMBERS >= voting.ROUNDS
    config = json.loads((tmp_path / "e" / "config.json").read_text())
    config["fer_zoo"]["members"][0]["weight"] = -1
    (tmp_path / "e" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError, match="members cannot be read"):
        load_artifact(tmp_path / "e")
    del config["fer_zoo"]["members"][0]["name"]
    (tmp_path / "e" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError, match="members cannot be read"):
        list_models([tmp_path / "e"])
