"""The JSON Schema of recipes, by which an editor completes and checks their TOML.

`python tests/recipe_schema.py` writes it anew.
"""

import json
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from fer_zoo.recipes.recipe import LARGEST, TABLES, Recipe
from fer_zoo.utils.files import write_text

PATH = Path(__file__).parents[1] / "fer_zoo" / "recipes" / "recipe.schema.json"
FIRST = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Recipe of fer_zoo"}


def build_schema() -> dict[str, Any]:
    """Draft 7, which the TOML plugins of editors read."""
    schema = FIRST | describe_record(Recipe)
    schema["properties"]["search"] = {"type": "object", "description": "Ranges for fer-zoo tune."}
    return schema


def describe_record(record: type) -> dict[str, Any]:
    assert is_dataclass(record)
    properties = {
        field.name: describe_record(TABLES[field.name]) if field.name in TABLES else describe_field(field)
        for field in fields(record)
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def describe_field(field: Field) -> dict[str, Any]:
    kind: Any = field.type
    if get_origin(kind) is UnionType:
        kind = next(part for part in get_args(kind) if part is not NoneType)
    default = {} if field.default in (MISSING, None) else {"default": field.default}
    if get_origin(kind) is Literal:
        return {"enum": list(get_args(kind)), **default}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": {"type": "string"}}
    if kind is bool:
        return {"type": "boolean", **default}
    return {
        "type": {int: "integer", float: "number"}[kind],
        "minimum": 0,
        "maximum": LARGEST,
        **default,
    }


def format_schema() -> str:
    return json.dumps(build_schema(), indent=2) + "\n"


if __name__ == "__main__":
    write_text(PATH, format_schema())
