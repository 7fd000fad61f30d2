"""A page to understand a model by."""

import argparse
from pathlib import Path
from typing import Any

from fer_zoo.cli.arguments import add_command, check_ferplus, print_json


def add_parsers(parsers: Any) -> None:
    report = add_command(
        parsers, "report", run_report, "write an HTML page that explains a model or compares several"
    )
    report.add_argument("models", nargs="+", metavar="RUN|NAME")
    report.add_data()
    report.add_argument("--split", help="public, private, test, train or all [as eval]")
    report.add_ferplus(
        "adds agreement with its ten raters; if every model learned their votes, all is by them"
    )
    report.add_argument("--out", metavar="FILE.html", help="the page [report-NAME.html]")
    report.add_force()
    report.add_device()
    report.add_json()


def run_report(arguments: argparse.Namespace) -> None:
    from dataclasses import replace

    from fer_zoo.artifacts.artifact import name_model, read_config
    from fer_zoo.artifacts.resolve import resolve_folder
    from fer_zoo.evaluation.model_data import read_aligned_faces, require_models, suggest_votes, unique_names
    from fer_zoo.reports.comparison_report import (
        build_comparison,
        check_count,
        compare_by_raters,
        compare_models,
    )
    from fer_zoo.reports.model_report import build_report
    from fer_zoo.reports.model_results import measure_model
    from fer_zoo.utils.files import refuse_to_replace, write_text

    check_count(len(arguments.models))
    alone = len(arguments.models) == 1
    folders = [resolve_folder(name) for name in arguments.models]
    name = name_model(read_config(folders[0])["fer_zoo"]) if alone else "comparison"
    out = Path(arguments.out or f"report-{name}.html")
    refuse_to_replace(out, arguments.force, "--out")  # before minutes of work
    check_ferplus("--ferplus", arguments.ferplus)
    learned = {read_config(folder)["fer_zoo"].get("labels", "fer2013") for folder in folders}
    dataset, split = read_aligned_faces(folders[0], arguments.data)
    if not arguments.ferplus:
        suggest_votes(folders, dataset)
    require_models(folders, dataset)
    studies = [
        measure_model(
            folder,
            dataset,
            split=arguments.split or split,
            ferplus=arguments.ferplus,
            by_raters=learned == {"ferplus"},
            device=arguments.device,
            detailed=alone,
        )
        for folder in folders
    ]
    names = unique_names([study.name for study in studies], folders)
    studies = [
        replace(study, scores={**study.scores, "model": name})
        for study, name in zip(studies, names, strict=True)
    ]
    write_text(out, build_report(studies[0], dataset) if alone else build_comparison(studies, dataset))
    if arguments.json:
        numbers = {"page": str(out), "models": [study.numbers for study in studies]}
        pairs = {"pairs": compare_models(studies)}
        if by_raters := compare_by_raters(studies):
            pairs["ferplus_pairs"] = by_raters
        print_json({**numbers, **pairs})
    else:
        print(f"Wrote {out}: open it in a browser. It needs no network and contains faces of your data.")
