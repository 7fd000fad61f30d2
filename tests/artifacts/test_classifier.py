"""The contract: one tensor, one scale, one way from a picture to it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fer_zoo.artifacts.classifier import create_model
from fer_zoo.data.fer2013 import read_fer2013
from fer_zoo.data.synthetic import write_synthetic
from fer_zoo.emotions import EMOTIONS


def test_a_csv_row_and_its_png_give_equal_bytes_and_equal_probabilities(tmp_path) -> None:
    write_synthetic(tmp_path / "faces.csv", count=20)
    row = read_fer2013(tmp_path / "faces.csv").training.pixels[:1]
    Image.fromarray(row[0, 0]).save(tmp_path / "face.png")
    model = create_model("cnn-baseline").eval()
    with torch.inference_mode():
        logits = model(torch.from_numpy(row))
    from_png = model.predict(tmp_path / "face.png")
    assert from_png == model.predict(row[0, 0])
    # the memory layout of a batch of one may round another way
    assert list(from_png.values()) == pytest.approx(logits.softmax(1)[0].tolist(), abs=1e-7)


def test_predict_takes_what_people_hold_and_a_list(tmp_path) -> None:
    face = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    Image.fromarray(face).save(tmp_path / "face.png")
    model = create_model("resnet_48").eval()
    forms = [face, Image.fromarray(face), str(tmp_path / "face.png"), (tmp_path / "face.png").read_bytes()]
    answers = model.predict(forms)
    assert len(answers) == 4 and model.predict([]) == []
    for answer in answers:
        assert list(answer) == list(EMOTIONS) and sum(answer.values()) == pytest.approx(1, abs=1e-5)
        assert answer == pytest.approx(answers[0], abs=1e-6)


def test_predict_leaves_the_training_mode_as_it_was() -> None:
    model = create_model("cnn-baseline").train()
    face = np.zeros((48, 48), dtype=np.uint8)
    assert model.predict(face) == model.predict(face), "dropout must be off while predicting"
    assert model.training


def test_predict_leaves_a_frozen_batch_norm_frozen() -> None:
    model = create_model("resnet_48").train()
    frozen = next(module for module in model.modules() if isinstance(module, nn.BatchNorm2d)).eval()
    model.predict(np.zeros((48, 48), dtype=np.uint8))
    assert not frozen.training and sum(not module.training for module in model.modules()) == 1


def test_eight_threads_predict_with_a_model_in_training_mode() -> None:
    generator = np.random.default_rng(0)
    faces = [generator.integers(0, 256, (48, 48), dtype=np.uint8) for _ in range(64)]
    model = create_model("resnet_48").eval()
    expected = [model.predict(face) for face in faces]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.train()
    start = threading.Barrier(8)

    def work(few: list[np.ndarray]) -> list[dict[str, float]]:
        start.wait()
        return [model.predict(face) for face in few]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, [faces[index : index + 8] for index in range(0, 64, 8)]))
    assert answers == [expected[index : index + 8] for index in range(0, 64, 8)]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(module.training for module in model.modules())


def test_dtype_decides_the_scale_never_the_values() -> None:
    model = create_model("cnn-baseline").eval()
    dark = torch.ones(
        1, 1, 48, 48, dtype=torch.uint8
    )  # gray level 1 of 255, though it looks like a white 1.0
    assert torch.equal(model(dark), model(torch.full((1, 1, 48, 48), 1 / 255)))
    assert not torch.allclose(model(dark), model(torch.ones(1, 1, 48, 48)))
    with pytest.raises(ValueError, match="dtype"):
        model(dark.long())
    with pytest.raises(ValueError, match="shape"):
        model(dark[0])


def test_temperature_divides_the_logits() -> None:
    model = create_model("cnn-baseline").eval()
    faces = torch.zeros(1, 1, 48, 48, dtype=torch.uint8)
    plain = model(faces)
    model.temperature = 2.0
    assert torch.equal(model(faces), plain / 2)
