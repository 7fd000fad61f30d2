"""The learning rate is a pure function of the step."""

import pytest

from fer_zoo.recipes.recipe import build_recipe, list_recipes, load_recipe
from fer_zoo.training.schedule import batch_size_at, check_warmup, count_plateaus, lr_multiplier


def trace(**settings) -> list[float]:
    recipe = build_recipe({"epochs": 10, **settings})
    return [lr_multiplier(recipe, step, steps_per_epoch=10) for step in range(100)]


def test_constant() -> None:
    assert set(trace(schedule="constant")) == {1.0}


def test_one_cycle_rises_then_falls_to_almost_nothing() -> None:
    shares = trace(schedule="one-cycle")
    peak = shares.index(max(shares))
    assert peak == 30 and shares[0] == pytest.approx(1 / 25) and shares[-1] < 0.01
    assert shares[: peak + 1] == sorted(shares[: peak + 1]) and shares[peak:] == sorted(
        shares[peak:], reverse=True
    )


def test_cosine_with_warm_up() -> None:
    shares = trace(schedule="cosine", warmup_epochs=2)
    assert shares[0] == pytest.approx(1 / 20) and shares[19] == 1.0 and shares[60] == pytest.approx(0.5)
    assert shares[-1] < 0.01


@pytest.mark.parametrize("schedule", ["constant", "cosine", "plateau"])
def test_a_rate_that_warmed_up_never_rises_again(schedule: str) -> None:
    check_warmup(build_recipe({"schedule": schedule, "warmup_epochs": 2}))
    shares = trace(schedule=schedule, warmup_epochs=2)
    assert shares[:20] == sorted(shares[:20]) and shares[19] == 1.0
    assert shares[19:] == sorted(shares[19:], reverse=True)


@pytest.mark.parametrize("name", list_recipes())
def test_no_recipe_warms_up_twice(name: str) -> None:
    check_warmup(load_recipe(name))


def test_plateau_divides_by_ten() -> None:
    recipe = build_recipe({"schedule": "plateau"})
    assert lr_multiplier(recipe, 5, 10, plateaus=2) == pytest.approx(0.01)


def test_the_batch_grows_up_to_its_bound() -> None:
    recipe = build_recipe({"batch_size": 100, "batch_growth": 2, "growth_epochs": 3, "max_batch_size": 500})
    sizes = [batch_size_at(recipe, epoch) for epoch in (0, 2, 3, 6, 9, 10**6)]
    assert sizes == [100, 100, 200, 400, 500, 500]
    assert batch_size_at(build_recipe({"batch_size": 100}), 10**6) == 100


@pytest.mark.parametrize(
    ("accuracies", "plateaus"),
    [([], 0), ([0.1, 0.2, 0.2], 0), ([0.2, 0.1, 0.1], 1), ([0.2, 0.1, 0.1, 0.3, 0.1], 1)],
)
def test_plateaus_are_counted(accuracies: list[float], plateaus: int) -> None:
    assert count_plateaus(accuracies, patience=2) == plateaus
