"""The space of a search is checked data: every mistake is one line, before any run begins."""

import re
from pathlib import Path

import pytest

from fer_zoo.errors import FerZooError
from fer_zoo.experiments.search_space import DEFAULT, Dimension, build_point, load_space
from fer_zoo.models.registry import ARCHITECTURES
from fer_zoo.recipes.recipe import format_recipe, list_recipes, load_recipe

CNN = ARCHITECTURES["cnn-baseline"]


def write(folder: Path, search: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(f"epochs = 3\n{search}\n")
    return path


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_default_space_fits_every_architecture(name: str) -> None:
    row = ARCHITECTURES[name]
    names = [dimension.name for dimension in load_space(row.recipe, load_recipe(row.recipe), row)]
    assert {"learning_rate", "weight_decay", "batch_size", "augment_strength", "schedule"} < set(names)
    assert {option for option in CNN.options if option in names} == set(row.options)


def test_a_recipes_own_space_is_read_and_its_recipe_still_trains(tmp_path: Path) -> None:
    text = """
    [search]
    batch_size = { low = 32, high = 256, log = true }
    schedule = ["cosine", "plateau"]
    augment.rotate = { low = 0, high = 30 }
    """
    path = write(tmp_path, text)
    recipe = load_recipe(path)
    assert recipe.epochs == 3
    assert load_space(path, recipe, CNN) == (
        Dimension("batch_size", low=32, high=256, log=True, whole=True),
        Dimension("schedule", choices=("cosine", "plateau")),
        Dimension("augment.rotate", low=0, high=30),
    )


@pytest.mark.parametrize(
    ("search", "says"),
    [
        ("[search]", "empty"),
        ("search = 3", "empty"),
        ("[search]\nlearning_rat = [1e-3]", "Did you mean 'learning_rate'"),
        ("[search]\naugment.rotat = [1]", "Did you mean 'rotate'"),
        ("[search]\naugment = [1]", "table of its settings"),
        ("[search]\nlearning_rate = 1e-3", "a list of choices"),
        ("[search]\nlearning_rate = []", "a list of choices"),
        ("[search]\nlearning_rate = { low = 1e-3 }", "a list of choices"),
        ("[search]\nlearning_rate = { low = 1e-3, high = 1e-4 }", "low below high"),
        ("[search]\nlearning_rate = { low = 0, high = 1e-4, log = true }", "above 0"),
        ("[search]\nlearning_rate = { low = 0.0, high = inf }", "low below high"),
        ("[search]\nbatch_size = { low = 1.5, high = 3 }", "whole numbers"),
        ("[search]\nhead_width = { low = 1, high = 8.5 }", "whole numbers"),
        ("[search]\nschedule = ['cosine', 'cosin']", "'cosin' is not a valid recipe"),
        ("[search]\nlabel_smoothing = { low = 0, high = 1.5 }", "1.5 is not a valid recipe"),
        ("[search]\ndropout = { low = 0.0, high = 1.0 }", "0 to below 1"),
        ("[search]\naugment.mixup = [0.2]\naugment.cutmix = [0.5, 1.0]", "are both on"),
        ("[search.augment]\nmixup = { low = 0, high = 0.4 }\ncutmix = { low = 0, high = 1 }", "are both on"),
        (
            "[search]\naugment_strength = { low = 1, high = 20 }\n[augment]\nscale = 0.2",
            "20 is not a valid recipe",
        ),
    ],
)
def test_a_bad_space_is_one_line(tmp_path: Path, search: str, says: str) -> None:
    path = write(tmp_path, search)
    with pytest.raises(FerZooError) as caught:
        load_space(path, load_recipe(path), CNN)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_what_the_network_lacks_is_refused_where_it_was_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "[search]\nhead_width = [64, 128]")
    with pytest.raises(FerZooError, match="lacks; it has: dropout"):
        load_space(path, load_recipe(path), ARCHITECTURES["resnet_48"])


def test_values_that_fit_some_draws_are_allowed(tmp_path: Path) -> None:
    text = "[search.augment]\nmixup = [0.0, 0.2]\ncutmix = [0.0, 1.0]\n[augment]\nmixup = 0.2"
    path = write(tmp_path, text)
    assert len(load_space(path, load_recipe(path), CNN)) == 2


def test_a_recipe_with_an_option_that_the_network_lacks_is_refused() -> None:
    with pytest.raises(FerZooError, match=r"^resnet_48 has no head_width"):
        load_space("resnet_48", load_recipe("resnet_48", ["head_width=64"]), ARCHITECTURES["resnet_48"])


def test_crops_are_refused_for_a_network_that_needs_whole_faces(tmp_path: Path) -> None:
    path = write(tmp_path, "[search]\naugment.train_crop = [0, 40]")
    load_space(path, load_recipe(path), ARCHITECTURES["resnet_48"])
    with pytest.raises(FerZooError, match="needs whole ones"):
        load_space(path, load_recipe(path), CNN)


def test_a_point_changes_the_recipe_and_the_strength_multiplies_its_own_augmentation() -> None:
    recipe = load_recipe("baseline")
    changed = build_point(recipe, {"dropout": 0.3, "augment_strength": 2.0, "augment.shift": 0.05})
    assert changed.dropout == 0.3 and changed.epochs == recipe.epochs
    assert changed.augment.rotate == 2 * recipe.augment.rotate and changed.augment.flip == recipe.augment.flip
    assert changed.augment.shift == 0.05 and build_point(recipe, {}) == recipe


def test_a_drawn_one_cycle_takes_the_place_of_the_recipes_warm_up(tmp_path: Path) -> None:
    recipe = load_recipe("vit_48")
    assert build_point(recipe, {"schedule": "cosine"}) == recipe and recipe.warmup_epochs
    assert build_point(recipe, {"schedule": "one-cycle"}).warmup_epochs == 0
    twice = load_recipe("baseline", ["warmup_epochs=2"])
    with pytest.raises(FerZooError, match="the one-cycle schedule has a warm-up of its own"):
        load_space("baseline", twice, CNN)


@pytest.mark.parametrize("name", list_recipes())
def test_a_written_recipe_is_read_back(name: str, tmp_path: Path) -> None:
    recipe = build_point(load_recipe(name), {"learning_rate": 1.25e-5, "dropout": 0.5, "augment.flip": 0.25})
    text = format_recipe(recipe, "found", {"learning_rate", "augment.flip"})
    (tmp_path / "best.toml").write_text(text)
    assert load_recipe(tmp_path / "best.toml") == recipe
    assert len(re.findall("# searched", text)) == 2


def test_the_default_space_is_a_file_of_the_package() -> None:
    assert DEFAULT.is_file()
