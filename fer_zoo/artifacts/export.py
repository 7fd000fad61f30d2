"""A model's folder written elsewhere: as it is, in half precision, or as ONNX."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.artifacts.artifact import (
    CONFIG_NAME,
    FILE_KEYS,
    WEIGHTS_NAME,
    fingerprint_artifact,
    load_artifact,
    read_config,
    save_artifact,
    write_config,
)
from fer_zoo.artifacts.card import write_card
from fer_zoo.artifacts.origin import describe_changed, is_changed
from fer_zoo.errors import ArtifactError
from fer_zoo.models.registry import create_backbone, find_architecture
from fer_zoo.utils.files import write_atomically

if TYPE_CHECKING:
    from fer_zoo.artifacts.classifier import FaceClassifier


def export_artifact(source: Path, out: Path, *, half: bool = False) -> Path:
    """Write the artifact `source` to the new folder `out`. half: 16-bit weights. Raises ArtifactError if it
    is taken.
    """
    refuse_existing_model(out)
    save_model(load_artifact(source), out, half=half)
    return out


def save_model(
    model: "FaceClassifier", out: str | Path, *, half: bool = False, hub_name: str | None = None
) -> None:
    """Write a model in memory as an artifact, over one that is there: weights, config.json and card.

    What `model.info` says goes with it. A model that was changed since it was loaded (weights, temperature
    or preprocessing) is another one: it is saved without metrics, calibration, latency and recipe, with the
    name and SHA-256 of the weights that it came from as its `base_model`.

    Args:
        model: on any device, in any mode.
        out: a folder, made if it is missing.
        half: store 16-bit weights.
        hub_name: as in `build_card`.

    Raises:
        ArtifactError: the network has another number of outputs than the model has classes, or is no longer
            the network that its name says. Nothing is written then.
    """
    _check_tensors(model)
    write_with_card(model, Path(out), describe_info(model), half, hub_name)


def _check_tensors(model: "FaceClassifier") -> None:
    """Raises ArtifactError for a model whose folder could not be loaded again: one with other tensors than
    its name says, such as another number of classes.
    """
    import torch

    from fer_zoo.artifacts.classifier import FaceClassifier
    from fer_zoo.models.ensemble import Ensemble

    if isinstance(model.backbone, Ensemble):
        for member in model.backbone.members:
            assert isinstance(member, FaceClassifier)
            _check_tensors(member)
        return
    with torch.random.fork_rng(devices=[]):  # saving must not change what a run draws next
        row, options = find_architecture(model.architecture), model.info.get("network")
        new = create_backbone(row, options=options, num_classes=len(model.classes))
    wanted = {key: value.shape for key, value in new.state_dict().items()}
    given = {key: value.shape for key, value in model.backbone.state_dict().items()}
    wrong = [key for key in {**wanted, **given} if wanted.get(key) != given.get(key)]
    if not wrong:
        return
    named = len(model.classes)
    outputs = {given[key][0] for key in wrong if key in given and wanted.get(key, ())[:1] == (named,)}
    if len(outputs) == 1:
        raise ArtifactError(
            f"This {model.name} has {outputs.pop()} outputs, and names {named} classes. Set model.classes to "
            "the names of its outputs, then save it."
        )
    raise ArtifactError(
        f"This {model.name} has other tensors than the network of that name ({wrong[0]!r}), so its folder "
        "could not be loaded again. torch.save(model.state_dict(), PATH) keeps the weights."
    )


def describe_info(model: "FaceClassifier") -> dict[str, Any]:
    """What config.json says of a model in memory."""
    if is_changed(model):
        return describe_changed(model)
    return {"metrics": {}} | {key: value for key, value in model.info.items() if key not in FILE_KEYS}


def write_with_card(
    model: "FaceClassifier", out: Path, info: dict[str, Any], half: bool = False, hub_name: str | None = None
) -> None:
    import torch

    save_artifact(out, model, info, dtype=torch.float16 if half else None)
    write_card(out, hub_name=hub_name)


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


def refuse_existing_file(path: Path) -> Path:
    if path.exists():
        raise ArtifactError(f"{str(path)!r} already exists: choose another --out.")
    return path


def refuse_existing_model(out: Path) -> None:
    if (out / CONFIG_NAME).exists():
        raise ArtifactError(f"{str(out)!r} already holds a model: choose another --out.")
