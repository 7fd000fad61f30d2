"""A stranger's road: three folders of photos, then crop, train, load, predict, evaluate, export and show."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fer_zoo
from fer_zoo.cli.main import main
from fer_zoo.data.synthetic import draw_faces
from fer_zoo.emotions import EMOTIONS
from fer_zoo.utils.telemetry import import_onnxruntime

# How the faces were split, which the command says on stderr.
pytestmark = pytest.mark.filterwarnings("ignore:.*(drawn by class|split as in the run)")
CLASSES = {"amazed": "surprise", "gloomy": "sad", "grinning": "happy"}
PHOTOS = 18  # of each class


@pytest.fixture(scope="module")
def home(tmp_path_factory, portrait: Image.Image) -> Path:
    """Where the stranger stands: photos/CLASS/*.jpg in color, some sideways, and one that is broken."""
    folder = tmp_path_factory.mktemp("stranger")
    portrait.save(folder / "new.jpg")
    faces = draw_faces(7 * PHOTOS, np.random.default_rng(5))
    for name, emotion in CLASSES.items():
        (folder / "photos" / name).mkdir(parents=True)
        drawn = faces.pixels[faces.labels == EMOTIONS.index(emotion), 0]
        for number, pixels in enumerate(drawn):
            photo = Image.new("RGB", (480, 400), (120, 130, 140))
            photo.paste(Image.fromarray(pixels).resize((240, 240), Image.Resampling.BICUBIC), (120, 80))
            turned = photo.rotate(90, expand=True) if number == 1 else photo
            turned.save(folder / "photos" / name / f"IMG_{number:04d}.jpg")
    (folder / "photos/gloomy/half.jpg").write_bytes(b"\xff\xd8\xff\xe0 the download stopped")
    return folder


@pytest.fixture(scope="module")
def faces(home: Path) -> Path:
    main(["data", "crop", str(home / "photos"), str(home / "faces")])
    return home / "faces"


@pytest.fixture(scope="module")
def mine(home: Path, faces: Path) -> Path:
    train = ["train", "--arch", "resnet_48", "--data", str(faces), "--pretrained", "resnet_48"]
    main([*train, "--epochs", "2", "--set", "batch_size=16", "--device", "cpu", "--out", str(home / "mine")])
    return home / "mine"


def test_the_faces_of_the_photos_are_cropped(faces: Path) -> None:
    for name in CLASSES:
        crops = sorted((faces / name).glob("*.png"))
        assert len(crops) >= 10  # in some drawings no face is found
        for crop in crops:
            with Image.open(crop) as image:
                assert (image.mode, image.size) == ("L", (48, 48))


def test_the_model_has_the_strangers_classes(mine: Path) -> None:
    model = fer_zoo.load(mine)
    assert model.classes == tuple(CLASSES)
    assert json.loads((mine / "config.json").read_text())["label_names"] == list(CLASSES)
    card = (mine / "README.md").read_text()
    assert all(name in card for name in CLASSES) and "disgust" not in card
    assert model.embed(np.zeros((2, 48, 48), np.uint8)).shape == (2, 320)


def test_it_predicts_in_the_strangers_words(home: Path, mine: Path, capsys) -> None:
    main(["predict", str(home / "new.jpg"), "--models", str(mine), "--json"])
    (result,) = json.loads(capsys.readouterr().out)
    (probabilities,) = result["faces"][0]["models"].values()
    assert set(probabilities) == set(CLASSES) and sum(probabilities.values()) == pytest.approx(1, abs=0.01)


def test_it_is_evaluated_on_the_part_that_was_held_out(mine: Path, faces: Path, capsys) -> None:
    main(["eval", str(mine), "--data", str(faces), "--device", "cpu", "--json"])
    scores = json.loads(capsys.readouterr().out)
    seen = len((mine / "split.csv").read_text().splitlines()) - 1  # faces of Training and PublicTest
    assert scores["n"] == len(list(faces.rglob("*.png"))) - seen and 3 <= scores["n"] <= 12
    assert list(scores["per_class"]) == list(CLASSES)


def test_its_onnx_file_names_the_classes(home: Path, mine: Path) -> None:
    main(["export", str(mine), "--format", "onnx", "--out", str(home / "exported")])
    path = home / "exported/model.onnx"
    session = import_onnxruntime().InferenceSession(path)
    face = fer_zoo.read_one_face(home / "new.jpg")
    logits, *_ = session.run(None, {session.get_inputs()[0].name: face[None, None]})
    assert logits.shape == (1, 3)
    expected = fer_zoo.load(mine).predict(face)
    answer = fer_zoo.load(path, runtime="onnx").predict(face)
    assert list(answer) == list(CLASSES) and answer == pytest.approx(expected, abs=1e-4)


def test_the_demo_offers_it(home: Path, mine: Path) -> None:
    from gradio_client import Client, handle_file

    (name,) = fer_zoo.Recognizer(mine).names
    command = [sys.executable, "-m", "fer_zoo", "demo", "--models", str(mine), "--port", "7897"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        try:
            assert demo.stdout is not None
            words = (word for line in demo.stdout for word in line.split())
            url = next(word for word in words if word.startswith("http"))
            photo = handle_file(str(home / "new.jpg"))
            answer = Client(url, verbose=False).predict(photo=photo, models=[name], api_name="/compare")
            assert all(known in str(answer) for known in CLASSES)
        finally:
            demo.terminate()
