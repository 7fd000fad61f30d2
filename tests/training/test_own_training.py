"""A run on labeled pictures of one's own: classes, split, new head, small batches, and its evaluation."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import fer_zoo.training.trainer as trainer
from fer_zoo.artifacts.artifact import read_config
from fer_zoo.artifacts.card import build_card
from fer_zoo.artifacts.classifier import create_model, load_artifact
from fer_zoo.artifacts.hub import load
from fer_zoo.artifacts.onnx_model import OnnxClassifier
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.artifacts.train_command_line import build_command
from fer_zoo.cli.main import main
from fer_zoo.data.class_map import read_class_map
from fer_zoo.data.fer2013 import FER2013, Faces, read_faces
from fer_zoo.data.stratified_split import digest_face, read_split
from fer_zoo.data.synthetic import draw_faces
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import DataError
from fer_zoo.evaluation.ensemble_selection import build_ensemble
from fer_zoo.evaluation.model_data import read_faces_for
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import load_recipe
from fer_zoo.training.initialize import default_recipe, initialize_model
from fer_zoo.training.small_data import adapt_recipe
from fer_zoo.training.trainer import fit

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*were drawn by class", "ignore:.*faces of dropped classes", "ignore:.*split as in the run's"
)


def write_drawn(folder: Path, names: dict[str, str], count: int) -> Path:
    """Of `count` drawn faces those whose emotion has a class in `names`, in color and 96 pixels wide."""
    faces = draw_faces(count, np.random.default_rng(0))
    for index, (pixels, label) in enumerate(zip(faces.pixels, faces.labels, strict=True)):
        if name := names.get(EMOTIONS[label]):
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[0]).convert("RGB").resize((96, 96)).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = {"happy": "joy", "sad": "grief", "angry": "rage", "disgust": "rage"}
    return write_drawn(tmp_path_factory.mktemp("data") / "mine", names, 56)


@pytest.fixture(scope="module")
def run(mine: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a run of two epochs, and what it said."""
    import contextlib
    import io

    out, said = tmp_path_factory.mktemp("runs") / "mine", io.StringIO()
    words = ["train", "--arch", "resnet_48", "--data", mine, "--pretrained", "resnet_48", "--epochs", "2"]
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        main([*map(str, words), "--out", str(out), "--device", "cpu"])
    return out, said.getvalue()


def test_a_run_from_the_zoo_says_what_is_new(run: tuple[Path, str]) -> None:
    _, said = run
    assert "head: new, 3 classes (grief, joy, rage); backbone: resnet_48.fer2013\n" in said
    assert "mine, 24 Training and 4 PublicTest faces, split by class (seed 0), kept in split.csv\n" in said
    assert "recipe: finetune with epochs=2, batch_size=8, learning_rate=" in said


def test_the_model_answers_with_its_own_classes(run: tuple[Path, str], mine: Path) -> None:
    out, _ = run
    model = load(out)
    answer = model.predict(next((mine / "joy").iterdir()))
    assert list(answer) == ["grief", "joy", "rage"] and sum(answer.values()) == pytest.approx(1, abs=1e-5)
    block = read_config(out)["fer_zoo"]
    assert block["pretrained"]["head"] == "new" and block["data"]["split_seed"] == 0
    card = (out / "README.md").read_text()
    assert '{"grief": 0.01, ...}' in card and "3 classes (grief, joy, rage)" in card
    assert "- Temperature 1.000, not fitted, because PublicTest has too few faces" in card
    assert "The epoch was chosen on PublicTest, so" in card
    assert re.search(r"Start weights: the model resnet_48 \(.*\), with a new head\.", card)
    assert build_command(block).startswith("fer-zoo train --arch resnet_48 --recipe finetune")


def test_eval_scores_the_faces_that_the_run_has_not_seen(
    run: tuple[Path, str], mine: Path, tmp_path: Path, capsys
) -> None:
    out, _ = run
    main(["eval", str(out), "--data", str(mine), "--json", "--device", "cpu"])
    result = json.loads(capsys.readouterr().out)
    assert result["split"] == "private" and result["n"] == 4
    assert list(result["per_class"]) == ["grief", "joy", "rage"]
    main(["export", str(out), "--out", str(tmp_path / "copy")])
    capsys.readouterr()
    main(["eval", str(tmp_path / "copy"), "--data", str(mine), "--json", "--device", "cpu"])
    copied = json.loads(capsys.readouterr().out)
    assert (copied["split"], copied["n"], copied["accuracy"]) == ("private", 4, result["accuracy"])
    others = write_drawn(tmp_path / "others", {"happy": "Joy", "sad": "grief", "fear": "panic"}, 70)
    main(["eval", str(out), "--data", str(others), "--json", "--device", "cpu"])
    result = json.loads(capsys.readouterr().out)
    assert result["n"] == 20 and result["left_out"] == {"panic": 10}
    main(["eval", str(out), "--data", str(others), "--merge", "panic=grief", "--device", "cpu"])
    said = capsys.readouterr().out
    assert "on private: 30 faces" in said and "left out" not in said


