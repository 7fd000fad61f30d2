"""Inspect FER2013, audit its errors, or generate a synthetic replacement."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from fer_zoo.cli.arguments import (
    Parser,
    add_command,
    add_data,
    add_device,
    add_force,
    add_json,
    count,
    out_folder,
    print_json,
    seed,
    whole,
)
from fer_zoo.errors import escape

MAX_LISTED = 10  # photos that are named on stderr; the table names all


def add_parsers(parsers: Any) -> None:
    data = parsers.add_parser("data", help="inspect FER2013, or generate synthetic data in its format")
    inner = data.add_subparsers(
        dest="data_command", required=True, metavar="info|show|audit|crop|synth", parser_class=Parser
    )
    info = add_command(
        inner, "info", run_data_info, "count classes per split, duplicates, blanks and label conflicts"
    )
    add_data(info)
    add_json(info)
    show = add_command(inner, "show", run_data_show, "draw the class histogram and a grid of random faces")
    add_data(show)
    show.add_argument("--split", default="train", help="train, public, private or test [train]")
    show.add_argument(
        "--out",
        default="data-pictures",
        type=out_folder,
        metavar="DIR",
        help="folder for the pictures [data-pictures]",
    )
    show.add_argument("--seed", type=seed, default=0, help="random seed [0]")
    audit = add_command(
        inner, "audit", run_data_audit, "find duplicate, blank, faceless and mislabeled pictures to exclude"
    )
    add_data(audit)
    audit.add_argument(
        "--models",
        default="cnn-baseline,resnet_48",
        metavar="A,B",
        help='models that predict the labels; "" for none [cnn-baseline,resnet_48]',
    )
    audit.add_argument("--ferplus", metavar="FILE", help="FER+'s fer2013new.csv: the votes of ten raters")
    audit.add_argument(
        "--out",
        default="data-audit",
        type=out_folder,
        metavar="DIR",
        help="folder for the page and the lists [data-audit]",
    )
    add_device(audit)
    add_json(audit)
    crop = add_command(inner, "crop", run_data_crop, "find the faces in photos and write them for training")
    crop.add_argument("photos", metavar="PHOTOS", help="folder of photos, with a folder for each class")
    crop.add_argument(
        "out", type=out_folder, metavar="OUT", help="new folder; the same command again continues in it"
    )
    crop.add_argument("--size", type=whole(16, 1024), default=48, metavar="N", help="side in pixels [48]")
    crop.add_argument(
        "--faces", choices=("largest", "all"), default="largest", help="which faces of a photo [largest]"
    )
    add_json(crop)
    synth = add_command(inner, "synth", run_data_synth, "draw synthetic faces in FER2013's CSV format")
    synth.add_argument("out", metavar="FILE.csv", help="the CSV to write")
    add_force(synth)
    synth.add_argument("--count", type=count, default=3500, help="number of faces [3500]")
    synth.add_argument("--seed", type=seed, default=0, help="random seed [0]")


def run_data_info(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.data.quality import describe, format_description

    description = describe(read_fer2013(arguments.data))
    if arguments.json:
        print_json(description)
    else:
        print(format_description(description))


def run_data_show(arguments: argparse.Namespace) -> None:
    import numpy as np

    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.data.plots import draw_grid, draw_histogram

    dataset = read_fer2013(arguments.data)
    folder = Path(arguments.out)
    draw_histogram(dataset, folder / "classes.png")
    generator = np.random.default_rng(arguments.seed)
    draw_grid(dataset, arguments.split, folder / "faces.png", generator=generator)
    print(f"Wrote {folder / 'classes.png'} and {folder / 'faces.png'}")


def run_data_audit(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.resolve import resolve_folder
    from fer_zoo.data.audit import audit_faces, collect_faces, count_findings
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.reports.audit_report import format_counts, write_audit
    from fer_zoo.reports.evidence import collect_evidence
    from fer_zoo.utils.progress import track

    folders = [resolve_folder(name) for name in arguments.models.split(",") if name]
    ferplus, out = Path(arguments.ferplus) if arguments.ferplus else None, Path(arguments.out)
    dataset = read_fer2013(arguments.data)
    collection = collect_faces(dataset)
    evidence = collect_evidence(collection, dataset, folders, ferplus, arguments.device)
    with track("searching for duplicate photos") as progress:
        findings = audit_faces(collection, **evidence._asdict(), progress=progress)
    write_audit(out, dataset, collection, findings)
    counts = count_findings(collection, findings)
    if arguments.json:
        print_json({"folder": str(out), "faces": len(collection.split), "counts": counts})
    else:
        print(format_counts(counts))
        print(f"\nWrote {out / 'index.html'}, findings.csv and exclude.csv (for fer-zoo train --exclude)")


def run_data_crop(arguments: argparse.Namespace) -> None:
    from dataclasses import asdict

    from fer_zoo.detection.crop_photos import crop_photos, format_crop_summary
    from fer_zoo.utils.progress import track

    out = Path(arguments.out)
    try:
        with track("cropping faces") as progress:
            summary = crop_photos(
                arguments.photos, out, size=arguments.size, faces=arguments.faces, progress=progress
            )
    except KeyboardInterrupt:
        print("\nStopped. The faces so far are stored; run the same command to continue.", file=sys.stderr)
        raise SystemExit(130) from None
    for name, error in list(summary.broken.items())[:MAX_LISTED]:
        print(f"fer-zoo: {escape(name)}: {escape(error)}", file=sys.stderr)
    for name in summary.no_face[:MAX_LISTED]:
        print(f"fer-zoo: no face found in {escape(name)}", file=sys.stderr)
    if arguments.json:
        print_json({"folder": str(out), **asdict(summary)})
        return
    print(format_crop_summary(summary, out, arguments.faces))
    if summary.faces:
        train = ["fer-zoo", "train", "--arch", "resnet_48", "--data", str(out), "--pretrained", "resnet_48"]
        print(f"Next: {shlex.join(train)}")


def run_data_synth(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.synthetic import write_synthetic
    from fer_zoo.utils.files import refuse_to_replace

    path = Path(arguments.out)
    refuse_to_replace(path, arguments.force, "FILE.csv")
    write_synthetic(path, count=arguments.count, seed=arguments.seed)
    print(
        f"Wrote {arguments.count} synthetic faces. Next: "
        f"{shlex.join(['fer-zoo', 'train', '--arch', 'cnn-baseline', '--data', str(path), '--epochs', '5'])}"
    )
