"""What a run begins with: random weights, ImageNet's, or those of a trained model of the zoo."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_zoo.artifacts.artifact import hash_weights, load_artifact
from fer_zoo.artifacts.classifier import FaceClassifier, create_model
from fer_zoo.artifacts.resolve import resolve_folder
from fer_zoo.errors import ArtifactError, UnknownNameError
from fer_zoo.models.registry import Architecture


@dataclass(frozen=True)
class Initialization:
    """model: on the CPU, in training mode. source: for config.json; True or a file's name, or of a trained
    model its name, the start of its weights' SHA-256, its own epochs, minutes and source; False for none.
    """

    model: FaceClassifier
    source: bool | str | dict[str, Any]


def initialize_model(
    row: Architecture, pretrained: bool | str | Path, options: Mapping[str, Any]
) -> Initialization:
    """pretrained: as `create_model` takes it, or a trained model of the same network by embedded name or
    folder, of which the head is kept too. options: as in `create_backbone`; a trained model brings its own,
    which these change.

    Raises ArtifactError where the weights are missing or of another network, RecipeError, UnknownNameError.
    """
    if isinstance(pretrained, bool):
        return Initialization(create_model(row.name, pretrained, options), pretrained)
    folder = _find_trained(pretrained)
    if folder is None:
        return Initialization(create_model(row.name, pretrained, options), Path(pretrained).name)
    trained = load_artifact(folder)
    model = create_model(row.name, options={**trained.info.get("network", {}), **options})
    try:
        model.backbone.load_state_dict(trained.backbone.state_dict())
    except RuntimeError as error:
        raise ArtifactError(
            f"--pretrained {str(pretrained)!r} is {trained.name}, whose weights do not fit {row.name}: give "
            "a trained model of the same network, or leave out --pretrained."
        ) from error
    training = trained.info.get("training", {})
    source = {"name": trained.name, "sha256": hash_weights(folder)[:16]}
    source |= {key: training[key] for key in ("epochs", "minutes") if key in training}
    if trained.info.get("pretrained"):
        source["pretrained"] = trained.info["pretrained"]
    return Initialization(model, source)


def _find_trained(pretrained: str | Path) -> Path | None:
    """The folder of a trained model; None for a file of tensors, or a name that only such a file can have."""
    if Path(pretrained).is_file() or Path(pretrained).suffix in (".safetensors", ".pth"):
        return None
    try:
        return resolve_folder(pretrained, allow_hub=False)
    except UnknownNameError:
        return None
