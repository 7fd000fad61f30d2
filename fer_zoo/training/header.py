"""What a run says of itself before its first step: device, precision, data, recipe and folder."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.models.registry import Architecture
from fer_zoo.recipes.recipe import Recipe, describe_recipe, list_recipes, load_recipe
from fer_zoo.training.checkpoint import Progress
from fer_zoo.training.distributed import Group
from fer_zoo.training.epoch import count_steps

MAX_CHANGES = 6  # settings of a recipe that are listed one by one


def describe_start(
    row: Architecture,
    model: nn.Module,
    place: torch.device,
    autocast: Any,
    data: FER2013,
    recipe: Recipe,
    seed: int,
    group: Group,
) -> list[str]:
    """Four lines, without the folder: see `describe_folder`."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    precision = "bfloat16" if isinstance(autocast, torch.autocast) else "float32"
    faces, size = len(data.training), min(recipe.batch_size, len(data.training))
    return [
        f"{row.name}: {parameters:,} parameters",
        f"device: {_describe_device(place, group)}, {precision}",
        f"data: {data.source}, {faces:,} Training and {len(data.public_test):,} PublicTest faces",
        f"recipe: {_name_recipe(row, recipe)}; {recipe.epochs} epochs of {count_steps(faces, size)} steps, "
        f"{size} faces each, seed {seed}",
    ]


def describe_folder(folder: Path, resume: bool, progress: Progress) -> str:
    done = len(progress.history)
    if done:
        return f"folder: {folder}, resuming after epoch {done}"
    return f"folder: {folder}{', nothing to resume there yet: starting with epoch 1' if resume else ''}"


def _describe_device(place: torch.device, group: Group) -> str:
    if place.type == "cuda":
        name = f"{place} ({torch.cuda.get_device_name(place)})"
    else:
        count = torch.get_num_threads()
        name = f"{place} ({count} thread{'s' if count > 1 else ''})"
    return name if group.size == 1 else f"{group.size} processes, the first on {name}"


def _name_recipe(row: Architecture, recipe: Recipe) -> str:
    """The recipe of the package that is nearest, and the settings that differ from it."""
    given = _flatten(describe_recipe(recipe))
    changes: dict[str, list[str]] = {}
    for name in sorted(list_recipes(), key=lambda name: name != row.recipe):  # of equals its own comes first
        usual = _flatten(describe_recipe(load_recipe(name)))
        changes[name] = [f"{key}={value}" for key, value in given.items() if value != usual[key]]
    nearest = min(changes, key=lambda name: len(changes[name]))
    listed, rest = changes[nearest][:MAX_CHANGES], changes[nearest][MAX_CHANGES:]
    listed += [f"{len(rest)} more settings of its own"] if rest else []
    return f"{nearest} with {', '.join(listed)}" if listed else nearest


def _flatten(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
