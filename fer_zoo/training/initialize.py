"""What a run begins with: random weights, ImageNet's, or those of a trained model of the zoo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_zoo.artifacts.artifact import hash_weights, read_config
from fer_zoo.artifacts.classifier import FaceClassifier, create_model, load_artifact
from fer_zoo.artifacts.resolve import resolve_folder
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import ArtifactError, UnknownNameError
from fer_zoo.models.pretrained import SUFFIXES
from fer_zoo.models.registry import Architecture
from fer_zoo.training.optim import find_head

FINETUNE = "finetune"  # the recipe of a trained model with a new head


@dataclass(frozen=True)
class Initialization:
    """model: on the CPU, in training mode. source: for config.json; True or a file's name, or of a trained
    model its name, the start of its weights' SHA-256, its own epochs, minutes and source, and `head` "new"
    where its head was replaced; False for none.
    """

    model: FaceClassifier
    source: bool | str | dict[str, Any]


def default_recipe(row: Architecture, pretrained: bool | str | Path, classes: Sequence[str]) -> str:
    """The architecture's own, or `finetune` where a trained model gets a new head."""
    folder = None if isinstance(pretrained, bool) else _find_trained(pretrained)
    if folder is None or tuple(read_config(folder)["fer_zoo"]["classes"]) == tuple(classes):
        return row.recipe
    return FINETUNE


def initialize_model(
    row: Architecture,
    pretrained: bool | str | Path,
    options: Mapping[str, Any],
    classes: Sequence[str] = EMOTIONS,
) -> Initialization:
    """pretrained: as `create_model` takes it, or a trained model of the same network by embedded name or
    folder, of which the head is kept too if it has the same classes, and all but the head if not. options:
    as in `create_backbone`; a trained model brings its own, which these change.

    Raises ArtifactError where the weights are missing or of another network, RecipeError, UnknownNameError.
    """
    if isinstance(pretrained, bool):
        return Initialization(create_model(row.name, pretrained, options, classes=classes), pretrained)
    folder = _find_trained(pretrained)
    if folder is None:
        model = create_model(row.name, pretrained, options, classes=classes)
        return Initialization(model, Path(pretrained).name)
    trained = load_artifact(folder)
    options = {**(trained.info.get("network") or {}), **options}
    model = create_model(row.name, options=options, classes=classes)
    tensors = trained.backbone.state_dict()
    is_new_head = trained.classes != model.classes
    try:
        if is_new_head:
            head = _name_head(model)
            own = {
                name: value for name, value in model.backbone.state_dict().items() if name.startswith(head)
            }
            tensors = {name: value for name, value in tensors.items() if not name.startswith(head)} | own
        model.backbone.load_state_dict(tensors)
    except RuntimeError as error:
        raise ArtifactError(
            f"--pretrained {str(pretrained)!r} is {trained.name}, whose weights do not fit {row.name}: give "
            "a trained model of the same network, or leave out --pretrained."
        ) from error
    training = trained.info.get("training", {})
    source = {"name": trained.name, "sha256": hash_weights(folder)[:16]}
    source |= {key: training[key] for key in ("epochs", "minutes") if key in training}
    if is_new_head:
        source["head"] = "new"
    if trained.info.get("pretrained"):
        source["pretrained"] = trained.info["pretrained"]
    return Initialization(model, source)


def _name_head(model: FaceClassifier) -> str:
    """How the names of the classifier layer's tensors begin."""
    head = find_head(model)[0]
    name = next(name for name, value in model.backbone.named_parameters() if value is head)
    return name.rpartition(".")[0] + "."


def _find_trained(pretrained: str | Path) -> Path | None:
    """The folder of a trained model; None for a file of tensors, or a name that only such a file can have."""
    if Path(pretrained).is_file() or Path(pretrained).suffix in SUFFIXES:
        return None
    try:
        return resolve_folder(pretrained, allow_hub=False)
    except UnknownNameError:
        return None
