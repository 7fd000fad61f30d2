"""Compare variants of a recipe over several seeds."""

import argparse
from typing import Any

from fer_zoo.cli.arguments import add_command, check_exclude, check_ferplus, count, explain_stop, print_result


def add_parsers(parsers: Any) -> None:
    study = add_command(parsers, "study", run_study, "compare variants of a recipe over several seeds")
    study.add_argument(
        "study",
        metavar="NAME|FILE.toml",
        help="ablation, balance, balance_late, exclude, head_width, or a file of your own",
    )
    study.add_data()
    study.add_out(
        "output folder, continued if it exists; studies share equal runs [runs/studies]",
        default="runs/studies",
    )
    study.add_argument(
        "--epochs", type=count, metavar="N", help="upper limit for every run, for a short version"
    )
    study.add_argument("--seeds", type=count, metavar="N", help="number of seeds [the study's own]")
    study.add_argument(
        "--exclude", metavar="FILE", help="the audit's exclude.csv, for a study that leaves faces out"
    )
    study.add_ferplus("adds agreement with its ten raters")
    study.add_device()
    study.add_json()


def run_study(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.fer2013 import find_source, read_fer2013

    find_source(arguments.data)
    check_ferplus("--ferplus", arguments.ferplus)
    check_exclude(arguments.exclude)
    from fer_zoo.experiments.ablation import format_study, run_study
    from fer_zoo.experiments.ablation_config import load_study
    from fer_zoo.models.registry import find_architecture

    study = load_study(arguments.study, arguments.epochs, arguments.seeds)
    find_architecture(study.architecture)
    dataset, out = read_fer2013(arguments.data), arguments.out
    with explain_stop("Run the same command again to continue."):
        result = run_study(
            study,
            dataset,
            out=out,
            device=arguments.device,
            exclude=arguments.exclude,
            ferplus=arguments.ferplus,
        )
    table = f"Table and numbers: {out / study.name}.md and .json"
    print_result(arguments, result, lambda result: f"{format_study(result)}\n{table}")
