"""The space of a search: which recipe settings may vary, and how far, from a recipe's [search] table."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

from fer_zoo.errors import RecipeError, UnknownNameError
from fer_zoo.models.registry import Architecture
from fer_zoo.recipes.recipe import (
    TABLES,
    Recipe,
    build_recipe,
    check_names,
    describe_recipe,
    read_settings,
)
from fer_zoo.training.optim import check_network

STRENGTH = "augment_strength"
DEFAULT = Path(__file__).parent / "search" / "default.toml"
# What the strength multiplies: flip is a probability that is best at one half, crop a size in pixels.
STRENGTHENED = ("rotate", "scale", "shift", "brightness", "contrast", "erase", "mixup", "cutmix")
DRAWS = 1000  # of the other settings, before a value counts as one that clashes with all of them
FORMS = "a list of choices, or a table with low, high and perhaps log = true"


@dataclass(frozen=True)
class Dimension:
    """One setting: `choices`, or all numbers from `low` to `high`, uniformly or by their logarithm."""

    name: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False


Space = tuple[Dimension, ...]


def load_space(recipe_name: str | Path, recipe: Recipe, row: Architecture) -> Space:
    """The [search] table of a recipe, by default that of search/default.toml.

    `recipe` is that of the name or file, with the user's changes. Raises RecipeError, UnknownNameError for a
    recipe that the network cannot be trained by, and for an error in the space, such as a value with which no
    draw of the other settings gives a valid recipe.
    """
    check_network(row, recipe)
    own = read_settings(recipe_name).get("search")
    space = parse_space(read_settings(DEFAULT)["search"] if own is None else own)
    lacking = {"dropout", "head_width"}.difference(row.options)
    for name in sorted(lacking.intersection(dimension.name for dimension in space if own is not None)):
        raise RecipeError(
            f"[search] names {name}, which the network lacks; it has: {', '.join(row.options)}."
        )
    space = tuple(dimension for dimension in space if dimension.name not in lacking)
    for dimension in space:
        for value in dimension.choices or (dimension.low, dimension.high):
            try:
                _find_valid_draw(recipe, row, space, {dimension.name: value})
            except (RecipeError, UnknownNameError) as error:
                reason = f"[search] {dimension.name} = {value!r} is not a valid recipe: {error}"
                raise RecipeError(reason) from error
    return space


def _find_valid_draw(recipe: Recipe, row: Architecture, space: Space, point: dict[str, Any]) -> None:
    """Raises where no draw of the settings that `point` leaves open is valid: the error of `point` alone if
    it has one, else that of the first draw.
    """
    generator, errors = random.Random(0), []
    for number in range(1 + DRAWS):
        others = {one.name: _draw(one, generator) for one in space} if number else {}
        try:
            drawn = build_point(recipe, others | point)
            check_network(row, drawn)
        except (RecipeError, UnknownNameError) as error:
            errors.append(error)
        else:
            if number:
                return
    raise errors[0]


def _draw(dimension: Dimension, generator: random.Random) -> Any:
    if dimension.choices:
        return generator.choice(dimension.choices)
    if dimension.whole:
        return generator.randint(int(dimension.low), int(dimension.high))
    return generator.uniform(dimension.low, dimension.high)


def parse_space(table: Any) -> Space:
    """Raises RecipeError for an invalid range or choice, UnknownNameError for an unknown setting."""
    if not isinstance(table, Mapping) or not table:
        raise RecipeError("[search] is empty; allowed are recipe settings, each with " + FORMS + ".")
    kinds = {item.name: item.type for item in fields(Recipe)} | {STRENGTH: float}
    check_names(table, kinds, "search setting")
    space: list[Dimension] = []
    for name, value in table.items():
        if name in TABLES:
            if not isinstance(value, Mapping):
                raise RecipeError(f"[search] {name} is {value!r}; allowed is a table of its settings.")
            inner = {item.name: item.type for item in fields(TABLES[name])}
            check_names(value, inner, f"search setting of {name}")
            space += [_parse(f"{name}.{key}", inner[key], given) for key, given in value.items()]
        else:
            space.append(_parse(name, kinds[name], value))
    return tuple(space)


def _parse(name: str, kind: Any, value: Any) -> Dimension:
    if isinstance(value, list) and value and not any(isinstance(one, (list, dict)) for one in value):
        return Dimension(name, choices=tuple(value))
    if not isinstance(value, Mapping) or not {"low", "high"} <= set(value) <= {"low", "high", "log"}:
        raise RecipeError(f"[search] {name} is {value!r}; allowed is {FORMS}.")
    low, high, log = value["low"], value["high"], value.get("log", False)
    whole = kind in (int, int | None)
    allowed = (int,) if whole else (int, float)  # bool is an int to isinstance
    numbers = all(type(end) in allowed and isfinite(end) for end in (low, high))
    if not (numbers and isinstance(log, bool) and (low > 0 if log else low >= 0) and low < high):
        raise RecipeError(
            f"[search] {name} has low {low!r}, high {high!r}, log {log!r}; allowed are "
            f"{'whole numbers' if whole else 'numbers'}, low below high, 0 or more (above 0 with log = true)."
        )
    return Dimension(name, low=low, high=high, log=log, whole=whole)


def build_point(recipe: Recipe, point: Mapping[str, Any]) -> Recipe:
    """The recipe with some settings changed, by their names in a space. Raises RecipeError."""
    settings = describe_recipe(recipe)
    for key in STRENGTHENED:
        settings["augment"][key] *= point.get(STRENGTH, 1)
    for name, value in point.items():
        table, _, key = name.rpartition(".")
        if name != STRENGTH:
            (settings[table] if table else settings)[key] = value
    if point.get("schedule") == "one-cycle":
        settings["warmup_epochs"] = 0.0  # it has a warm-up of its own
    return build_recipe(settings)
