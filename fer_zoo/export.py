"""A model's folder written elsewhere, or in half precision."""

from pathlib import Path

from fer_zoo.artifact import CONFIG_NAME, load_artifact, save_artifact
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
