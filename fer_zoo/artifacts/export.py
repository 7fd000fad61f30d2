"""A model's folder written elsewhere: as it is, in half precision, or as ONNX."""

import shutil
from pathlib import Path
from typing import Any

from fer_zoo.artifacts.artifact import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    fingerprint_artifact,
    read_config,
    write_config,
)
from fer_zoo.artifacts.card import write_card
from fer_zoo.artifacts.classifier import load_artifact
from fer_zoo.artifacts.save import save_model
from fer_zoo.errors import ArtifactError
from fer_zoo.utils.files import write_atomically


def export_artifact(source: Path, out: Path, *, half: bool = False) -> Path:
    """Write the artifact `source` to the new folder `out`. half: 16-bit weights. Raises ArtifactError if it
    is taken.
    """
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


def refuse_existing_file(path: Path) -> Path:
    if path.exists():
        raise ArtifactError(f"{str(path)!r} already exists: choose another --out.")
    return path


def refuse_existing_model(out: Path) -> None:
    if (out / CONFIG_NAME).exists():
        raise ArtifactError(f"{str(out)!r} already holds a model: choose another --out.")
