"""A run's best weights on the disk and config.json beside them: a whole pair, whenever a kill comes."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fer_zoo._version import __version__
from fer_zoo.artifacts.artifact import CONFIG_NAME, WEIGHTS_NAME, read_config, write_config
from fer_zoo.artifacts.classifier import FaceClassifier
from fer_zoo.artifacts.save import build_config
from fer_zoo.artifacts.train_command_line import shorten_path
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.models.registry import Architecture
from fer_zoo.recipes.recipe import Recipe, describe_recipe
from fer_zoo.training.checkpoint import Progress
from fer_zoo.utils.tensors import write_tensors

NEXT_NAME = "model-next.safetensors"  # weights that config.json does not name yet, or that wait to be renamed


def save_best(folder: Path, model: FaceClassifier, info: dict[str, Any]) -> None:
    """Write weights and config.json over the ones that are there.

    config.json holds the SHA-256 of its weights, and two files cannot be replaced at once. So the new weights
    lie beside the old ones until config.json names them; after a kill `finish_save` sees which pair is whole.
    """
    digest = write_tensors(folder / NEXT_NAME, model.backbone.state_dict(), {"format": "pt"})
    write_config(folder, build_config(model, {**info, "weights_sha256": digest}))
    (folder / NEXT_NAME).replace(folder / WEIGHTS_NAME)


def finish_save(folder: Path) -> None:
    """After a kill in `save_best`: new weights take their place if config.json names them, else they go."""
    new = folder / NEXT_NAME
    if not new.is_file():
        return
    config = folder / CONFIG_NAME
    if config.is_file() and read_config(folder)["fer_zoo"].get("weights_sha256") == _hash(new):
        new.replace(folder / WEIGHTS_NAME)
    else:
        new.unlink()


def is_stored(folder: Path, epoch: int) -> bool:
    """Whether weights and config.json in `folder` are a whole pair, of that epoch of the run (from 1)."""
    if not ((folder / CONFIG_NAME).is_file() and (folder / WEIGHTS_NAME).is_file()):
        return False
    run = read_config(folder)["fer_zoo"]
    same_epoch = bool(run.get("training", {}).get("best_epoch") == epoch)
    return same_epoch and _hash(folder / WEIGHTS_NAME) == run.get("weights_sha256")


def find_best_epoch(progress: Progress) -> int:
    """From 1: the highest PublicTest accuracy, then the lowest loss, since few faces have few accuracies."""
    rows = progress.history
    return 1 + max(range(len(rows)), key=lambda i: (rows[i]["public_accuracy"], -rows[i]["public_loss"]))


def identify_run(
    row: Architecture,
    recipe: Recipe,
    data: FER2013,
    seed: int,
    source: bool | str | dict[str, Any],
    teachers: list[dict[str, str]],
) -> dict[str, Any]:
    """What a resumed run has to have in common with its checkpoint. source: of the initial weights."""
    run = {
        "architecture": row.name,
        "recipe": describe_recipe(recipe),
        "seed": seed,
        "data": data.fingerprint,
        "pretrained": source,
        "teachers": teachers,
    }
    if data.label_source != "fer2013":  # earlier checkpoints of other runs know no such key
        run["labels"] = data.label_source
    return run


def describe_run(run: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """The part of config.json that says where the weights come from."""
    return {
        "recipe": _shorten_teachers(run["recipe"]),
        "seed": run["seed"],
        "pretrained": run["pretrained"],
        "teachers": run["teachers"],
        "data_fingerprint": run["data"],
        "labels": run.get("labels", "fer2013"),
        "training": {
            "epochs": len(progress.history),
            "best_epoch": find_best_epoch(progress),
            "minutes": round(sum(row["seconds"] for row in progress.history) / 60, 1),
        },
        "versions": {"fer-zoo": __version__, "torch": version("torch"), "timm": version("timm")},
        "metrics": {},
    }


def _shorten_teachers(recipe: dict[str, Any]) -> dict[str, Any]:
    """Without the machine's folders: config.json is published."""
    names = [shorten_path(name) for name in recipe["distill"]["teachers"]]
    return {**recipe, "distill": {**recipe["distill"], "teachers": names}}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
