"""Every form of one picture, or of many, gives the same answer, or one line that says what to do."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import fer_zoo
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.errors import ImageError
from fer_zoo.utils.images import read_photo, whole_picture

FACE = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
COLOR = np.random.default_rng(1).integers(0, 256, (60, 50, 3), dtype=np.uint8)


def as_png(pixels: np.ndarray) -> io.BytesIO:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer  # it stands at its end, as people forget


def open_png(pixels: np.ndarray, folder: Path) -> Any:
    (folder / "face.png").write_bytes(as_png(pixels).getvalue())
    return (folder / "face.png").open("rb")


GRAY: dict[str, Callable[[Path], Any]] = {
    "array": lambda folder: FACE,
    "array of one channel": lambda folder: FACE[:, :, None],
    "array of three channels": lambda folder: np.stack([FACE] * 3, axis=2),
    "Pillow": lambda folder: Image.fromarray(FACE),
    "bytes": lambda folder: as_png(FACE).getvalue(),
    "bytearray": lambda folder: bytearray(as_png(FACE).getvalue()),
    "BytesIO": lambda folder: as_png(FACE),
    "file": lambda folder: open_png(FACE, folder),
    "tensor": lambda folder: torch.from_numpy(FACE),
    "tensor of one channel": lambda folder: torch.from_numpy(FACE)[None],
    "tensor of three channels": lambda folder: torch.from_numpy(FACE)[None].repeat(3, 1, 1),
    "floating point": lambda folder: torch.from_numpy(FACE)[None] / 255,
    "float16 with a gradient": lambda folder: (torch.from_numpy(FACE)[None] / 255).half().requires_grad_(),
}


@pytest.mark.parametrize("form", GRAY)
def test_one_face_in_any_form_is_the_same_face(form: str, tmp_path: Path) -> None:
    np.testing.assert_array_equal(whole_picture(read_photo(GRAY[form](tmp_path))), FACE)


def test_a_color_tensor_is_the_color_array() -> None:
    tensor = torch.from_numpy(COLOR).permute(2, 0, 1)
    np.testing.assert_array_equal(whole_picture(read_photo(tensor)), whole_picture(read_photo(COLOR)))


MANY: dict[str, Callable[[], Any]] = {
    "list": lambda: [FACE, FACE],
    "generator": lambda: (FACE for _ in range(2)),
    "array (N, H, W)": lambda: np.stack([FACE] * 2),
    "array (N, H, W, 3)": lambda: np.stack([np.stack([FACE] * 3, axis=2)] * 2),
    "array (N, H, W, 1)": lambda: np.stack([FACE[:, :, None]] * 2),
    "tensor (N, H, W)": lambda: torch.from_numpy(np.stack([FACE] * 2)),
    "tensor (N, 1, H, W)": lambda: torch.from_numpy(np.stack([FACE] * 2))[:, None],
}


@pytest.mark.parametrize("form", MANY)
def test_several_faces_in_any_form_give_a_list(form: str) -> None:
    model = create_model("resnet_48").eval()
    answers, one = model.predict(MANY[form]()), model.predict(FACE)
    assert isinstance(one, dict) and len(answers) == 2
    assert answers[0] == pytest.approx(one, abs=1e-6) and answers[1] == pytest.approx(one, abs=1e-6)


def test_more_faces_than_one_batch_come_back_in_order() -> None:
    model = create_model("cnn-baseline").eval()
    faces = np.random.default_rng(2).integers(0, 256, (300, 48, 48), dtype=np.uint8)
    answers = model.predict(iter(faces))
    assert len(answers) == 300 and answers[299] == pytest.approx(model.predict(faces[299]), abs=1e-5)
    assert model.predict(iter(())) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("https://example.org/face.jpg", "download it first"),
        ("data:image/png;base64,iVBORw0KGgo=", "download it first"),
        (torch.full((1, 48, 48), 2.0), "before it is normalized"),
        (torch.full((48, 48), float("nan")), "before it is normalized"),
        (io.StringIO("text"), "open it in binary mode"),
        (io.BytesIO(), "empty"),
        (torch.zeros(5, dtype=torch.uint8), "allowed is uint8"),
        (None, "is not a picture"),
        (3, "is not a picture"),
    ],
)
def test_what_is_no_picture_gets_one_line(given: Any, told: str) -> None:
    model = create_model("resnet_48").eval()
    with pytest.raises(ImageError, match=told) as caught:
        model.predict(given)
    assert "\n" not in str(caught.value)


def test_predict_keeps_dropout_and_batch_norm_as_the_user_set_them() -> None:
    model = create_model("cnn-baseline").train()
    frozen = [module.eval() for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.predict([FACE] * 3)
    assert not any(module.training for module in frozen) and model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_load_moves_the_model_to_a_device() -> None:
    model = fer_zoo.load("resnet_48", device="cpu")
    assert next(model.parameters()).device.type == "cpu"
    with pytest.raises(fer_zoo.FerZooError, match="cannot be used"):
        fer_zoo.load("resnet_48", device="tpu")
