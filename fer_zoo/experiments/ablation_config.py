"""A study as data: variants of a recipe that are trained from several seeds and compared in one table."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from fer_zoo.data.audit import KINDS
from fer_zoo.errors import RecipeError, UnknownNameError
from fer_zoo.recipes.recipe import Recipe, check_names, load_recipe, read_toml

STUDIES = Path(__file__).parent / "studies"
MAX_SEEDS = 100


@dataclass(frozen=True)
class Variant:
    """One row of the table."""

    name: str
    recipe: Recipe
    note: str = ""
    exclude: tuple[str, ...] = ()  # kinds of the audit's findings whose faces it leaves out


@dataclass(frozen=True)
class Study:
    """Variants of a recipe, compared in one table."""

    name: str
    title: str
    architecture: str
    seeds: int  # 0 to seeds - 1 for each variant
    variants: tuple[Variant, ...]
    longest: int | None = None  # at most so many epochs a run, in a short version
    pretrained: bool | str = False  # what every run starts from, as `fit` takes it; False for random weights


VARIANT_KEYS = {item.name for item in fields(Variant)} | {"on", "set"}


def list_studies() -> list[str]:
    return sorted(path.stem for path in STUDIES.glob("*.toml"))


def load_study(name: str | Path, epochs: int | None = None, seeds: int | None = None) -> Study:
    """Read a study, a name of this package or a TOML file. A variant has a `recipe` (a name or file), or is
    based `on` an earlier variant; `set` is a list of changes such as "epochs=3".

    epochs: at most so many in any run; of variants that differ by their length alone, the first remains.
    seeds: in place of its own number. Raises RecipeError, UnknownNameError for an error in the file.
    """
    path = Path(name)
    if path.suffix != ".toml":
        if str(name) not in list_studies():
            raise UnknownNameError("study", str(name), [*list_studies(), "or a path that ends in .toml"])
        path = STUDIES / f"{name}.toml"
    table = read_toml(path, "study")
    check_names(table, ("title", "architecture", "seeds", "pretrained", "variant"), "study setting")
    rows = table.get("variant")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise RecipeError(f"{path} has no [[variant]]; allowed are one or more.")
    for key in ("title", "architecture"):
        _check(path, key, table.get(key), str, "a text")
    count = table.get("seeds") if seeds is None else seeds
    if type(count) is not int or not 1 <= count <= MAX_SEEDS:
        raise RecipeError(f"{path}: seeds is {count!r}; allowed is a whole number from 1 to {MAX_SEEDS}.")
    start = table.get("pretrained", False)
    if not isinstance(start, (bool, str)):
        raise RecipeError(f"{path}: pretrained is {start!r}; allowed is true, false or a text.")
    variants = _read_variants(path, rows)
    if epochs is not None:
        variants = _shorten(variants, epochs)
    return Study(path.stem, table["title"], table["architecture"], count, tuple(variants), epochs, start)


def _shorten(variants: list[Variant], epochs: int) -> list[Variant]:
    different: dict[Variant, Variant] = {}
    for one in variants:
        short = replace(one, recipe=replace(one.recipe, epochs=min(epochs, one.recipe.epochs)))
        different.setdefault(replace(short, name="", note=""), short)
    return list(different.values())


def _read_variants(path: Path, rows: list[dict[str, Any]]) -> list[Variant]:
    sources: dict[str, tuple[str, list[str]]] = {}
    variants = []
    for row in rows:
        name = row.get("name", 0)
        _check(path, "a variant's name", name, str, "a text")
        where = f"{path}, variant {name!r}"
        check_names(row, VARIANT_KEYS, "variant setting")
        if name in sources:
            raise RecipeError(f"{where} is there twice; give one of them another name.")
        if ("recipe" in row) == ("on" in row):
            raise RecipeError(f"{where}: allowed is one of recipe (a name or file) and on (a variant above).")
        changes = row.get("set", [])
        if not isinstance(changes, list) or not all(isinstance(change, str) for change in changes):
            raise RecipeError(f'{where}: set is {changes!r}; allowed is a list such as ["epochs=3"].')
        if "on" in row and row["on"] not in sources:
            raise UnknownNameError("variant to base it on", str(row["on"]), sources)
        recipe, before = sources[row["on"]] if "on" in row else (row["recipe"], [])
        _check(path, "recipe", recipe, str, "a text")
        sources[name] = recipe, [*before, *changes]
        options = {key: row[key] for key in row if key not in ("recipe", "on", "set")}
        _check(where, "note", options.get("note", ""), str, "a text")
        kinds = options.get("exclude", [])
        if not isinstance(kinds, list) or not all(kind in KINDS for kind in kinds):
            raise RecipeError(f"{where}: exclude is {kinds!r}; allowed is a list of {', '.join(KINDS)}.")
        options["exclude"] = tuple(kinds)
        variants.append(Variant(recipe=load_recipe(*sources[name]), **options))
    return variants


def _check(where: Path | str, key: str, value: Any, kind: type, allowed: str) -> None:
    if type(value) is not kind:
        raise RecipeError(f"{where}: {key} is {value!r}; allowed is {allowed}.")
