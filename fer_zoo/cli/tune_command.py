"""Search for a better recipe."""

import argparse
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from fer_zoo.cli.arguments import (
    add_command,
    count,
    explain_stop,
    format_next,
    positive,
    print_result,
    read_recipe,
    seed,
)
from fer_zoo.errors import TrainingError

TRIALS = 20


def add_parsers(parsers: Any) -> None:
    tune = add_command(parsers, "tune", run_tune, "search for a better recipe by PublicTest accuracy")
    tune.add_argument("--arch", required=True, metavar="A", help="a name of fer-zoo list")
    tune.add_data()
    tune.add_argument(
        "--recipe",
        metavar="R",
        help="a recipe's name or TOML file, whose table [search] is the space [the architecture's own]",
    )
    tune.add_argument(
        "--trials",
        type=count,
        metavar="N",
        help=f"runs of all workers together [{TRIALS}; no limit with --minutes]",
    )
    tune.add_argument("--minutes", type=positive, metavar="M", help="start no run after this time")
    tune.add_argument("--epochs", type=count, metavar="N", help="epochs per run [the recipe's]")
    tune.add_out("folder of the search, continued if it exists [runs/tune-ARCH]")
    tune.add_argument(
        "--storage",
        metavar="URL",
        help="database shared between machines, such as postgresql://user@host/name [SQLite in DIR]",
    )
    tune.add_device()
    tune.add_argument("--seed", type=seed, default=0, metavar="S", help="seed of every run [0]")
    tune.add_set()
    tune.add_json()


def run_tune(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.fer2013 import find_source, read_fer2013
    from fer_zoo.models.registry import find_architecture

    if not find_spec("optuna"):
        raise TrainingError("The search needs Optuna. Run: pip install 'fer-zoo[tune]'")
    row = find_architecture(arguments.arch)
    find_source(arguments.data)
    from fer_zoo.experiments.search_space import load_space
    from fer_zoo.experiments.tuner import tune

    recipe = read_recipe(arguments, row.recipe)
    space = load_space(arguments.recipe or row.recipe, recipe, row)
    trials = arguments.trials or (None if arguments.minutes else TRIALS)
    with explain_stop("Run the same command again to continue."):
        result = tune(
            row.name,
            read_fer2013(arguments.data),
            recipe,
            space,
            out=arguments.out or f"runs/tune-{row.name}",
            trials=trials,
            minutes=arguments.minutes,
            storage=arguments.storage,
            seed=arguments.seed,
            device=arguments.device,
        )
    found = ", ".join(f"{key} {value}" for key, value in result.parameters.items())
    text = (
        f"{row.name}: {result.finished} runs finished, {result.pruned} stopped early. Best: trial "
        f"{result.best}, PublicTest {result.accuracy:.2%}: {found}\n"
        f"Recipe, table and plots: {result.folder}\n"
        f"{format_next(arguments, 'train', '--arch', row.name, '--recipe', result.folder / 'best.toml')}"
    )
    print_result(arguments, {**asdict(result), "folder": str(result.folder)}, lambda _: text)
