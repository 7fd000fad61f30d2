"""Measure, compare and combine trained models."""

import argparse
from functools import partial
from typing import Any

from fer_zoo.cli.arguments import (
    add_command,
    check_ferplus,
    check_labels,
    format_next,
    out_folder,
    print_result,
    read_classes,
)
from fer_zoo.errors import FerZooError, escape


def add_parsers(parsers: Any) -> None:
    _add_eval(parsers)
    _add_compare(parsers)
    _add_calibrate(parsers)
    _add_ensemble(parsers)


def _add_eval(parsers: Any) -> None:
    evaluate = add_command(parsers, "eval", run_eval, "measure a model on labeled faces")
    evaluate.add_model(onnx=True)
    evaluate.add_data()
    evaluate.add_classes()
    evaluate.add_argument(
        "--split",
        help="public, private, test (both), train or all [private; all where the data has no split]",
    )
    evaluate.add_argument(
        "--tta", default="none", help="test-time augmentation: none, flip or tencrop [none]"
    )
    evaluate.add_argument(
        "--pictures",
        type=out_folder,
        metavar="DIR",
        help="write confusion.png and reliability.png there, with --ferplus also those by the raters",
    )
    evaluate.add_ferplus("scores by its ten raters too")
    evaluate.add_argument(
        "--record", action="store_true", help="store the result in the folder's config.json and card"
    )
    evaluate.add_device()
    evaluate.add_json()


def _add_compare(parsers: Any) -> None:
    compare = add_command(
        parsers, "compare", run_compare, "compare models on the same faces with paired tests"
    )
    compare.add_model(many=True, onnx=True)
    compare.add_data()
    compare.add_argument("--split", help="public, private, test, train or all [as eval]")
    compare.add_peer("are compared too")
    compare.add_ferplus("compares by the majority of its ten raters too")
    compare.add_device()
    compare.add_json()


def _add_calibrate(parsers: Any) -> None:
    calibrate = add_command(
        parsers,
        "calibrate",
        run_calibrate,
        "fit a model's temperature, prior correction and batch-norm statistics to other faces",
    )
    calibrate.add_model()
    calibrate.add_data()
    calibrate.add_labels("fit")
    calibrate.add_out(required=True)
    calibrate.add_device()


def _add_ensemble(parsers: Any) -> None:
    ensemble = add_command(
        parsers,
        "ensemble",
        run_ensemble,
        "combine models by soft voting, with weights selected on PublicTest",
    )
    ensemble.add_model(many=True)
    ensemble.add_data()
    ensemble.add_labels("choose by")
    ensemble.add_out("[runs/ensemble]", default="runs/ensemble")
    ensemble.add_argument(
        "--by-name",
        action="store_true",
        help="store the members' names, not their weights (packaged models only)",
    )
    ensemble.add_device()


def run_eval(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.resolve import resolve
    from fer_zoo.data.fer2013 import find_source

    found = resolve(arguments.model)
    folder = found.path
    if arguments.record and found.kind == "hub":  # its files are the cache's, named by their hashes
        raise FerZooError(f"--record stores into a folder: fer-zoo pull {found.repo} --out DIR writes one.")
    find_source(arguments.data)
    class_map = read_classes(arguments)
    check_ferplus("--ferplus", arguments.ferplus)
    from fer_zoo.artifacts.card import write_card
    from fer_zoo.evaluation.evaluate import evaluate_artifact
    from fer_zoo.evaluation.metrics import format_evaluation
    from fer_zoo.evaluation.model_data import read_faces_for, suggest_votes

    dataset, split = read_faces_for(folder, arguments.data, class_map)
    if not arguments.ferplus:
        suggest_votes([folder], dataset)
    result = evaluate_artifact(
        folder,
        dataset,
        split=arguments.split or split,
        tta=arguments.tta,
        device=arguments.device,
        pictures=arguments.pictures,
        ferplus=arguments.ferplus,
        record=arguments.record,
    )
    if arguments.record:
        write_card(folder)
    print_result(arguments, result, format_evaluation)
    if arguments.pictures and not arguments.json:
        both = " and the same by FER+ (NAME-ferplus.png)" if arguments.ferplus else ""
        print(f"Wrote confusion.png and reliability.png{both} into {escape(str(arguments.pictures))}")


def run_compare(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.resolve import resolve
    from fer_zoo.data.fer2013 import find_source

    folders = [resolve(name).path for name in arguments.models]
    find_source(arguments.data)
    check_ferplus("--ferplus", arguments.ferplus)
    predict_peers = None
    if arguments.peer:
        from fer_zoo.bench.peer_process import check_python, predict_all_peers

        check_python(arguments.peer)
        predict_peers = partial(predict_all_peers, arguments.peer)
    from fer_zoo.evaluation.evaluate import compare_artifacts, format_comparison
    from fer_zoo.evaluation.model_data import read_faces_for, suggest_votes

    dataset, split = read_faces_for(folders[0], arguments.data)
    if not arguments.ferplus:
        suggest_votes(folders, dataset)
    result = compare_artifacts(
        folders,
        dataset,
        split=arguments.split or split,
        device=arguments.device,
        predict_peers=predict_peers,
        ferplus=arguments.ferplus,
    )
    print_result(arguments, result, format_comparison)


def run_calibrate(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.artifact import read_config
    from fer_zoo.artifacts.resolve import resolve_folder
    from fer_zoo.data.fer2013 import find_source

    folder, out = resolve_folder(arguments.model), arguments.out
    check_labels(arguments)
    find_source(arguments.data)
    from fer_zoo.data.ferplus import apply_label_source
    from fer_zoo.evaluation.batchnorm import describe_choice
    from fer_zoo.evaluation.model_data import read_aligned_faces
    from fer_zoo.evaluation.recalibration import calibrate_artifact

    dataset, _ = read_aligned_faces(folder, arguments.data)
    labeled = apply_label_source(dataset, arguments.labels, arguments.ferplus_csv)
    metrics = calibrate_artifact(folder, labeled, out, device=arguments.device, score_on=dataset.public_test)
    choice = describe_choice(read_config(out)["fer_zoo"]["calibration"])
    print(
        f"Wrote {out}: PublicTest {metrics['accuracy']:.2%}, log loss {metrics['nll']:.3f}. {choice}\n"
        f"{format_next(arguments, 'eval', out, '--split', 'private')}"
    )


def run_ensemble(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.resolve import resolve_folder
    from fer_zoo.data.fer2013 import find_source

    out = arguments.out
    folders = [resolve_folder(name) for name in arguments.models]
    check_labels(arguments)
    find_source(arguments.data)
    from fer_zoo.artifacts.card import write_card
    from fer_zoo.data.ferplus import apply_label_source
    from fer_zoo.evaluation.ensemble_selection import build_ensemble
    from fer_zoo.evaluation.model_data import read_aligned_faces

    dataset, _ = read_aligned_faces(folders[0], arguments.data)
    metrics = build_ensemble(
        folders,
        apply_label_source(dataset, arguments.labels, arguments.ferplus_csv),
        out,
        by_name=arguments.by_name,
        device=arguments.device,
        score_on=dataset.public_test,
    )
    write_card(out)
    print(f"Wrote {out}: PublicTest {metrics['accuracy']:.2%}")
    print(format_next(arguments, "eval", out, "--split", "private"))
