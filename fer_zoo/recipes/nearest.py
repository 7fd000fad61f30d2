"""The package's recipe that is nearest to a given one, and what differs."""

from typing import Any

from fer_zoo.recipes.recipe import Recipe, describe_recipe, list_recipes, load_recipe


def find_nearest_recipe(recipe: Recipe, own: str) -> tuple[str, dict[str, Any]]:
    """Its name, and the settings (`augment.flip`) that `--set` has to change; of equals `own` comes first.

    A recipe from which `--set` cannot lead to the given one is passed over: TOML has no word for nothing.
    """
    settings = _flatten(describe_recipe(recipe))
    differences = {}
    for name in sorted(list_recipes(), key=lambda name: name != own):
        usual = _flatten(describe_recipe(load_recipe(name)))
        changed = {key: value for key, value in settings.items() if value != usual[key]}
        if None not in changed.values():
            differences[name] = changed
    nearest = min(differences, key=lambda name: len(differences[name]))
    return nearest, differences[nearest]


def _flatten(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
