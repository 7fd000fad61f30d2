"""A Recognizer in other people's programs: lists, own boxes and detectors, tables, pictures, processes."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor, nn

import fer_zoo
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.emotions import COLORS, EMOTIONS
from fer_zoo.errors import FerZooError, UnknownNameError


class Bright(nn.Module):
    """A stand-in that is sure of an emotion by the mean gray of the crop."""

    name, classes = "bright", EMOTIONS

    def forward(self, faces: Tensor) -> Tensor:
        index = (faces.double().mean((1, 2, 3)) / 256 * 7).long()
        return 5 * nn.functional.one_hot(index, 7).float()


@pytest.fixture(scope="module")
def recognizer() -> fer_zoo.Recognizer:
    return fer_zoo.Recognizer("resnet_48")


def test_it_is_called_with_one_photo_or_several(
    recognizer: fer_zoo.Recognizer, portrait: Image.Image
) -> None:
    one, several = recognizer(portrait), recognizer([portrait, np.asarray(portrait)])
    assert one["faces"][0]["top"]["resnet_48"] in EMOTIONS
    assert [len(result["faces"]) for result in several] == [1, 1] and several[0]["faces"] == one["faces"]
    assert len(recognizer(photo for photo in [portrait])) == 1
    broken = recognizer([portrait, b"no picture"])
    assert broken[1]["faces"] == [] and "format" in broken[1]["error"]


def test_own_boxes_take_the_place_of_detection(
    recognizer: fer_zoo.Recognizer, portrait: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = recognizer(portrait)["faces"][0]
    monkeypatch.setattr("fer_zoo.detection.crops.find_upright_faces", None)  # it must not be called
    (face,) = recognizer(portrait, boxes=[found["box"]])["faces"]
    assert face["box"] == found["box"] and face["score"] == 1
    differences = [
        abs(face["models"]["resnet_48"][name] - found["models"]["resnet_48"][name]) for name in EMOTIONS
    ]
    assert max(differences) < 0.25, "framed as a detected face is"
    large = portrait.resize((portrait.width * 5, portrait.height * 5))
    boxes = np.array([found["box"], found["box"]]) * 5
    again = recognizer(large, boxes=boxes)["faces"]
    np.testing.assert_allclose([one["box"] for one in again], boxes, atol=2)  # whole pixels of the small copy
    several = recognizer([portrait, large], boxes=[[found["box"]], boxes])
    assert [len(result["faces"]) for result in several] == [1, 2]


@pytest.mark.parametrize(
    "box", [(600, 0, 10, 10), (0, 0, 0, 10), (-50, -50, 20, 20), (0, 0, float("nan"), 5), (1, 2)]
)
def test_a_box_outside_the_picture_is_refused_in_one_line(
    box: tuple, recognizer: fer_zoo.Recognizer, portrait: Image.Image
) -> None:
    with pytest.raises(FerZooError, match="allowed is x, y, width, height"):
        recognizer(portrait, boxes=[box])


def test_boxes_for_each_of_several_photos(recognizer: fer_zoo.Recognizer, portrait: Image.Image) -> None:
    with pytest.raises(FerZooError, match="not as many lists of boxes as photos"):
        recognizer([portrait, portrait], boxes=[[(0, 0, 50, 50)]])


def test_without_a_detector_the_picture_is_the_face(no_face: Image.Image) -> None:
    (face,) = fer_zoo.Recognizer("resnet_48", detector=None)(no_face)["faces"]
    assert face["box"] == [0, 0, 300, 200]
    with pytest.raises(UnknownNameError, match="Unknown detector 'mtcnn'"):
        fer_zoo.Recognizer("resnet_48", detector="mtcnn")


def test_a_function_is_a_detector(portrait: Image.Image) -> None:
    recognizer = fer_zoo.Recognizer("resnet_48", detector=lambda image: [(10, 20, image.width / 2, 200)])
    assert [face["box"] for face in recognizer(portrait)["faces"]] == [[10, 20, 256, 200]]


def test_the_largest_faces_of_a_detector_are_kept_and_boxes_keep_their_order(portrait: Image.Image) -> None:
    boxes = [(10 * number, 5, 20, 20) for number in range(32)] + [(50, 50, 400, 400)]
    result = fer_zoo.Recognizer("resnet_48", detector=lambda image: boxes).recognize(portrait)
    assert [face["box"][2] for face in result["faces"]] == [400, *[20] * 31]
    assert result["faces_left_out"] == 1
    given = fer_zoo.Recognizer("resnet_48").recognize(portrait, boxes=boxes)
    assert [face["box"] for face in given["faces"]] == [list(box) for box in boxes]


def test_it_travels_to_a_spawned_process(portrait: Image.Image, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path in paths:
        portrait.save(path)
    recognizer = fer_zoo.Recognizer("cnn-baseline")
    here = recognizer(paths)
    assert len(pickle.dumps(recognizer)) < 10_000, "a model of the package travels by its name"
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = list(pool.map(recognizer, paths))
    assert [one["faces"][0]["top"] for one in there] == [one["faces"][0]["top"] for one in here]


def test_a_selection_shares_the_loaded_weights_and_a_copy_by_pickle_does_not() -> None:
    recognizer = fer_zoo.Recognizer(["cnn-baseline", "resnet_48"], device="cpu")
    assert recognizer.select("resnet_48").models["resnet_48"] is recognizer.models["resnet_48"]
    again = pickle.loads(pickle.dumps(recognizer))
    assert again.names == recognizer.names and again.models["resnet_48"] is not recognizer.models["resnet_48"]
    assert recognizer.to("cpu") is recognizer
    with pytest.raises(FerZooError, match="cannot be used"):
        recognizer.to("tpu")


def test_a_model_in_memory_travels_with_its_weights(portrait: Image.Image) -> None:
    model = create_model("resnet_48", classes=["a", "b"]).eval()
    recognizer = pickle.loads(pickle.dumps(fer_zoo.Recognizer(model)))
    assert (
        recognizer(portrait)["faces"][0]["models"]
        == fer_zoo.Recognizer(model)(portrait)["faces"][0]["models"]
    )


def test_a_table_has_a_row_a_face_and_model(group: Image.Image, no_face: Image.Image, tmp_path: Path) -> None:
    group.save(tmp_path / "group.png")
    own = create_model("resnet_48", classes=("awake", "asleep")).eval()
    own.name = "mine"
    recognizer = fer_zoo.Recognizer(["cnn-baseline", own])
    frame = recognizer.to_frame([tmp_path / "group.png", no_face, b"no picture"])
    assert len(frame) == 3 * 2 + 2 + 2
    assert list(frame.columns[:4]) == ["image", "face", "x", "y"] and {"happy", "asleep", "error"} < set(
        frame
    )
    assert frame.image.tolist()[5:7] == [str(tmp_path / "group.png"), "1"] and frame.face.isna().sum() == 4
    first = frame.iloc[0]
    assert first["model"] == "cnn-baseline" and first["top"] == max(EMOTIONS, key=lambda name: first[name])
    assert first["probability"] == first[first["top"]]
    assert frame[frame.model == "mine"].happy.isna().all() and "format" in frame.error.iloc[-1]


def test_a_table_without_faces_has_the_types_of_one_with_faces(
    portrait: Image.Image, no_face: Image.Image
) -> None:
    recognizer = fer_zoo.Recognizer("cnn-baseline")
    types = recognizer.to_frame([portrait, b"no picture"]).dtypes
    assert recognizer.to_frame([no_face]).dtypes.equals(types)
    assert recognizer.to_frame([])["happy"].dtype == types["happy"] == "float64"


def test_a_table_takes_file_names_that_are_not_utf_8(recognizer: fer_zoo.Recognizer) -> None:
    frame = recognizer.to_frame(["missing-\udcff.jpg"])
    assert set(frame["image"]) == {r"missing-\udcff.jpg"}
    assert frame["error"].str.contains("no such file").all()


def test_a_model_gives_a_table_of_faces() -> None:
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    model = create_model("resnet_48", classes=("awake", "asleep")).eval()
    frame = model.to_frame(faces)
    assert list(frame) == ["image", "model", "top", "probability", "awake", "asleep"] and len(frame) == 3
    assert frame.image.tolist() == ["0", "1", "2"] and (frame.awake + frame.asleep).round(5).eq(1).all()
    assert model.to_frame([]).empty


def test_the_picture_shows_each_answer_in_its_color(group: Image.Image) -> None:
    recognizer = fer_zoo.Recognizer([Bright()])
    seen = recognizer.inspect(group)
    drawn = np.asarray(recognizer.plot(group))
    assert drawn.shape == np.asarray(group).shape
    for face, top in zip(seen.faces, seen.answers["bright"], strict=True):
        x, y, width, _ = face.box
        expected = [int(COLORS[EMOTIONS[top]][start : start + 2], 16) for start in (1, 3, 5)]
        assert drawn[y, x + width // 2].tolist() == expected
    with pytest.raises(UnknownNameError, match="Unknown model 'other'"):
        recognizer.plot(group, model="other")


def test_a_picture_without_a_face_is_drawn_as_it_is(no_face: Image.Image) -> None:
    np.testing.assert_array_equal(
        np.asarray(fer_zoo.Recognizer([Bright()]).plot(no_face)), np.asarray(no_face)
    )
