"""Where a name leads: a folder, the embedded weights, or a repository of the Hugging Face Hub."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.artifact import load_artifact, read_config
from fer_zoo.errors import ArtifactError, UnknownNameError
from fer_zoo.registry import ARCHITECTURES

if TYPE_CHECKING:
    from fer_zoo.models.classifier import FaceClassifier

EMBEDDED = Path(__file__).parent / "weights"


def list_embedded() -> dict[str, Path]:
    """The models whose weights come with the package, by name."""
    return {path.parent.name: path.parent for path in sorted(EMBEDDED.glob("*/config.json"))}


def find_artifact(name: str | Path) -> Path:
    """The folder of a model given as a path or as an embedded name (`-` and `_` are alike). Raises
    UnknownNameError.
    """
    if isinstance(name, Path) or Path(name).is_dir() or str(name).startswith((".", "/")):
        if not Path(name).is_dir():
            raise ArtifactError(f"There is no model folder at {str(name)!r}.")
        return Path(name)
    embedded = list_embedded()
    for known, folder in embedded.items():
        if known.replace("-", "_") == name.replace("-", "_"):
            return folder
    for row in ARCHITECTURES.values():
        if row.name.replace("-", "_") == name.replace("-", "_"):
            raise ArtifactError(
                f"{row.name} has no trained weights in this package. Train it: fer-zoo train "
                f"--arch {row.name}. "
                f"With weights: {', '.join(embedded)}."
            )
    raise UnknownNameError("model", name, embedded)


def load(name: str | Path) -> "FaceClassifier":
    """A trained classifier in eval mode on the CPU: uint8 faces (N, 1, 48, 48) to calibrated logits (N, 7).

    name: an embedded model such as "cnn-baseline", or the folder of a run. Raises ArtifactError or
    UnknownNameError.
    """
    return load_artifact(find_artifact(name))


def list_models() -> list[dict[str, Any]]:
    """A row for every architecture: name, family, parameters, input size, where its weights are, and its
    metrics.
    """
    embedded = list_embedded()
    rows = []
    for row in ARCHITECTURES.values():
        block = read_config(embedded[row.name])["fer_zoo"] if row.name in embedded else {}
        rows.append(
            {
                "name": row.name,
                "family": row.family,
                "params": row.parameters,
                "input_size": row.input_size,
                "weights": "embedded" if block else "none",
                "metrics": block.get("metrics", {}),
                "note": row.note,
            }
        )
    return rows
