"""A model's folder written elsewhere: as it is, in half precision, as ONNX, or as a folder for timm alone or,
with three channels, for transformers too.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fer_zoo.artifacts.artifact import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    fingerprint_artifact,
    read_config,
    write_config,
)
from fer_zoo.artifacts.card import build_card, write_card
from fer_zoo.artifacts.classifier import load_artifact
from fer_zoo.artifacts.save import build_config, describe_info, save_model, write_with_card
from fer_zoo.errors import ArtifactError
from fer_zoo.models.registry import ARCHITECTURES, find_architecture
from fer_zoo.utils.files import write_atomically, write_text
from fer_zoo.utils.tensors import write_tensors

if TYPE_CHECKING:
    from torch import Tensor

    from fer_zoo.artifacts.classifier import FaceClassifier

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, by which Pillow makes gray of a color picture
COMPARED_FACES = 256  # drawn ones
USAGE = """\
```python
from transformers import pipeline

classify = pipeline("image-classification", model="path/to/this/folder")
classify("face.png")  # a picture cut to one face

import timm

network = timm.create_model("local-dir:path/to/this/folder", pretrained=True).eval()
```

The network takes three channels: its first layer was repeated over red, green and blue, weighted as
Pillow weights them to make gray. The calibration temperature is in the last layer. Pillow resizes 8-bit
pictures with rounding, fer_zoo floating-point ones: on {faces} drawn faces the probabilities differ from
fer_zoo's by {mean:.4f} on average and {largest:.3f} at most, and {changed} of the top emotions differ.
fer_zoo itself does not open this folder.
"""


def export_artifact(source: Path, out: Path, *, half: bool = False) -> Path:
    """Write `source` to the new folder `out`. half: 16-bit weights. Raises ArtifactError if it is taken."""
    refuse_existing_model(out)
    save_model(load_artifact(source), out, half=half)
    return out


def copy_artifact(source: Path, out: Path, added: dict[str, Any], hub_name: str | None = None) -> None:
    """Write `source` to the new folder `out` with the very bytes of its weights, after loading them strictly.

    added: to the `fer_zoo` block. An ensemble that names its members gets their weights. hub_name: where its
    card says that it is. Raises ArtifactError for a broken model, or if `out` is taken.
    """
    refuse_existing_model(out)
    model = load_artifact(source)
    if (source / WEIGHTS_NAME).is_file():
        write_atomically(out / WEIGHTS_NAME, lambda path: shutil.copyfile(source / WEIGHTS_NAME, path))
        config = read_config(source)
    else:
        save_model(model, out)
        config = read_config(out)
    config["fer_zoo"] |= added
    write_config(out, config)
    write_card(out, hub_name=hub_name)


def export_onnx(source: Path, out: Path) -> Path:
    """Write the artifact `source` as `out`/model.onnx. Raises ArtifactError if it is there."""
    from fer_zoo.artifacts.onnx_model import ONNX_NAME, write_onnx

    path = refuse_existing_file(out / ONNX_NAME)
    write_onnx(load_artifact(source), path, fingerprint_artifact(source))
    return path


def export_timm(source: Path, out: Path, *, rgb: bool = False) -> Path:
    """Write a timm row to the new folder `out` so that timm's own logits are the calibrated ones.

    Temperature and prior correction go into the last layer, because timm knows none: weight / T, and bias / T
    + correction. rgb: the network takes three channels, as the pipelines of transformers give them; the card
    says how much its probabilities differ, and fer_zoo does not load such a folder. Raises ArtifactError if
    the row is not timm's, or `out` is taken.
    """
    refuse_existing_model(out)
    model = load_artifact(source)
    if "members" in model.info or not find_architecture(model.architecture).timm_name:
        rows = ", ".join(row.name for row in ARCHITECTURES.values() if row.timm_name)
        raise ArtifactError(f"{model.name} is not a timm network. --format timm is for {rows}.")
    network: Any = model.backbone
    info = describe_info(model)
    head = network.get_classifier()
    head.weight.data /= model.temperature
    head.bias.data = head.bias.data / model.temperature + model.prior_correction
    model.set_calibration(temperature=1.0)
    if rgb:
        _write_rgb(model, out, info)
    else:
        write_with_card(model, out, info)  # the answers, and so the scores, stay what they were
    return out


def _write_rgb(model: "FaceClassifier", out: Path, info: dict[str, Any]) -> None:
    network: Any = model.backbone
    config = build_config(model, info)
    config.pop("fer_zoo")
    known = config["pretrained_cfg"]
    config["model_args"].pop("in_chans")
    known |= {"input_size": [3, *known["input_size"][1:]], "mean": known["mean"] * 3, "std": known["std"] * 3}
    tensors = repeat_channels(network.state_dict(), known["first_conv"])
    write_tensors(out / WEIGHTS_NAME, tensors, {"format": "pt"})
    write_config(out, config)
    usage = USAGE.format(**compare_probabilities(model, out))
    with TemporaryDirectory(prefix="fer-zoo-") as name:  # a card is made of a folder that fer_zoo opens
        write_with_card(model, gray := Path(name), info)
        for picture in gray.glob("*.png"):
            shutil.copyfile(picture, out / picture.name)
        write_text(out / "README.md", build_card(gray, usage=usage))


def repeat_channels(tensors: "Mapping[str, Tensor]", first_layer: str) -> "dict[str, Tensor]":
    """A gray network's tensors for three channels: a color picture gets the answer that its gray one gets."""
    import torch

    key = f"{first_layer}.weight"
    weight = tensors[key]  # (filters, 1, height, width)
    luma = torch.tensor(LUMA, dtype=weight.dtype, device=weight.device).reshape(1, 3, 1, 1)
    return {**tensors, key: weight * luma}


def compare_probabilities(model: "FaceClassifier", folder: Path) -> dict[str, Any]:
    """How far the answers of timm, with timm's transforms, are from those of `model` on drawn faces: the
    number of `faces`, the `mean` and `largest` absolute difference of a probability, and how many answers are
    `changed`.
    """
    import numpy as np
    import timm
    import torch
    from PIL import Image

    from fer_zoo.data.synthetic import draw_faces

    faces = draw_faces(COMPARED_FACES, np.random.default_rng(0)).pixels
    network = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    transform: Any = timm.data.create_transform(**timm.data.resolve_data_config({}, model=network))
    pictures = torch.stack([transform(Image.fromarray(face).convert("RGB")) for face in faces[:, 0]])
    with torch.inference_mode():
        given = network(pictures).softmax(1)
        expected = model.cpu().eval()(torch.from_numpy(faces)).softmax(1)
    gaps = (given - expected).abs()
    return {
        "faces": len(faces),
        "mean": gaps.mean().item(),
        "largest": gaps.max().item(),
        "changed": int((given.argmax(1) != expected.argmax(1)).sum()),
    }


def refuse_existing_file(path: Path) -> Path:
    if path.exists():
        raise ArtifactError(f"{str(path)!r} already exists: choose another --out.")
    return path


def refuse_existing_model(out: Path) -> None:
    if (out / CONFIG_NAME).exists():
        raise ArtifactError(f"{str(out)!r} already holds a model: choose another --out.")
