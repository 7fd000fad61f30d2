"""A card says what config.json says, and the Hub understands it."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image

import fer_zoo
from fer_zoo.artifacts.artifact import hash_weights, list_embedded, read_config
from fer_zoo.artifacts.card import build_card, write_card
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.artifacts.train_command_line import FER2013_FINGERPRINT
from fer_zoo.cli.arguments import read_recipe
from fer_zoo.cli.main import build_parser, main
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import ArtifactError
from fer_zoo.evaluation.metrics import score_predictions
from fer_zoo.evaluation.raters import ferplus_agreement
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import build_recipe, describe_recipe, load_recipe

RUN = {
    "seed": 5,
    "pretrained": False,
    "teachers": [],
    "data_fingerprint": "abc",
    "training": {"epochs": 9, "best_epoch": 7, "minutes": 12.5},
    "versions": {"torch": "2.0"},
    "metrics": {},
}
PACKAGED = list_embedded()
TEACHERS = [{"name": "resnet_48", "sha256": "0123456789abcdef"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A distilled model with made-up predictions for its metrics."""
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(7), size=200)
    labels = probabilities.argmax(1)
    labels[:80] = 3
    scores = score_predictions(probabilities, labels, name="efficientnet_lite0", split="private")
    votes = {"n": 150, "agreement": 0.71, "labels_agreement": 0.62}
    info = {
        "recipe": describe_recipe(build_recipe({"distill": {"teachers": ["resnet_48"], "share": 0.7}})),
        **RUN,
        "pretrained": "start.safetensors",
        "teachers": TEACHERS,
        "data_fingerprint": FER2013_FINGERPRINT,
        "metrics": {"private": {**scores, "ferplus": votes}},
        "latency": {"milliseconds": 4.25, "threads": 2, "processor": "EPYC", "day": "2026-11-28"},
    }
    path = tmp_path_factory.mktemp("model")
    save_artifact(path, create_model("efficientnet_lite0"), info)
    return path


def test_the_hub_understands_its_front_matter(folder: Path) -> None:
    card = ModelCard(build_card(folder))
    assert card.data.license == "mit" and card.data.pipeline_tag == "image-classification"
    score = json.loads((folder / "config.json").read_text())["fer_zoo"]["metrics"]["private"]
    own = [result for result in card.data.eval_results if result.dataset_type == "fer2013"]
    measured = {result.metric_type: result.metric_value for result in own}
    assert measured["accuracy"] == pytest.approx(score["accuracy"], abs=1e-4)
    assert measured["f1"] == pytest.approx(score["macro_f1"], abs=1e-4)
    assert {result.dataset_split for result in card.data.eval_results} == {"PrivateTest"}
    agreement = [result.metric_value for result in card.data.eval_results if result.dataset_type == "ferplus"]
    assert agreement == [pytest.approx(0.71)]


def test_it_tells_how_the_model_was_made(folder: Path) -> None:
    text = build_card(folder)
    for words in (
        "--pretrained start.safetensors --seed 5 --data fer2013.csv`",
        "resnet_48 (weights 0123456789abcdef; these weights are not part of the package)",
        "fer_zoo/recipes/baseline.toml`, with 8 of its settings changed",
        "distill.weight=0.7",
        "Epoch 7 of 9, the best by PublicTest accuracy; 12.5 minutes",
        "150 PrivateTest faces",
        "agrees with it on 71.0 %",
        "4.2 ms on 2 CPU threads of EPYC, 2026-11-28 (median)",
        "timm.create_model",
        "ImageNet weights under Apache-2.0",
    ):
        assert words in text, words


def test_the_card_of_tinyvit_tells_of_mobilesam_and_not_of_imagenet() -> None:
    text = build_card(PACKAGED["tiny_vit_5m.ferplus"])
    assert "Start weights: mobile_sam.pt, MobileSAM's image encoder" in text
    assert "The start weights are MobileSAM's, under Apache-2.0" in text and "ImageNet" not in text


