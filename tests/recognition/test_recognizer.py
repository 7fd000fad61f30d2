"""Recognizer with stub models: shapes, order, batches, broken files, the JSON of `fer-zoo predict`."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import Tensor, nn

from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import FerZooError, ImageError, UnknownNameError
from fer_zoo.recognition.recognizer import Recognizer, format_recognition


class Stub(nn.Module):
    """Logits that depend on the brightness; records the shapes of its inputs."""

    classes = EMOTIONS

    def __init__(self, name: str, slope: float = 1.0) -> None:
        super().__init__()
        self.name, self.slope, self.batches = name, slope, list[tuple[int, ...]]()
        self.eval()

    def forward(self, faces: Tensor) -> Tensor:
        assert faces.dtype == torch.uint8
        self.batches.append(tuple(faces.shape))
        return faces.double().mean((1, 2, 3))[:, None] / 255 * self.slope * torch.arange(7)


def test_faces_are_scored_in_one_batch_by_each_model(group: Image.Image) -> None:
    models = [Stub("one"), Stub("two", slope=-2)]
    seen = Recognizer(models).inspect(group)
    assert [model.batches for model in models] == [[(3, 1, 48, 48)]] * 2
    assert seen.crops.shape == (3, 48, 48) and seen.crops.dtype == np.uint8 and len(seen.faces) == 3
    assert set(seen.probabilities) == set(seen.milliseconds) == {"one", "two"}
    np.testing.assert_allclose(seen.probabilities["one"].sum(axis=1), 1)
    expected = torch.softmax(Stub("same")(torch.from_numpy(seen.crops)[:, None]), dim=1).numpy()
    np.testing.assert_allclose(seen.probabilities["one"], expected, rtol=1e-6)


def test_json_shape(tmp_path: Path, portrait: Image.Image) -> None:
    path = tmp_path / "portrait.png"
    portrait.save(path)
    result = json.loads(json.dumps(Recognizer([Stub("one")]).recognize(path)))
    assert set(result) == {"image", "faces"} and result["image"] == str(path)
    (face,) = result["faces"]
    assert set(face) == {"box", "score", "models"} and len(face["box"]) == 4
    assert tuple(face["models"]["one"]) == EMOTIONS
    assert sum(face["models"]["one"].values()) == pytest.approx(1)
    assert "portrait.png" in format_recognition(result) and "1 face" in format_recognition(result)


def test_boxes_are_in_the_pixels_of_the_given_picture(portrait: Image.Image) -> None:
    recognizer = Recognizer([Stub("one")])
    small = recognizer.recognize(portrait)["faces"][0]["box"]
    large = recognizer.recognize(portrait.resize((2560, 3000)))["faces"][0]["box"]
    np.testing.assert_allclose(large, np.multiply(small, 5), atol=0.04 * 3000)


@pytest.mark.parametrize("size", [(4000, 3001), (3999, 1203), (1203, 3999)])
def test_boxes_of_a_large_picture_have_a_scale_for_each_axis(size: tuple[int, int]) -> None:
    """The longest side becomes 1600 pixels, the other is rounded."""
    recognizer, photo = Recognizer([Stub("one")]), Image.new("L", size)
    assert recognizer.recognize(photo, whole=True)["faces"][0]["box"] == [0, 0, *size]
    given = [0, size[1] - 400, 300, 400]
    (face,) = recognizer.recognize(photo, boxes=[given])["faces"]
    np.testing.assert_allclose(face["box"], given, atol=2)  # half a pixel of the smaller image
    assert face["box"][1] + face["box"][3] == size[1]


def test_whole_picture_is_one_face(no_face: Image.Image) -> None:
    (face,) = Recognizer([Stub("one")]).recognize(no_face, whole=True)["faces"]
    assert face["box"] == [0, 0, 300, 200] and face["score"] == 1.0


def test_csv_row_as_picture_reaches_the_model_unchanged(tmp_path: Path) -> None:
    row = np.random.default_rng(1).integers(0, 256, (48, 48), dtype=np.uint8)
    Image.fromarray(row).save(tmp_path / "row.png")
    crops = Recognizer([Stub("one")]).inspect(tmp_path / "row.png", whole=True).crops
    np.testing.assert_array_equal(crops, row[None])


def test_no_face_gives_an_empty_list_and_runs_no_model(no_face: Image.Image) -> None:
    model = Stub("one")
    assert Recognizer([model]).recognize(no_face)["faces"] == [] and model.batches == []


def test_tiny_face_is_noted(portrait: Image.Image) -> None:
    (face,) = Recognizer([Stub("one")]).recognize(portrait.resize((80, 94)))["faces"]
    assert face["notes"] == ["tiny"]


def test_a_broken_file_does_not_stop_the_others(tmp_path: Path, no_face: Image.Image) -> None:
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    no_face.save(paths[0])
    paths[1].write_bytes(b"not a picture")
    no_face.save(paths[2])
    recognizer = Recognizer([Stub("one")])
    results = list(recognizer.recognize_many(paths))
    assert [result["image"] for result in results] == [str(path) for path in paths]
    assert ["error" in result for result in results] == [False, True, False]
    assert results[1]["faces"] == [] and "b.png" in results[1]["error"]
    with pytest.raises(ImageError):
        recognizer.recognize(paths[1])


def test_unknown_model_raises_at_once() -> None:
    for given in (["cnn-basline"], "cnn-basline"):
        with pytest.raises(UnknownNameError, match="Unknown model 'cnn-basline'"):
            Recognizer(given)


def test_models_of_one_name_all_answer(portrait: Image.Image) -> None:
    first, second = Stub("one"), Stub("one", slope=-1.0)
    recognizer = Recognizer([first, second, "resnet_48"])
    assert recognizer.names == ["one", "one (2)", "resnet_48"]
    (face,) = recognizer.recognize(portrait)["faces"]
    assert face["models"]["one"] != face["models"]["one (2)"]
    for twice in ([first, first], ["resnet_48", "resnet_48"]):
        with pytest.raises(FerZooError, match="is given twice: name each model once"):
            Recognizer(twice)


def test_one_model_needs_no_list(tmp_path: Path) -> None:
    save_artifact(tmp_path / "run", create_model("resnet_48"), {})
    assert Recognizer("resnet_48").names == ["resnet_48"]
    assert Recognizer(tmp_path / "run").names == ["resnet_48"]
    assert Recognizer(Stub("one")).names == ["one"]
    assert Recognizer(name for name in ("resnet_48", "cnn-baseline")).names == ["resnet_48", "cnn-baseline"]
    assert Recognizer("resnet_48").select("resnet_48").names == ["resnet_48"]
    with pytest.raises(UnknownNameError, match="Did you mean 'resnet_48'"):
        Recognizer("resnet_48").select("resnet48")
    with pytest.raises(FerZooError, match="No model is chosen"):
        Recognizer([])


def test_faces_beyond_the_limit_are_counted_and_the_largest_kept(portrait: Image.Image) -> None:
    canvas = Image.new("RGB", (1040, 700), (120, 130, 140))
    for number in range(40):  # 35 of 128 pixels, and 5 smaller ones in the first row
        side = 128 if number > 4 else 72
        canvas.paste(portrait.resize((side, side * 600 // 512)), (number % 8 * 130, number // 8 * 140))
    result = Recognizer([Stub("one")]).recognize(canvas)
    assert len(result["faces"]) == 32 and result["faces_left_out"] == 8
    assert min(face["box"][3] for face in result["faces"]) > 45, "the 5 small ones are 35 pixels high"
    assert "the 32 largest of 40 faces: 8 smaller left out" in format_recognition(result)


def test_a_model_in_training_mode_answers_as_in_eval_mode_and_stays_as_it_is(portrait: Image.Image) -> None:
    model = create_model("resnet_48").eval()
    expected = Recognizer(model).recognize(portrait)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert Recognizer(model.train()).recognize(portrait) == expected
    assert all(module.training for module in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_eight_threads_get_the_answers_of_one(group: Image.Image, portrait: Image.Image) -> None:
    photos = [group, portrait, portrait.rotate(180), portrait.resize((80, 94))] * 4
    recognizer = Recognizer(["cnn-baseline", "resnet_48"])
    with ThreadPoolExecutor(8) as pool:  # the models are loaded by the first of them
        together = list(pool.map(recognizer.recognize, photos))
    assert together == [recognizer.recognize(photo) for photo in photos]


def test_a_face_that_the_edge_cuts_is_noted(portrait: Image.Image) -> None:
    recognizer = Recognizer([Stub("one")])
    x, y, width, height = recognizer.inspect(portrait).faces[0].box
    for left, top, notes in ((0, 0, []), (x + width // 4, 0, ["cut"]), (0, y + height // 4, ["cut"])):
        seen = recognizer.inspect(portrait.crop((left, top, *portrait.size)))
        assert seen.notes(0) == notes
    assert recognizer.inspect(portrait, whole=True).notes(0) == []


@pytest.mark.parametrize(("sigma", "light", "notes"), [(0, 1, []), (8, 1, ["blurred"]), (0, 0.15, ["faint"])])
def test_blurred_and_faint_faces_are_noted(
    portrait: Image.Image, sigma: float, light: float, notes: list[str]
) -> None:
    poor = portrait.filter(ImageFilter.GaussianBlur(sigma)).point(lambda value: int(value * light))
    assert Recognizer([Stub("one")]).inspect(poor).notes(0) == notes


@pytest.mark.parametrize(("deviation", "notes"), [(10, []), (60, ["noisy"])])
def test_noisy_faces_are_noted(portrait: Image.Image, deviation: float, notes: list[str]) -> None:
    noise = np.random.default_rng(0).normal(0, deviation, (*portrait.size[::-1], 3))
    noisy = np.clip(np.asarray(portrait) + noise, 0, 255).astype(np.uint8)
    assert Recognizer([Stub("one")]).inspect(Image.fromarray(noisy)).notes(0) == notes


def test_some_of_the_models_can_be_selected(tmp_path: Path, portrait: Image.Image) -> None:
    save_artifact(tmp_path / "run", create_model("resnet_48"), {})
    stub = Stub("one")
    recognizer = Recognizer([stub, tmp_path / "run", Stub("two")])
    chosen = recognizer.select(["two", "resnet_48"])
    assert list(chosen.inspect(portrait).probabilities) == ["two", "resnet_48"] and stub.batches == []
    assert chosen.models["resnet_48"] is recognizer.models["resnet_48"]


def test_a_failing_model_stops_the_others_only_without_keep_going(
    tmp_path: Path, portrait: Image.Image
) -> None:
    class Failing(Stub):
        def forward(self, faces: Tensor) -> Tensor:
            raise RuntimeError("out of\n memory")

    folder = tmp_path / "run"
    save_artifact(folder, create_model("resnet_48"), {})
    recognizer = Recognizer([Stub("one"), Failing("two"), folder])
    (folder / "model.safetensors").write_bytes(b"damaged")
    seen = recognizer.inspect(portrait, keep_going=True)
    assert list(seen.probabilities) == list(seen.milliseconds) == ["one"]
    assert seen.errors["two"] == "out of memory" and "not a safetensors file" in seen.errors["resnet_48"]
    with pytest.raises(RuntimeError, match="memory"):
        recognizer.inspect(portrait)


def test_models_explain_their_answers(portrait: Image.Image) -> None:
    model = create_model("resnet_48").eval()
    recognizer = Recognizer([model, Stub("blind")])
    seen = recognizer.inspect(portrait)
    maps, errors = recognizer.explain(seen.crops, seen.answers, keep_going=True)
    assert list(maps) == ["resnet_48"] and list(errors) == ["blind"]
    assert maps["resnet_48"].shape == (1, 48, 48) and maps["resnet_48"].max() == 1
