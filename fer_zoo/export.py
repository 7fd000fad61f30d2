"""A model's folder written elsewhere, in half precision, or as one ONNX file."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fer_zoo.artifact import CONFIG_NAME, fingerprint_artifact, load_artifact, save_artifact
from fer_zoo.cards import write_card
from fer_zoo.errors import ArtifactError

if TYPE_CHECKING:
    from fer_zoo.data.fer2013 import FER2013


def export_artifact(source: Path, out: Path, *, half: bool = False) -> Path:
    """Write the artifact `source` to the new folder `out`. half: 16-bit weights. Raises ArtifactError if it
    is taken.
    """
    import torch

    if (out / CONFIG_NAME).exists():
        raise ArtifactError(f"{str(out)!r} holds a model already: choose another --out.")
    model = load_artifact(source)
    own = {
        key: value
        for key, value in model.info.items()
        if key not in ("name", "emotions", "input", "temperature")
    }
    save_artifact(out, model, own, dtype=torch.float16 if half else None)
    write_card(out)
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