def test_it_names_the_recipe_where_that_is_not_the_architectures_own(folder: Path, tmp_path: Path) -> None:
    block = json.loads((folder / "config.json").read_text())["fer_zoo"]
    for recipe, words in (("resnet_48", "--recipe resnet_48 "), ("efficientnet", "")):
        info = {**block, "recipe": describe_recipe(load_recipe(recipe))}
        save_artifact(tmp_path, create_model("efficientnet_lite0"), info)
        line = f"fer-zoo train --arch efficientnet_lite0 {words}--pretrained start.safetensors --seed 5"
        assert line in build_card(tmp_path)


def read_command(folder: Path) -> list[str]:
    """The arguments of the one `fer-zoo train` command in a card."""
    (command,) = re.findall(r"`fer-zoo (train [^`]*)`", build_card(folder))
    return shlex.split(command)


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--epochs 3",
        "--recipe tutorial --epochs 1",
        "--set epochs=80 --set augment.mixup=0.4 --set schedule=cosine --set compile=true",
        "--recipe resnet_48_distilled --set distill.share=0.25",
        """--set 'distill.teachers=["resnet_48", "ada/faces"]' --set learning_rate=0.00001""",
        "--recipe balanced --labels both --ferplus-csv fer2013new.csv",
        "--set dropout=0.5 --set normalize=false --seed 3",
    ],
)
def test_the_command_in_a_runs_card_is_the_one_that_ran(options: str, tmp_path: Path) -> None:
    """Typed again it gives the same recipe, labels and seed; also where the run was started from Python."""
    given = build_parser().parse_args(["train", "--arch", "resnet_48", *shlex.split(options)])
    recipe = read_recipe(given, "resnet_48")
    info = {**RUN, "recipe": describe_recipe(recipe), "seed": given.seed, "labels": given.labels}
    save_artifact(tmp_path, create_model("resnet_48"), info)
    told = build_parser().parse_args(read_command(tmp_path))
    assert read_recipe(told, find_architecture(told.arch).recipe) == recipe
    assert (told.labels, told.seed, told.ferplus_csv) == (given.labels, given.seed, given.ferplus_csv)


def test_a_runs_card_names_its_own_data_and_start(tmp_path: Path) -> None:
    data = {"name": "my faces", "training": 1200, "public_test": 300, "excluded": "exclude.csv"}
    start = {"name": "resnet_48", "sha256": "00" * 8}
    recipe = describe_recipe(build_recipe({"distill": {"teachers": ["/home/ada/runs/big", "resnet_48"]}}))
    info = {**RUN, "recipe": recipe, "data": data, "pretrained": start}
    save_artifact(tmp_path, create_model("resnet_48"), info)
    text, told = build_card(tmp_path), build_parser().parse_args(read_command(tmp_path))
    assert (told.data, told.exclude, told.pretrained) == ("my faces", "exclude.csv", "path/to/resnet_48")
    assert "Trained on my faces (1,200 Training and 300 PublicTest faces without those that exclude" in text
    assert "data fingerprint abc" in text and "these weights are not part of the package" in text
    assert "Trained on FER2013" not in text and "- fer2013" not in text and "/home/ada" not in text
    assert '["big", "resnet_48"]' in text
    (measured,) = re.findall(r"`fer-zoo (eval [^`]*)`", text)
    assert build_parser().parse_args(shlex.split(measured)).data == "my faces", "as the train command has it"


@pytest.mark.parametrize("name", ["cnn-baseline", "vit_tiny"])
def test_the_card_of_a_folder_loads_that_folder(name: str, tmp_path: Path) -> None:
    """Never the package's model of that name, which has other weights or none."""
    save_artifact(tmp_path, create_model(name), {"metrics": {}})
    text = build_card(tmp_path)
    assert 'fer_zoo.load("path/to/this/folder")' in text and 'models="path/to/this/folder"' in text
    assert f'"{name}"' not in text
    pushed = build_card(tmp_path, hub_name="ada/faces")
    assert 'fer_zoo.load("ada/faces")' in pushed
    assert "`fer-zoo eval path/to/this/folder --data fer2013.csv" in pushed, "--record takes no address"


