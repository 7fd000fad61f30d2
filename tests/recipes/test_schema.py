"""An editor that reads the schema accepts what fer_zoo accepts."""

import json

import pytest
from recipe_schema import PATH, format_schema

from fer_zoo.errors import FerZooError
from fer_zoo.recipes.recipe import build_recipe, list_recipes, read_settings


def test_the_schema_is_made_from_the_record() -> None:
    assert PATH.read_text(encoding="utf-8") == format_schema(), "run: python tests/recipe_schema.py"


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_fits_it(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    jsonschema.validate(read_settings(name), json.loads(PATH.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "settings",
    [{"epoch": 3}, {"schedule": "linear"}, {"augment": {"turn": 1}}, {"epochs": 1.5}, {"compile": "yes"}],
)
def test_what_it_refuses_fer_zoo_refuses_too(settings: dict) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(settings, json.loads(PATH.read_text(encoding="utf-8")))
    with pytest.raises(FerZooError):
        build_recipe(settings)
