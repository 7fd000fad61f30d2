"""A model's folder written elsewhere: as it is, in half precision, calibrated anew, for timm, or as ONNX."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fer_zoo.artifact import (
    CONFIG_NAME,
    ENSEMBLE,
    OF_THE_FILE,
    WEIGHTS_NAME,
    fingerprint_artifact,
    load_artifact,
    read_config,
    save_artifact,
    write_config,
)
from fer_zoo.cards import write_card
from fer_zoo.devices import pick_device
from fer_zoo.errors import ArtifactError
from fer_zoo.files import write_atomically
from fer_zoo.progress import track
from fer_zoo.registry import ARCHITECTURES, find_architecture

if TYPE_CHECKING:
    from fer_zoo.data.fer2013 import FER2013
    from fer_zoo.models.classifier import FaceClassifier


def export_artifact(source: Path, out: Path, *, half: bool = False) -> Path:
    """Write the artifact `source` to the new folder `out`. half: 16-bit weights. Raises ArtifactError if it
    is taken.
    """
    _refuse_taken(out)
    save_model(load_artifact(source), out, half=half)
    return out


def save_model(
    model: "FaceClassifier", out: str | Path, *, half: bool = False, hub_name: str | None = None
) -> None:
    """Write a model in memory as an artifact, over one that is there: weights, config.json and card.

    What `model.info` says goes with it: empty its "metrics" for a model that was trained on since.
    half: 16-bit weights. hub_name: as in `build_card`.
    """
    import torch

    out = Path(out)
    own = {"metrics": {}} | {key: value for key, value in model.info.items() if key not in OF_THE_FILE}
    save_artifact(out, model, own, dtype=torch.float16 if half else None)
    write_card(out, hub_name=hub_name)


def copy_artifact(source: Path, out: Path, added: dict[str, Any], hub_name: str | None = None) -> None:
    """Write `source` to the new folder `out` with the very bytes of its weights, after loading them strictly.

    added: to the `fer_zoo` block. An ensemble that names its members gets their weights. hub_name: where its
    card says that it is. Raises ArtifactError for a broken model, or if `out` is taken.
    """
    _refuse_taken(out)
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


def calibrate_artifact(source: Path, dataset: "FER2013", out: Path, device: str = "auto") -> dict[str, Any]:
    """Write the model `source`, calibrated on other faces, to the new folder `out`; returns its metrics on
    their PublicTest. Raises ArtifactError for an ensemble, or if `out` is taken.
    """
    from fer_zoo.evaluation.metrics import evaluate
    from fer_zoo.evaluation.normalisation import calibrate

    _refuse_taken(out)
    place = pick_device(device)
    model = load_artifact(source).to(place)
    if model.name == ENSEMBLE:
        raise ArtifactError("An ensemble's members are calibrated one by one; give the name of one of them.")
    with track(f"calibrating {model.name}"):
        model.info["calibration"] = calibrate(model, dataset, place)
        metrics = evaluate(model, dataset.public_test, name=model.name, split="public", device=place)
    model.info["metrics"] = {"public": metrics}
    save_model(model, out)
    return metrics


def export_timm(source: Path, out: Path) -> Path:
    """Write a timm row to the new folder `out` so that timm's own logits are the calibrated ones.

    The temperature goes into the last layer (weight / T, bias / T), because timm knows none. Raises
    ArtifactError for a row that is not timm's, or if `out` is taken.
    """
    _refuse_taken(out)
    model = load_artifact(source)
    if model.name == ENSEMBLE or not find_architecture(model.name).timm_name:
        rows = ", ".join(row.name for row in ARCHITECTURES.values() if row.timm_name)
        raise ArtifactError(f"{model.name} is no network of timm's. --format timm is for {rows}.")
    network: Any = model.backbone
    for parameter in network.get_classifier().parameters():
        parameter.data /= model.temperature
    model.temperature = 1.0
    save_model(model, out)
    return out


def export_onnx(source: Path, out: Path) -> Path:
    """Write the artifact `source` as `out`/model.onnx. Raises ArtifactError if it is there."""
    from fer_zoo.onnx_model import ONNX_NAME, write_onnx

    path = _take_place(out / ONNX_NAME)
    write_onnx(load_artifact(source), path, fingerprint_artifact(source))
    return path


def export_int8(source: Path, out: Path, dataset: "FER2013") -> tuple[Path, dict[str, Any]]:
    """Write the artifact `source` as `out`/model_int8.onnx: the path, and what it costs (see `write_int8`).
    Raises ArtifactError if it is there.
    """
    from fer_zoo.onnx_int8 import INT8_NAME, write_int8

    path = _take_place(out / INT8_NAME)
    with TemporaryDirectory() as folder:
        return path, write_int8(export_onnx(source, Path(folder)), path, dataset)


def _take_place(path: Path) -> Path:
    if path.exists():
        raise ArtifactError(f"{str(path)!r} is there already: choose another --out.")
    return path


def _refuse_taken(out: Path) -> None:
    if (out / CONFIG_NAME).exists():
        raise ArtifactError(f"{str(out)!r} holds a model already: choose another --out.")
