"""Compare variants of a recipe over several seeds."""

import argparse
import sys
from pathlib import Path
from typing import Any

from fer_zoo.cli.arguments import add_command, add_data, add_device, add_json, count, out_folder, print_json
from fer_zoo.cli.input_checks import check_exclude, check_ferplus


def add_parsers(parsers: Any) -> None:
    study = add_command(parsers, "study", run_study, "compare variants of a recipe over several seeds")
    study.add_argument(
        "study",
        metavar="NAME|FILE.toml",
        help="ablation, balance, balance_late, exclude, head_width, or a file of your own",
    )
    add_data(study)
    study.add_argument(
        "--out",
        default="runs/studies",
        type=out_folder,
        metavar="DIR",
        help="output folder, continued if it exists; studies share equal runs [runs/studies]",
    )
    study.add_argument(
        "--epochs", type=count, metavar="N", help="upper limit for every run, for a short version"
    )
    study.add_argument("--seeds", type=count, metavar="N", help="number of seeds [the study's own]")
    study.add_argument(
        "--exclude", metavar="FILE", help="the audit's exclude.csv, for a study that leaves faces out"
    )
    study.add_argument(
        "--ferplus",
        metavar="FILE",
        help="FER+'s fer2013new.csv: adds agreement with its ten raters",
    )
    add_device(study)
    add_json(study)


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
    dataset, out = read_fer2013(arguments.data), Path(arguments.out)
    try:
        result = run_study(
            study,
            dataset,
            out=out,
            device=arguments.device,
            exclude=arguments.exclude,
            ferplus=arguments.ferplus,
        )
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to continue.", file=sys.stderr)
        raise SystemExit(130) from None
    if arguments.json:
        print_json(result)
        return
    print(f"{format_study(result)}\nTable and numbers: {out / study.name}.md and .json")