def test_a_run_stopped_in_its_first_epoch_leaves_no_split_to_the_next(
    mine: Path, tmp_path: Path, monkeypatch
) -> None:
    others = write_drawn(tmp_path / "others", {"happy": "joy", "sad": "grief", "fear": "rage"}, 70)
    divided = write_drawn(tmp_path / "divided" / "train", {"happy": "joy", "sad": "grief"}, 70).parent
    for split in ("val", "test"):
        write_drawn(divided / split, {"happy": "joy", "sad": "grief"}, 28)

    def start(data: Path, name: str) -> FER2013:
        dataset = read_faces(data)
        fit(
            "cnn-baseline",
            dataset.training,
            dataset.public_test,
            load_recipe("baseline", ["epochs=1"]),
            out=tmp_path / name,
            show_progress=False,
            data=dataset.info,
        )
        return dataset

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "train_epoch", stop)
        for name in ("drawn", "given"):
            with pytest.raises(KeyboardInterrupt):
                start(mine, name)
            assert (tmp_path / name / "split.csv").is_file()
    trained = start(others, "drawn")
    scored, split = read_faces_for(tmp_path / "drawn", others)
    seen = {digest_face(face) for part in ("train", "public") for face in trained.split(part).pixels}
    assert split == "private" and len(scored.private_test) == len(trained.private_test)
    assert not seen.intersection(digest_face(face) for face in scored.private_test.pixels)
    assert set(read_split(tmp_path / "drawn" / "split.csv")) == seen
    start(divided, "given")
    assert not (tmp_path / "given" / "split.csv").exists()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "split.csv").write_text("path,label,split\na.png,joy,train\n")
    with pytest.raises(DataError, match="not a run's"):  # a table of the user's own is not lost
        start(divided, "data")
    assert (tmp_path / "data" / "split.csv").read_text().endswith("a.png,joy,train\n")


def test_an_ensemble_of_runs_knows_their_classes_and_split(mine: Path, tmp_path: Path) -> None:
    dataset = read_faces(mine, class_map=read_class_map(["joy,grief=other"], [], None), seed=5)
    for name in ("a", "b"):
        save_artifact(
            tmp_path / name, create_model("resnet_48", classes=dataset.classes).eval(), {"metrics": {}}
        )
    build_ensemble([tmp_path / "a", tmp_path / "b"], dataset, tmp_path / "both", device="cpu")
    read, split = read_faces_for(tmp_path / "both", mine)
    assert (read.fingerprint, read.classes, split) == (dataset.fingerprint, ("other", "rage"), "private")
    card = build_card(tmp_path / "both")
    assert "The votes were chosen on PublicTest, so" in card
    assert "--data mine`" in card and "one temperature (1.000, not fitted" in card


def test_a_model_of_the_zoo_is_scored_on_a_folder_in_common_spellings(tmp_path: Path, capsys) -> None:
    names = {"happy": "Happiness", "sad": "Sadness", "fear": "contempt"}
    folder = write_drawn(tmp_path / "faces", names, 70)
    main(["eval", "cnn-baseline", "--data", str(folder), "--device", "cpu"])
    said = capsys.readouterr().out
    assert "cnn-baseline on all: 20 faces" in said
    assert "left out                  10  (no such class in the model: 10 of contempt)" in said
    (tmp_path / "map.toml").write_text('contempt = "neutral"\n')
    arguments = ["--data", str(folder), "--classes", str(tmp_path / "map.toml"), "--json", "--device", "cpu"]
    main(["eval", "cnn-baseline", *arguments])
    assert json.loads(capsys.readouterr().out)["n"] == 30
    with pytest.raises(SystemExit):
        main(["eval", "cnn-baseline", "--data", str(folder), "--record", "--device", "cpu"])
    assert "--record stores scores on the splits of a model's own classes" in capsys.readouterr().err


def test_a_new_head_keeps_the_backbone_and_the_same_classes_keep_the_head() -> None:
    row, trained = find_architecture("resnet_48"), load("resnet_48").backbone.state_dict()
    changed = initialize_model(row, "resnet_48", {}, ("a", "b", "c", "d", "e", "f", "g"))
    own = changed.model.backbone.state_dict()
    different = {name for name, value in own.items() if not torch.equal(value, trained[name])}
    assert different == {"classifier.weight", "classifier.bias"} and changed.source["head"] == "new"
    kept = initialize_model(row, "resnet_48", {}, EMOTIONS)
    assert all(torch.equal(value, trained[name]) for name, value in kept.model.backbone.state_dict().items())
    assert "head" not in kept.source
    assert default_recipe(row, "resnet_48", EMOTIONS) == row.recipe == default_recipe(row, False, ("a", "b"))
    assert default_recipe(row, "resnet_48", ("a", "b")) == "finetune"