@pytest.mark.parametrize("name", PACKAGED)
def test_the_python_of_a_packaged_card_runs(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(
        fer_zoo, "predict", lambda photo, models: asked.append((photo, models)), raising=False
    )
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)).save("face.png")
    (code,) = re.findall(r"```python\n(.*?)```", build_card(PACKAGED[name]), flags=re.DOTALL)
    exec(code.partition("import timm")[0], {})
    assert asked == [("photo.jpg", name)]


@pytest.mark.parametrize("name", ["resnet_48", "efficientnet_lite0"])
def test_weights_that_left_the_package_are_where_the_card_says(
    name: str, tmp_path: Path, monkeypatch
) -> None:
    text, command = build_card(PACKAGED[name]), read_command(PACKAGED[name])
    (history,) = re.findall(r"`(mkdir -p path/to [^`]*)`", text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_DIR", str(Path(__file__).parents[2] / ".git"))
    commit = re.findall(r"git archive (\w+)", history)[0]
    if subprocess.run(["git", "cat-file", "-e", f"{commit}^{{commit}}"], capture_output=True).returncode:
        pytest.skip("no clone with the whole history")
    subprocess.run(["bash", "-c", history], check=True)
    told = build_parser().parse_args(command)
    recipe = read_recipe(told, find_architecture(told.arch).recipe)
    block = read_config(PACKAGED[name])["fer_zoo"]
    learned_from = [block["pretrained"], *block["teachers"]]
    for folder, row in zip([told.pretrained, *recipe.distill.teachers], learned_from, strict=True):
        assert hash_weights(Path(folder)).startswith(row["sha256"])
        assert fer_zoo.load(f"./{folder}").classes == EMOTIONS


@pytest.mark.parametrize("name", ["ensemble", "ensemble.ferplus", "resnet_48", "cnn-baseline"])
def test_the_data_sets_are_those_that_a_model_or_its_members_learned(name: str) -> None:
    learned = ["fer2013"] if name == "cnn-baseline" else ["fer2013", "ferplus"]
    assert ModelCard(build_card(PACKAGED[name])).data.datasets == learned


@pytest.mark.parametrize("name", ["ensemble", "ensemble.ferplus"])
def test_the_command_of_an_ensemble_names_the_data(name: str) -> None:
    (command,) = re.findall(r"`fer-zoo (ensemble [^`]*)`", build_card(PACKAGED[name]))
    assert build_parser().parse_args(shlex.split(command)).data == "fer2013.csv"


@pytest.mark.parametrize(("labels", "leads"), [("ferplus", "By the majority"), ("fer2013", "| PrivateTest")])
def test_a_card_leads_with_the_labels_that_were_learned(
    folder: Path, tmp_path: Path, labels: str, leads: str
) -> None:
    block = json.loads((folder / "config.json").read_text())["fer_zoo"]
    generator = np.random.default_rng(1)
    votes = np.zeros((200, 10), dtype=int)
    votes[np.arange(200), generator.integers(0, 8, 200)] = 10
    probabilities = generator.dirichlet(np.ones(7), size=200)
    raters = ferplus_agreement(probabilities, generator.integers(0, 7, 200), votes)
    metrics = {"private": {**block["metrics"]["private"], "ferplus": raters}}
    save_artifact(
        tmp_path, create_model("efficientnet_lite0"), {**block, "labels": labels, "metrics": metrics}
    )
    card = ModelCard(build_card(tmp_path))
    assert card.data.eval_results[0].dataset_type == labels
    results = card.content.partition("## Results")[2]
    row = next(
        line for line in results.splitlines() if line.startswith("| PrivateTest") and "agree" not in line
    )
    shown = raters["agreement"] if labels == "ferplus" else metrics["private"]["accuracy"]
    assert f"| {100 * shown:.2f} % |" in row
    assert min(results.index("By the majority"), results.index("| PrivateTest")) == results.index(leads)
    opened = results.partition("<details>")[0]
    assert ("| contempt | 0.000 |" in opened) == (labels == "ferplus")
    happy = (raters if labels == "ferplus" else metrics["private"])["per_class"]["happy"]
    assert f"| happy | {happy['precision']:.3f} | {happy['recall']:.3f} |" in opened


HOSTILE = "\x1b]0;owned\x07<script>alert(1)</script>`x` [a](http://evil.example) \u202e| "


def spoil(value: object) -> object:
    """Every text replaced by what a terminal or a page would obey."""
    if isinstance(value, dict):
        return {key: spoil(part) for key, part in value.items()}
    return HOSTILE * 40 if isinstance(value, str) else value


def test_a_card_prints_nothing_that_a_terminal_or_a_page_obeys(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "model"
    shutil.copytree(PACKAGED["resnet_48"], folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    block = config["fer_zoo"]
    for key in ("data_fingerprint", "pretrained", "teachers", "versions", "calibration"):
        block[key] = [spoil(row) for row in block[key]] if key == "teachers" else spoil(block[key])
    block["versions"][HOSTILE] = HOSTILE
    block["seed"] = HOSTILE
    block["data"] = {"name": HOSTILE, "training": 3, "public_test": 4, "excluded": HOSTILE}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    main(["card", str(folder)])
    text = capsys.readouterr().out
    assert "owned" in text, "the words are told"
    assert not [sign for sign in text if not (sign.isprintable() or sign == "\n")]
    assert "<script" not in text and "](http" not in text and len(text) < 20_000
    assert read_command(folder)[:3] == ["train", "--arch", "resnet_48"]


def test_only_the_split_that_counts_stands_open() -> None:
    opened, folded = build_card(PACKAGED["cnn-baseline"]).split("<details>")
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


def test_a_name_that_is_a_path_is_refused(tmp_path: Path, capsys) -> None:
    """The pictures of a card are named after it."""
    config = json.loads((PACKAGED["ensemble"] / "config.json").read_text(encoding="utf-8"))
    config["fer_zoo"]["name"] = "../../outside"
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["card", str(tmp_path / "a" / "b"), "--out", str(tmp_path / "a" / "b")])
    assert "the name is '../../outside'; allowed are letters" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("key", ["data", "training", "calibration"])
def test_a_table_that_somebody_emptied_is_one_line(key: str, tmp_path: Path) -> None:
    shutil.copytree(PACKAGED["cnn-baseline"], tmp_path / "edited")
    config = read_config(tmp_path / "edited")
    config["fer_zoo"][key] = None
    (tmp_path / "edited" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError, match=f"{key} is None; allowed is an object"):
        read_config(tmp_path / "edited")


def test_the_card_of_data_with_one_test_split_says_so(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")
    config = read_config(folder)
    config["fer_zoo"]["data"] = {"name": "fer", "training": 3, "public_test": 4, "one_test": True}
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    text = build_card(tmp_path / "model")
    assert "honest figure" not in text and "the same faces as PrivateTest: every figure" in text


def test_scores_of_other_faces_are_not_recorded_as_fer2013s(tmp_path: Path, capsys) -> None:
    shutil.copytree(PACKAGED["cnn-baseline"], tmp_path / "model")
    main(["data", "synth", str(tmp_path / "drawn.csv"), "--count", "70"])
    with pytest.raises(SystemExit):
        main(["eval", str(tmp_path / "model"), "--data", str(tmp_path / "drawn.csv"), "--record"])
    assert "--record would give the card other faces' scores as FER2013's" in capsys.readouterr().err
