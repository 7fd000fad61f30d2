"""`fer_zoo.predict` and `model.predict` of a photo; a whole photo is never silently taken for a face."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fer_zoo
from fer_zoo.bench.prediction_speed import draw_photo
from fer_zoo.detection.detector import find_faces
from fer_zoo.errors import ImageError, UnknownNameError
from fer_zoo.utils.images import to_gray


def test_predict_scores_a_photo(tmp_path: Path, portrait: Image.Image) -> None:
    portrait.save(tmp_path / "photo.png")
    result = fer_zoo.predict(tmp_path / "photo.png", models="resnet_48")
    (face,) = result["faces"]
    named = face["models"]["resnet_48"]
    assert result["image"].endswith("photo.png") and len(face["box"]) == 4
    assert face["top"] == {"resnet_48": max(named, key=named.get)}
    expected = fer_zoo.Recognizer("resnet_48").recognize(tmp_path / "photo.png")
    assert face == {**expected["faces"][0], "top": face["top"]}


def test_a_list_of_photos_and_a_drawn_photo_with_several_faces(tmp_path: Path) -> None:
    drawn = draw_photo()
    (tmp_path / "bad.png").write_text("not a picture", encoding="utf-8")
    result, bad = fer_zoo.predict([drawn, tmp_path / "bad.png"])
    assert len(result["faces"]) > 1 and all(set(face["top"]) == {"cnn-baseline"} for face in result["faces"])
    assert bad["faces"] == [] and "bad.png" in bad["error"]
    with pytest.raises(ImageError, match=r"bad\.png"):
        fer_zoo.predict(tmp_path / "bad.png")
    with pytest.raises(UnknownNameError, match="Did you mean 'cnn-baseline'"):
        fer_zoo.predict(drawn, models="cnn-basline")


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_a_model_reads_the_face_of_a_photo(portrait: Image.Image, runtime: str) -> None:
    model = fer_zoo.load("resnet_48", runtime=runtime)
    expected = fer_zoo.predict(portrait, models="resnet_48")["faces"][0]["models"]["resnet_48"]
    for photo in (portrait, portrait.rotate(180)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert model.predict(photo) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("size", [(48, 48), (96, 96), (128, 128), (100, 112)])
def test_a_small_square_is_a_face_as_it_is(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = fer_zoo.read_one_face(noise)
    assert read.shape == (48, 48)
    if size[0] == size[1]:
        np.testing.assert_array_equal(read, to_gray(Image.fromarray(noise)))


def test_a_large_face_crop_is_a_face_as_it_is(portrait: Image.Image) -> None:
    x, y, width, height = find_faces(portrait)[0].box
    side = round(1.15 * max(width, height))
    left, above = x + (width - side) // 2, y + (height - side) // 2
    crop = portrait.crop((left, above, left + side, above + side)).resize((320, 320))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(fer_zoo.read_one_face(crop), to_gray(crop))


def test_a_photo_of_several_faces_or_none_gives_a_warning(
    tmp_path: Path, group: Image.Image, no_face: Image.Image
) -> None:
    group.save(tmp_path / "group.png")
    with pytest.warns(UserWarning) as warned:
        fer_zoo.read_one_face(tmp_path / "group.png")
        fer_zoo.read_one_face(no_face)
    assert [str(one.message).partition(": ")[2] for one in warned] == [
        "3 faces; only the largest is used. fer_zoo.predict(photo) returns all.",
        "no face was found; the whole picture is used as one face.",
    ]
    assert str(warned[0].message).startswith(str(tmp_path / "group.png"))


def test_the_command_checks_its_inputs_before_torch_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom fer_zoo.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: print(end.code, 'torch' in sys.modules, 'onnxruntime' in sys.modules)\n"
    )
    for options in (["missing.jpg"], ["missing.jpg", "--out", str(tmp_path / "out")]):
        done = subprocess.run(
            [sys.executable, "-c", program, "predict", *options], capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["2", "False", "False"] and "no such file" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_models_of_one_call_may_be_loaded_ones(portrait: Image.Image) -> None:
    model = fer_zoo.load("cnn-baseline")
    given, named = fer_zoo.predict(portrait, models=model), fer_zoo.predict(portrait)
    assert given["faces"] == named["faces"]
