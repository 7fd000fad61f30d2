"""A model's folder written elsewhere, in half precision, or as one ONNX file."""

from pathlib import Path

from fer_zoo.artifact import CONFIG_NAME, fingerprint_artifact, load_artifact, save_artifact
from fer_zoo.cards import write_card
from fer_zoo.errors import ArtifactError


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

    path = out / ONNX_NAME
    if path.exists():
        raise ArtifactError(f"{str(path)!r} is there already: choose another --out.")
    write_onnx(load_artifact(source), path, fingerprint_artifact(source))
    return path