def test_merged_classes_are_kept_in_the_run_and_used_by_eval(mine: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "run"
    words = ["train", "--arch", "cnn-baseline", "--data", str(mine), "--epochs", "1", "--device", "cpu"]
    main([*words, "--merge", "grief,rage=bad", "--out", str(out)])
    assert load_artifact(out).classes == ("bad", "joy")
    assert "--merge grief,rage=bad" in build_command(read_config(out)["fer_zoo"])
    capsys.readouterr()
    main(["eval", str(out), "--data", str(mine), "--json", "--device", "cpu"])
    assert list(json.loads(capsys.readouterr().out)["per_class"]) == ["bad", "joy"]
    with pytest.raises(SystemExit):
        main([*words, "--drop", "pain", "--out", str(tmp_path / "other")])
    assert "Unknown class" in capsys.readouterr().err and not (tmp_path / "other").exists()


def test_few_faces_get_small_batches_and_many_the_recipes_own() -> None:
    recipe = load_recipe("resnet_48")
    assert adapt_recipe(recipe, 28_709) is recipe is adapt_recipe(recipe, 2 * recipe.batch_size)
    small = adapt_recipe(recipe, 24)
    assert small.batch_size == 8
    assert small.learning_rate == pytest.approx(
        recipe.learning_rate * (8 / recipe.batch_size) ** 0.5, rel=0.05
    )
    assert adapt_recipe(recipe, 5).batch_size == 5


def test_splits_that_cannot_be_trained_on_are_one_line(mine: Path, tmp_path: Path) -> None:
    dataset = read_faces(mine)
    one = dataset.training.select(dataset.training.labels == 0)
    for train, val, reason in (
        (one, dataset.public_test, "Training has faces of grief alone"),
        (dataset.training, dataset.public_test.select(np.zeros(0, int)), "PublicTest has no face"),
        (dataset.training, Faces(one.pixels, one.labels), "PublicTest angry, disgust"),
    ):
        with pytest.raises(DataError, match=reason):
            fit("cnn-baseline", train, val, out=tmp_path / "run", show_progress=False)
    assert not (tmp_path / "run").exists()


def test_a_split_without_a_face_is_one_line(tmp_path: Path, capsys) -> None:
    """Held-out faces alone have no Training and no PublicTest."""
    folder = write_drawn(tmp_path / "faces" / "test", {"happy": "happy", "sad": "sad"}, 28).parent
    data = ["--data", str(folder), "--device", "cpu"]
    for words in (
        ["eval", "cnn-baseline", "--split", "train"],
        ["compare", "cnn-baseline", "resnet_48", "--split", "public"],
        ["calibrate", "cnn-baseline", "--out", str(tmp_path / "out")],
        ["ensemble", "cnn-baseline", "resnet_48", "--out", str(tmp_path / "out")],
    ):
        with pytest.raises(SystemExit) as caught:
            main([*words, *data])
        assert caught.value.code == 2 and "faces: no face in the split '" in capsys.readouterr().err


def test_a_model_of_own_classes_becomes_int8_on_the_split_of_its_run(
    run: tuple[Path, str], mine: Path, tmp_path: Path, capsys
) -> None:
    words = ["export", str(run[0]), "--format", "onnx", "--int8", "--out", str(tmp_path)]
    main([*words, "--data", str(mine)])
    assert "PrivateTest" in capsys.readouterr().out
    stored = OnnxClassifier(tmp_path / "model_int8.onnx")
    assert stored.classes == ("grief", "joy", "rage") and stored.metrics["private"]["n"] == 4


def test_an_excluded_face_is_not_scored_and_any_file_name_is_kept(tmp_path: Path, capsys) -> None:
    folder = write_drawn(tmp_path / "faces", {"happy": "yes", "sad": "no"}, 84)
    try:
        next((folder / "yes").iterdir()).rename(os.fsdecode(os.fsencode(folder / "yes") + b"/caf\xe9.png"))
    except OSError:
        pytest.skip("this disk takes UTF-8 alone")
    (tmp_path / "exclude.csv").write_text("split,index\nTraining,0\nTraining,3\nPublicTest,1\n")
    data, out = ["--data", str(folder), "--device", "cpu"], tmp_path / "run"
    options = ["--exclude", str(tmp_path / "exclude.csv"), "--out", str(out), "--epochs", "1"]
    main(["train", "--arch", "cnn-baseline", *data, *options])
    assert "18 Training and 1 PublicTest faces" in capsys.readouterr().err
    main(["eval", str(out), *data, "--json"])
    assert json.loads(capsys.readouterr().out)["n"] == 2
