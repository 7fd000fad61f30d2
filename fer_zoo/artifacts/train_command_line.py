"""The `fer-zoo train` command that a run was started by, rebuilt from what config.json keeps of the run."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from fer_zoo.emotions import EMOTIONS
from fer_zoo.models.registry import find_architecture
from fer_zoo.models.weights import IN_HISTORY, REPLACED, find_weights_by_hash
from fer_zoo.recipes.nearest import find_nearest_recipe
from fer_zoo.recipes.recipe import Recipe, build_recipe

FER2013_FINGERPRINT = "1967e5ff64db0a1d"  # of the challenge's three splits, in whatever form
VOTES_NAME = "fer2013new.csv"
RELATIVE = re.compile(r"\w[\w.-]*/[\w.-]+(@\S+)?")  # OWNER/NAME of the Hub, or a folder in a folder


def build_command(block: dict[str, Any]) -> str:
    """As one would type it: what was given by a recipe's name, --set or --epochs is here the nearest recipe
    and `--set` for each setting that differs. Folders and files of the machine are reduced to their names.
    """
    row, seed = find_architecture(block["name"]), block["seed"]
    labels = block.get("labels", "fer2013")
    arguments = ["fer-zoo", "train", "--arch", row.name]
    arguments += _give_recipe(_name_teachers(block), row.recipe)
    arguments += _give_start(block["pretrained"])
    arguments += [] if labels == "fer2013" else ["--labels", labels]
    arguments += ["--seed", str(seed)]
    arguments += [] if labels == "fer2013" else ["--ferplus-csv", VOTES_NAME]
    arguments += _give_classes(block.get("data", {}).get("class_map", {}))
    if excluded := block.get("data", {}).get("excluded"):
        arguments += ["--exclude", excluded]
    return shlex.join([*arguments, "--data", name_data(block)])


def _give_classes(class_map: dict[str, Any]) -> list[str]:
    """--merge for each new class, and --drop for each class left out."""
    merged: dict[str, list[str]] = {}
    for old, new in class_map.get("renamed", {}).items():
        merged.setdefault(str(new), []).append(str(old))
    options = [part for new, olds in merged.items() for part in ("--merge", f"{','.join(olds)}={new}")]
    return options + [part for name in class_map.get("dropped", []) for part in ("--drop", str(name))]


def is_of_fer2013(block: dict[str, Any]) -> bool:
    """Whether all faces of FER2013, and no others, trained or chose the model."""
    return str(block.get("data_fingerprint", "")).split(" ")[0] == FER2013_FINGERPRINT


def _name_teachers(block: dict[str, Any]) -> Recipe:
    """The recipe, with names of its teachers that lead to the weights that taught, not to those of today."""
    recipe = build_recipe(block["recipe"])
    hashes = dict(
        zip(recipe.distill.teachers, (row["sha256"] for row in block.get("teachers", [])), strict=False)
    )
    teachers = tuple(
        name_folder(hashes[name])
        if hashes.get(name) in IN_HISTORY
        else REPLACED.get(name, shorten_path(name))
        for name in recipe.distill.teachers
    )
    return replace(recipe, distill=replace(recipe.distill, teachers=teachers))


def name_folder(sha256: str, name: str = "") -> str:
    """Where a reader of a card puts weights that are not in the package."""
    return f"path/to/{PurePosixPath(IN_HISTORY.get(sha256, name)).name}"


def _give_recipe(recipe: Recipe, own: str) -> list[str]:
    """--recipe, where it is another one than the architecture's own, and a --set for each difference."""
    nearest, changes = find_nearest_recipe(recipe, own)
    options = [] if nearest == own else ["--recipe", nearest]
    return options + [
        part for key, value in changes.items() for part in ("--set", f"{key}={_format_value(key, value)}")
    ]


def _format_value(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def shorten_path(name: str) -> str:
    """The last part of a path that begins at a root or at a folder of somebody; other names as they are."""
    windows = PureWindowsPath(name)
    if windows.drive or "\\" in name:
        return windows.name
    return name if "/" not in name or RELATIVE.fullmatch(name) else PurePosixPath(name).name


def _give_start(start: Any) -> list[str]:
    if not isinstance(start, dict):
        return [] if not start else ["--pretrained"] if start is True else ["--pretrained", Path(start).name]
    released = find_weights_by_hash(start["sha256"])
    return ["--pretrained", released.name if released else name_folder(start["sha256"], start["name"])]


def name_data(block: dict[str, Any]) -> str:
    """What --data is given in the commands of a card. A model of FER2013's classes without any training was
    made by a program, which tells nothing of its data.
    """
    if name := block.get("data", {}).get("name"):
        return str(name)
    untold = "data_fingerprint" not in block and tuple(block["classes"]) == EMOTIONS
    return "fer2013.csv" if untold or is_of_fer2013(block) else "path/to/your/faces"
