"""The table of released weights says what the files beside it say."""

import hashlib
from typing import Any

import pytest

from fer_zoo.artifacts.artifact import EMBEDDED, read_config
from fer_zoo.models.registry import ARCHITECTURES
from fer_zoo.models.weights import (
    HASH_DIGITS,
    WEIGHTS,
    Parent,
    ReleasedWeights,
    _table,
    find_weights,
    find_weights_by_hash,
)
from fer_zoo.recipes.recipe import list_recipes

ROWS = pytest.mark.parametrize("row", WEIGHTS.values(), ids=WEIGHTS)


def name_parent(stored: dict[str, Any]) -> Parent:
    released = find_weights_by_hash(stored["sha256"])  # a run keeps the name by which they were loaded
    name = released.full_name if released else stored["name"]
    return Parent(name, stored["sha256"][:HASH_DIGITS])


def test_every_folder_has_its_row_and_every_row_its_folder() -> None:
    assert {path.parent.name for path in EMBEDDED.glob("*/config.json")} == set(WEIGHTS)


@ROWS
def test_a_row_is_what_its_folder_says(row: ReleasedWeights) -> None:
    block = read_config(EMBEDDED / row.full_name)["fer_zoo"]
    assert (block["name"], block["tag"]) == (row.architecture, row.tag)
    assert block.get("seed") == row.seed
    start = block.get("pretrained")
    assert row.init == ((name_parent(start),) if isinstance(start, dict) else ())
    assert row.teachers == tuple(map(name_parent, block.get("teachers", ())))
    assert row.members == tuple(map(name_parent, block.get("members", ())))
    assert {score["model"] for score in block["metrics"].values()} == {row.name}


@ROWS
def test_its_hash_is_the_files(row: ReleasedWeights) -> None:
    path = EMBEDDED / row.full_name / "model.safetensors"
    if row.members:
        assert row.sha256 is None and not path.exists()
        assert all(find_weights_by_hash(member.sha256) is WEIGHTS[member.name] for member in row.members)
        assert row.label_source == "both" or {
            WEIGHTS[member.name].label_source for member in row.members
        } == {row.label_source}
    else:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row.sha256
        block = read_config(path.parent)["fer_zoo"]
        assert block.get("labels", "fer2013") == row.label_source
        assert row.architecture in ARCHITECTURES and row.recipe in list_recipes()


@ROWS
def test_every_parent_that_can_be_loaded_is_named_by_its_row(row: ReleasedWeights) -> None:
    for parent in (*row.init, *row.teachers):
        assert len(parent.sha256) == HASH_DIGITS
        released = find_weights_by_hash(parent.sha256)
        assert (released.full_name if released else None) == (parent.name if parent.name in WEIGHTS else None)


@ROWS
def test_the_shortest_name_leads_to_it(row: ReleasedWeights) -> None:
    assert find_weights(row.name) is find_weights(row.full_name) is row
    assert (row.name == row.architecture) is row.is_default


def test_a_table_needs_one_default_and_no_name_twice() -> None:
    row = ReleasedWeights("resnet_48", "a", "0" * 64, "fer2013", "resnet_48")
    other = ReleasedWeights("resnet_48", "b", "1" * 64, "fer2013", "resnet_48")
    with pytest.raises(ValueError, match="exactly one row of default"):
        _table(row, other)
    with pytest.raises(ValueError, match="twice"):
        _table(row, row)


def test_no_beginning_that_fits_any_weights_is_taken_for_a_hash() -> None:
    assert find_weights_by_hash("") is find_weights_by_hash("1") is None
