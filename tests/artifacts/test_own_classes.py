"""Classes of one's own: in the network, in its folder, in every answer, and never mixed with others."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import fer_zoo
from fer_zoo.artifacts.classifier import FaceClassifier, Preprocessing, create_model
from fer_zoo.artifacts.export import export_onnx
from fer_zoo.artifacts.save import save_artifact, save_model
from fer_zoo.emotions import COLORS, EMOTIONS, find_colors
from fer_zoo.errors import ArtifactError, FerZooError
from fer_zoo.evaluation.metrics import score_predictions
from fer_zoo.models.ensemble import Ensemble
from fer_zoo.models.registry import ARCHITECTURES
from fer_zoo.recognition.recognizer import format_recognition

OWN = ("awake", "asleep", "neutral")
FACE = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
FACES = torch.from_numpy(FACE)[None, None]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_answers_with_own_classes_and_comes_back(name: str, tmp_path: Path) -> None:
    model = create_model(name, classes=OWN).eval()
    save_model(model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert config["label_names"] == list(OWN) and config["num_classes"] == 3
    loaded = fer_zoo.load(tmp_path)
    assert (
        loaded.classes == OWN and "3 classes (awake, asleep, neutral)" in (tmp_path / "README.md").read_text()
    )
    with torch.inference_mode():
        assert torch.equal(loaded(FACES), model(FACES)) and loaded(FACES).shape == (1, 3)
    assert tuple(loaded.predict(FACE)) == OWN


def test_onnx_names_own_classes(tmp_path: Path) -> None:
    save_model(create_model("resnet_48", classes=OWN), tmp_path)
    runtime = fer_zoo.OnnxClassifier(export_onnx(tmp_path, tmp_path / "onnx"))
    assert runtime.classes == OWN and tuple(runtime.predict(FACE)) == OWN


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (["one"], "1 classes"),
        (["a"] * 2, "named twice"),
        (["a", ""], "name ''"),
        (["a", 3], "name 3"),
        (["a", "b\n"], "printable"),
        ([str(n) for n in range(201)], "201 classes"),
        ("happy", "list of names"),
    ],
)
def test_classes_that_cannot_be_are_refused_in_one_line(
    classes: list[str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(FerZooError, match=told) as caught:
        create_model("resnet_48", classes=classes)
    assert "\n" not in str(caught.value)
    save_model(create_model("resnet_48"), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    del config["fer_zoo"]["emotions"]
    config["label_names"] = config["fer_zoo"]["classes"] = classes
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ArtifactError, match=told):
        fer_zoo.load(tmp_path)


def test_a_config_that_names_its_classes_in_two_ways_is_refused(tmp_path: Path) -> None:
    save_model(create_model("resnet_48"), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config["label_names"] = list(reversed(EMOTIONS))
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ArtifactError, match="the classes are"):
        fer_zoo.load(tmp_path)


def test_a_folder_of_version_0_1_keeps_its_seven_emotions(tmp_path: Path) -> None:
    save_model(create_model("resnet_48"), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    del config["fer_zoo"]["classes"]
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert fer_zoo.load(tmp_path).classes == EMOTIONS


def test_models_of_different_classes_do_not_vote_together() -> None:
    members = [create_model("resnet_48"), create_model("resnet_48", classes=OWN)]
    with pytest.raises(
        FerZooError, match=r"different classes cannot vote together: angry.* and awake, asleep"
    ):
        Ensemble(members, [1, 1])


def test_an_ensemble_of_own_classes_is_saved_and_loaded(tmp_path: Path) -> None:
    members = [create_model("resnet_48", classes=OWN) for _ in range(2)]
    rows = [
        {
            "name": "resnet_48",
            "weight": 0.5,
            "sha256": "0" * 64,
            "input": {"size": 48, "mean": 0.5077, "std": 0.2551},
            "temperature": 1.0,
        }
    ] * 2
    model = FaceClassifier(
        Ensemble(members, [1, 1]),
        Preprocessing(48, 0.0, 1.0),
        "ensemble",
        info={"members": rows},
        classes=OWN,
    ).eval()
    fer_zoo.artifacts.save.save_artifact(tmp_path, model, model.info | {"metrics": {}})
    loaded = fer_zoo.load(tmp_path)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(FACES), model(FACES), rtol=0, atol=1e-6)
    assert tuple(loaded.predict(FACE)) == OWN


def test_a_recognizer_answers_each_model_by_its_own_classes(portrait: Image.Image) -> None:
    own = create_model("resnet_48", classes=OWN).eval()
    own.name = "mine"
    recognizer = fer_zoo.Recognizer([create_model("cnn-baseline").eval(), own])
    seen = recognizer.recognize(portrait)
    (face,) = seen["faces"]
    assert tuple(face["models"]["cnn-baseline"]) == EMOTIONS and tuple(face["models"]["mine"]) == OWN
    assert "awake" in format_recognition(seen)
    tracked = fer_zoo.FaceTracker(recognizer)
    story = fer_zoo.VideoStory(recognizer.names)
    from fer_zoo.recognition.video import VideoFrame

    pixels = np.asarray(portrait)
    story.add(VideoFrame(0.0, pixels, tracked.update(pixels, 0.0)))
    assert story.faces[1].faces[0].answer("mine")[0] in OWN
    assert "mine.asleep" in story.to_csv().splitlines()[0]
    assert tuple(story.describe("v")["faces"][0]["models"]["mine"]) == OWN


def test_an_emotion_keeps_its_color_among_other_classes() -> None:
    awake, asleep, neutral = find_colors(OWN)
    assert neutral == COLORS["neutral"] and len({awake, asleep, *COLORS.values()}) == len(COLORS) + 2


def test_a_replaced_head_asks_for_the_names_of_its_outputs(tmp_path: Path) -> None:
    model = create_model("efficientnet_lite0").eval()
    model.backbone.reset_classifier(3)
    with pytest.raises(ValueError, match=r"3 outputs, and its classes are 7: set model.classes"):
        model(FACES)
    with pytest.raises(ArtifactError, match=r"3 outputs, and names 7 classes. Set model.classes"):
        save_model(model, tmp_path)
    model.classes = OWN
    save_model(model, tmp_path)
    assert tuple(fer_zoo.load(tmp_path).predict(FACE)) == OWN


def test_a_model_of_200_classes_with_all_its_scores_is_read_again(tmp_path: Path) -> None:
    classes = tuple(str(n) for n in range(200))
    labels = np.arange(2000) % 200
    score = score_predictions(np.eye(200)[labels], labels, classes=classes, name="mine", split="public")
    model = create_model("resnet_48", classes=classes)
    splits = ("public", "private", "test", "public_flip", "private_flip", "test_flip", "private_tencrop")
    save_artifact(tmp_path, model, {"metrics": dict.fromkeys(splits, score)})
    assert fer_zoo.load(tmp_path).classes == classes
