"""What a run says of itself before its first step: device, precision, data, recipe and folder."""

from pathlib import Path

import torch

from fer_zoo.data.stratified_split import SPLIT_NAME
from fer_zoo.emotions import EMOTIONS
from fer_zoo.models.registry import Architecture
from fer_zoo.models.weights import find_weights_by_hash
from fer_zoo.recipes.nearest import find_nearest_recipe
from fer_zoo.recipes.recipe import Recipe
from fer_zoo.training.checkpoint import Progress
from fer_zoo.training.context import TrainContext
from fer_zoo.training.distributed import Group
from fer_zoo.training.epoch import count_steps

MAX_CHANGES = 6  # settings of a recipe that are listed one by one


def describe_start(context: TrainContext) -> list[str]:
    """Four lines, and one on the head if it is not a new one of the seven emotions; without the folder: see
    `describe_folder`.
    """
    data, recipe = context.data, context.recipe
    parameters = sum(parameter.numel() for parameter in context.model.parameters())
    precision = "bfloat16" if isinstance(context.autocast, torch.autocast) else "float32"
    faces, size = len(data.training), min(recipe.batch_size, len(data.training))
    return [
        f"{context.architecture.name}: {parameters:,} parameters",
        *_describe_head(context),
        f"device: {_describe_device(context.device, context.group)}, {precision}",
        f"data: {data.source or 'arrays'}, {faces:,} Training and {len(data.public_test):,} PublicTest faces"
        f"{_describe_split(data.split_seed)}",
        f"recipe: {name_recipe(context.architecture, recipe)}; {recipe.epochs} epochs of "
        f"{count_steps(faces, size)} steps, {size} faces each, seed {context.seed}",
    ]


def _describe_split(seed: int | None) -> str:
    return "" if seed is None else f", split by class (seed {seed}), kept in {SPLIT_NAME}"


def _describe_head(context: TrainContext) -> list[str]:
    source, classes = context.run["pretrained"], context.model.classes
    if not source and classes == EMOTIONS:
        return []
    listed = f"{len(classes)} classes ({', '.join(classes)[:200]})"
    if not isinstance(source, dict):
        backbone = "random weights" if not source else "ImageNet weights" if source is True else source
        return [f"head: new, {listed}; backbone: {backbone}"]
    released = find_weights_by_hash(source["sha256"])
    name = released.full_name if released else source["name"]
    return [f"head: {source.get('head', 'kept')}, {listed}; backbone: {name}"]


def describe_folder(folder: Path, resume: bool, progress: Progress) -> str:
    done = len(progress.history)
    if done:
        return f"folder: {folder}, resuming after epoch {done}"
    return f"folder: {folder}{', nothing to resume there yet: starting with epoch 1' if resume else ''}"


def _describe_device(device: torch.device, group: Group) -> str:
    if device.type == "cuda":
        name = f"{device} ({torch.cuda.get_device_name(device)})"
    else:
        count = torch.get_num_threads()
        name = f"{device} ({count} thread{'s' if count > 1 else ''})"
    return name if group.size == 1 else f"{group.size} processes, the first on {name}"


def name_recipe(architecture: Architecture, recipe: Recipe) -> str:
    """The package's nearest recipe, and the settings that differ from it."""
    nearest, changes = find_nearest_recipe(recipe, architecture.recipe)
    differences = [f"{key}={value}" for key, value in changes.items()]
    listed, rest = differences[:MAX_CHANGES], differences[MAX_CHANGES:]
    listed += [f"{len(rest)} more settings of its own"] if rest else []
    return f"{nearest} with {', '.join(listed)}" if listed else nearest
