"""Inspect FER2013, audit its errors, or generate a synthetic replacement."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.cli.arguments import (
    Parser,
    add_command,
    check_ferplus,
    count,
    explain_stop,
    format_command,
    input_name,
    names,
    out_folder,
    print_result,
    seed,
    whole,
)
from fer_zoo.errors import FerZooError, escape
from fer_zoo.utils.progress import track

if TYPE_CHECKING:
    from fer_zoo.artifacts.classifier import FaceClassifier
    from fer_zoo.data.fer2013 import FER2013
    from fer_zoo.data.label_suspects import Suspect

MAX_LISTED = 10  # photos that are named on stderr; the table names all


def add_parsers(parsers: Any) -> None:
    data = parsers.add_parser(
        "data", help="inspect labeled faces, crop them from photos, or draw synthetic ones"
    )
    inner = data.add_subparsers(
        dest="data_command", required=True, metavar="info|show|audit|crop|synth", parser_class=Parser
    )
    info = add_command(
        inner, "info", run_data_info, "count classes per split, duplicates, blanks and label conflicts"
    )
    info.add_data()
    info.add_json()
    show = add_command(inner, "show", run_data_show, "draw the class histogram and a grid of random faces")
    show.add_data()
    show.add_argument("--split", default="train", help="train, public, private or test [train]")
    show.add_out("folder for the pictures [data-pictures]", default="data-pictures")
    show.add_argument("--seed", type=seed, default=0, help="random seed [0]")
    _add_audit(inner)
    crop = add_command(inner, "crop", run_data_crop, "find the faces in photos and write them for training")
    crop.add_argument(
        "photos", type=input_name, metavar="PHOTOS", help="folder of photos, with a folder for each class"
    )
    crop.add_argument(
        "out", type=out_folder, metavar="OUT", help="new folder; the same command again continues in it"
    )
    crop.add_argument("--size", type=whole(16, 1024), default=48, metavar="N", help="side in pixels [48]")
    crop.add_argument(
        "--faces", choices=("largest", "all"), default="largest", help="which faces of a photo [largest]"
    )
    crop.add_json()
    synth = add_command(inner, "synth", run_data_synth, "draw synthetic faces in FER2013's CSV format")
    synth.add_argument("out", metavar="FILE.csv", help="the CSV to write")
    synth.add_force()
    synth.add_argument("--count", type=count, default=3500, help="number of faces [3500]")
    synth.add_argument("--seed", type=seed, default=0, help="random seed [0]")


def _add_audit(inner: Any) -> None:
    audit = add_command(
        inner, "audit", run_data_audit, "find duplicate, blank, faceless and mislabeled pictures to exclude"
    )
    audit.add_data()
    audit.add_models(
        'models that predict the labels; "" for none [cnn-baseline,resnet_48]',
        default="cnn-baseline,resnet_48",
        type=lambda text: names(text) if text else [],
    )
    audit.add_argument(
        "--ferplus", type=Path, metavar="FILE", help="FER+'s fer2013new.csv: the votes of ten raters"
    )
    audit.add_argument(
        "--folds",
        type=whole(2, 20),
        metavar="N",
        help="cross-validate: list Training labels that models which have not seen them contradict",
    )
    audit.add_argument(
        "--arch",
        metavar="NAME",
        help="with --folds: train this network in each fold [a linear layer on the models' features]",
    )
    audit.add_out("folder for the page and the lists [data-audit]", default="data-audit")
    audit.add_device()
    audit.add_json()


def run_data_info(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.data.quality import describe, format_description

    print_result(arguments, describe(read_fer2013(arguments.data)), format_description)


def run_data_show(arguments: argparse.Namespace) -> None:
    import numpy as np

    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.data.plots import draw_grid, draw_histogram

    dataset = read_fer2013(arguments.data)
    folder = arguments.out
    draw_histogram(dataset, folder / "classes.png")
    generator = np.random.default_rng(arguments.seed)
    draw_grid(dataset, arguments.split, folder / "faces.png", generator=generator)
    print(f"Wrote {folder / 'classes.png'} and {folder / 'faces.png'}")


def run_data_audit(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.resolve import resolve_folder
    from fer_zoo.data.audit import audit_faces, collect_faces, count_findings
    from fer_zoo.data.class_map import require_emotions
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.evaluation.evaluate import read_split_votes
    from fer_zoo.reports.audit_report import format_counts, write_audit
    from fer_zoo.reports.evidence import collect_evidence, load_models

    folders = [resolve_folder(name) for name in arguments.models]
    _check_folds(arguments, folders)
    ferplus, out = arguments.ferplus, arguments.out
    check_ferplus("--ferplus", ferplus)
    dataset = read_fer2013(arguments.data)
    if ferplus:
        require_emotions(dataset.classes, "--ferplus")
    votes = read_split_votes(ferplus, dataset, "all") if ferplus else None  # an error comes before the work
    collection = collect_faces(dataset)
    models = load_models(folders, arguments.device)
    suspects = _cross_validate(arguments, dataset, list(models.values())) if arguments.folds else None
    known = {name: model for name, model in models.items() if model.classes == dataset.classes}
    if others := ", ".join(name for name in models if name not in known):
        left_out = f"{others}: other classes than the data's, so the predictions are left out."
        hint = "" if arguments.folds else " --folds 5 checks the labels."
        print(f"fer-zoo: {left_out}{hint}", file=sys.stderr)
    evidence = collect_evidence(collection, known, votes)
    with track("searching for duplicate photos") as progress:
        findings = audit_faces(collection, **evidence, suspects=suspects or (), progress=progress)
    write_audit(out, dataset, collection, findings, suspects)
    counts = count_findings(collection, findings)
    text = format_counts(counts)
    text += f"\n\nWrote {out / 'index.html'}, findings.csv and exclude.csv (for fer-zoo train --exclude)"
    if suspects:
        text += f"\nLook through {out / 'suspects.csv'}; --exclude takes it too."
    result = {"folder": str(out), "faces": len(collection.split), "counts": counts}
    print_result(arguments, result, lambda _: text)


def _check_folds(arguments: argparse.Namespace, folders: list[Path]) -> None:
    """Before the data is read."""
    from fer_zoo.models.registry import find_architecture

    if arguments.arch and not arguments.folds:
        raise FerZooError("--arch trains a network in each fold: add --folds 5.")
    if arguments.arch:
        find_architecture(arguments.arch)
    if arguments.folds and not (arguments.arch or folders):
        raise FerZooError("--folds needs the features of --models, or --arch NAME to train a network.")


def _cross_validate(
    arguments: argparse.Namespace, dataset: "FER2013", models: list["FaceClassifier"]
) -> list["Suspect"]:
    from fer_zoo.data.label_suspects import find_suspects, has_cleanlab
    from fer_zoo.experiments.out_of_fold import LinearHead, TrainedNetwork, predict_out_of_fold

    if not has_cleanlab():
        print(
            "fer-zoo: a simple rule ranks the labels; pip install 'fer-zoo[audit]' for cleanlab's",
            file=sys.stderr,
        )
    out, folds = arguments.out / "folds", arguments.folds
    if arguments.arch:  # each fold shows its own progress
        table = predict_out_of_fold(
            dataset, out, TrainedNetwork(arguments.arch, device=arguments.device), folds
        )
    else:
        with track("features of the Training faces") as progress:
            head = LinearHead(models, progress)
            head.embed(dataset, out)
        with track("cross-validating") as progress:
            table = predict_out_of_fold(dataset, out, head, folds, progress=progress)
    return find_suspects(dataset.training.labels, table.astype("float64"))


def run_data_crop(arguments: argparse.Namespace) -> None:
    from fer_zoo.detection.crop_photos import crop_photos, format_crop_summary

    out = arguments.out
    stopped = "The faces so far are stored; run the same command to continue."
    with explain_stop(stopped), track("cropping faces") as progress:
        summary = crop_photos(
            arguments.photos, out, size=arguments.size, faces=arguments.faces, progress=progress
        )
    for name, error in list(summary.broken.items())[:MAX_LISTED]:
        print(f"fer-zoo: {escape(name)}: {escape(error)}", file=sys.stderr)
    for name in summary.no_face[:MAX_LISTED]:
        print(f"fer-zoo: no face found in {escape(name)}", file=sys.stderr)
    text = format_crop_summary(summary, out, arguments.faces)
    if summary.faces:
        train = ["fer-zoo", "train", "--arch", "resnet_48", "--data", str(out), "--pretrained", "resnet_48"]
        text += f"\nNext: {format_command(*train)}"
    print_result(arguments, {"folder": str(out), **asdict(summary)}, lambda _: text)


def run_data_synth(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.synthetic import write_synthetic
    from fer_zoo.utils.files import refuse_to_replace

    path = Path(arguments.out)
    refuse_to_replace(path, arguments.force, "FILE.csv")
    write_synthetic(path, count=arguments.count, seed=arguments.seed)
    print(
        f"Wrote {arguments.count} synthetic faces. Next: "
        f"{format_command('fer-zoo', 'train', '--arch', 'cnn-baseline', '--data', path, '--epochs', 5)}"
    )
