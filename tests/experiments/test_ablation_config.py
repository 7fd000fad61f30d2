"""A study is checked data, and the shipped ones say what they claim to say."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from fer_zoo.data.augment import Augmentation
from fer_zoo.errors import FerZooError
from fer_zoo.experiments.ablation_config import list_studies, load_study
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import load_recipe

HEAD = 'title = "t"\narchitecture = "cnn-baseline"\nseeds = 2\n'
PLAIN = '[[variant]]\nname = "a"\nrecipe = "baseline"\n'


@pytest.mark.parametrize("name", list_studies())
def test_a_shipped_study_has_three_seeds_and_rows_that_differ(name: str) -> None:
    study = load_study(name)
    find_architecture(study.architecture)
    assert study.seeds == 3
    rows = [replace(variant, name="", note="") for variant in study.variants]
    assert all(rows.count(row) == 1 for row in rows)


def test_the_ablation_leads_from_the_tutorial_to_the_shipped_recipe_one_setting_at_a_time() -> None:
    variants = load_study("ablation").variants
    first, last = variants[0], variants[-1]
    assert first.recipe == load_recipe("tutorial", ["epochs=25", "normalize=false", "precision=auto"])
    assert last.recipe == load_recipe("baseline")
    for before, after in pairwise(variants):
        different = {
            name for name in vars(after.recipe) if vars(after.recipe)[name] != vars(before.recipe)[name]
        }
        assert 1 <= len(different) <= 2, after.name


def test_the_balance_study_differs_in_balance_alone() -> None:
    plain, *others = load_study("balance").variants
    assert plain.recipe == load_study("ablation").variants[-2].recipe  # shared by the two studies
    names = {"class_weights", "balanced_sampling", "focal_gamma", "logit_adjustment"}
    for variant in others:
        changed = {name for name in names if getattr(variant.recipe, name) != getattr(plain.recipe, name)}
        assert len(changed) == 1
        defaults = {name: getattr(plain.recipe, name) for name in names}
        assert replace(variant.recipe, **defaults) == plain.recipe


def test_a_short_version_has_fewer_epochs_and_seeds() -> None:
    study = load_study("ablation", epochs=30, seeds=1)
    assert study.seeds == 1 and {variant.recipe.epochs for variant in study.variants} == {30, 25}


def test_a_short_version_leaves_out_what_differs_by_length_alone() -> None:
    whole, short = load_study("ablation").variants, load_study("ablation", epochs=5).variants
    left_out = {variant.name for variant in whole} - {variant.name for variant in short}
    assert left_out == {"+ 50 epochs: the shipped recipe"}
    assert short[-1].recipe == load_recipe("baseline", ["epochs=5"])


def test_a_variant_takes_over_the_one_it_stands_on(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(
        HEAD
        + PLAIN
        + 'set = ["epochs=3", "augment.flip=0"]\n[[variant]]\nname = "b"\non = "a"\nset = ["epochs=4"]'
    )
    first, second = load_study(tmp_path / "s.toml").variants
    assert (first.recipe.epochs, second.recipe.epochs) == (3, 4)
    assert second.recipe.augment == replace(load_recipe("baseline").augment, flip=0) != Augmentation()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("titel = 1", "Did you mean 'title'"),
        (HEAD, "no [[variant]]"),
        (HEAD + "variant = 3", "no [[variant]]"),
        (HEAD.replace("2", "0") + PLAIN, "seeds is 0"),
        (HEAD.replace('"t"', "3") + PLAIN, "title is 3"),
        (HEAD + PLAIN + PLAIN, "twice"),
        (HEAD + PLAIN + 'on = "a"', "one of recipe"),
        (HEAD + '[[variant]]\nname = "b"\non = "c"', "variant to base it on 'c'"),
        (HEAD + '[[variant]]\nname = "b"', "one of recipe"),
        (HEAD + PLAIN + "set = 'epochs=3'", "a list such as"),
        (HEAD + PLAIN + "set = ['epochs=0']", "epochs is 0"),
        (HEAD + PLAIN + "nots = 'x'", "Did you mean 'note'"),
        (HEAD + PLAIN + "note = 3", "note is 3"),
        (HEAD + PLAIN + "note = 1", "a text"),
        (HEAD + PLAIN + "exclude = ['labels']", "a list of blank, no face"),
        (HEAD + PLAIN + "exclude = 'label'", "a list of blank, no face"),
        ("title = = 1", "cannot be read"),
    ],
)
def test_a_fault_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(FerZooError) as caught:
        load_study(tmp_path / "s.toml")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value).replace(f"{tmp_path}", "").split("cannot be read")[0]


def test_an_unknown_study_names_the_known_ones() -> None:
    with pytest.raises(FerZooError, match="Did you mean 'ablation'"):
        load_study("ablatio")
