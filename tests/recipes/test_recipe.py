"""Recipes are checked data: every mistake is one line."""

import re

import pytest

from fer_zoo.artifacts.artifact import list_embedded, read_config
from fer_zoo.errors import FerZooError
from fer_zoo.models.registry import ARCHITECTURES
from fer_zoo.models.weights import find_weights
from fer_zoo.recipes.recipe import FOLDER, Recipe, build_recipe, describe_recipe, list_recipes, load_recipe


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_loads_and_survives_its_description(name: str) -> None:
    recipe = load_recipe(name)
    assert build_recipe(describe_recipe(recipe)) == recipe


def test_every_architecture_has_its_recipe() -> None:
    assert {row.recipe for row in ARCHITECTURES.values()} <= set(list_recipes())


@pytest.mark.parametrize("name", list_recipes())
def test_every_training_setting_says_why(name: str) -> None:
    lines = (FOLDER / f"{name}.toml").read_text(encoding="utf-8").split("[augment]")[0].splitlines()
    assert [line for line in lines if re.match(r"\w+ =", line) and "#" not in line] == []


def test_the_tutorial_is_stated_as_published() -> None:
    recipe = load_recipe("tutorial")
    assert (recipe.optimizer, recipe.learning_rate, recipe.batch_size, recipe.epochs) == (
        "adam",
        3e-4,
        128,
        100,
    )
    assert (recipe.schedule, recipe.augment.flip, recipe.augment.rotate) == ("constant", 0.5, 10)


def test_settings_of_the_first_release_keep_loading(tmp_path) -> None:
    path = tmp_path / "old.toml"
    path.write_text(
        "normalise = false\nbackbone_factor = 0.1\nmix_start = true\naugment_as_row = false\n"
        "[augment]\ncut = 40\n[distill]\nteachers = ['x']\nshare = 0.3\n"
    )
    recipe = load_recipe(path)
    assert (recipe.normalize, recipe.backbone_lr_mult, recipe.interpolate_init) == (False, 0.1, True)
    assert recipe.augment.train_crop == 40 and recipe.distill.weight == 0.3
    changed = load_recipe(path, ["augment.cut=44", "distill.share=0.5"])
    assert changed.augment.train_crop == 44 and changed.distill.weight == 0.5


@pytest.mark.parametrize("folder", list_embedded().values(), ids=list(list_embedded()))
def test_the_recipes_of_released_weights_keep_loading(folder) -> None:
    stored = read_config(folder)["fer_zoo"].get("recipe")
    if stored:
        recipe = build_recipe(stored)
        assert recipe.augment.train_crop == stored["augment"].get(
            "cut", stored["augment"].get("train_crop", 0)
        )


def test_changes_come_on_top() -> None:
    recipe = load_recipe(
        "baseline", ["epochs=3", "augment.flip=0", "optimizer=sgd", "balanced_sampling=true"]
    )
    assert (recipe.epochs, recipe.augment.flip, recipe.optimizer, recipe.balanced_sampling) == (
        3,
        0,
        "sgd",
        True,
    )


@pytest.mark.parametrize(
    "change",
    [
        "epochs=0",
        "epochs=1.5",
        "epochs=true",
        "learning_rate=-1",
        "learning_rate=nan",
        "optimizer=adamm",
        "epoch=3",
        "augment.flipp=1",
        "augment.flip=2",
        "augment=3",
        "balanced_sampling=1",
        "label_smoothing=1",
        "class_weights=cubic",
        "batch_growth=0.5",
        "growth_epochs=0",
        "dropout=high",
        "head_width=1.5",
        "epochs",
    ],
)
def test_a_wrong_change_gives_one_line(change: str) -> None:
    with pytest.raises(FerZooError) as caught:
        load_recipe("baseline", [change])
    assert "\n" not in str(caught.value)


def test_mixup_and_cutmix_exclude_each_other() -> None:
    with pytest.raises(FerZooError, match="choose one"):
        build_recipe({"augment": {"mixup": 0.2, "cutmix": 1.0}})


def test_two_ways_to_even_out_the_classes_exclude_each_other() -> None:
    with pytest.raises(FerZooError, match="choose one"):
        build_recipe({"balanced_sampling": True, "logit_adjustment": 1.0})


def test_a_broken_file_gives_one_line(tmp_path) -> None:
    (tmp_path / "mine.toml").write_text("epochs = = 3", encoding="utf-8")
    with pytest.raises(FerZooError, match=r"mine\.toml"):
        load_recipe(tmp_path / "mine.toml")
    with pytest.raises(FerZooError, match="Did you mean 'baseline'"):
        load_recipe("baselin")


def test_defaults_are_valid() -> None:
    assert Recipe().augment.flip == 0.5


@pytest.mark.parametrize("name", list_recipes())
def test_the_teachers_of_a_shipped_recipe_come_with_the_package(name: str) -> None:
    assert all(find_weights(teacher) for teacher in load_recipe(name).distill.teachers)
