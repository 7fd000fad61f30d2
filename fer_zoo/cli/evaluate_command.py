"""Measure, compare and combine trained models."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from fer_zoo.cli.arguments import (
    add_classes,
    add_command,
    add_data,
    add_device,
    add_json,
    add_labels,
    add_model,
    add_peer,
    out_folder,
    print_json,
    read_classes,
)
from fer_zoo.cli.input_checks import check_ferplus
from fer_zoo.cli.next_step import format_next
from fer_zoo.errors import escape


def add_parsers(parsers: Any) -> None:
    _add_eval(parsers)
    _add_compare(parsers)
    _add_calibrate(parsers)
    _add_ensemble(parsers)


def _add_eval(parsers: Any) -> None:
    evaluate = add_command(parsers, "eval", run_eval, "measure a model on labeled faces")
    add_model(evaluate, onnx=True)
    add_data(evaluate)
    add_classes(evaluate)
    evaluate.add_argument(
        "--split",
        help="public, private, test (both), train or all [private; all where the data has no split]",
    )
    evaluate.add_argument(
        "--tta", default="none", help="test-time augmentation: none, flip or tencrop [none]"
    )
    evaluate.add_argument(
        "--pictures", type=out_folder, metavar="DIR", help="write confusion.png and reliability.png there"
    )
    evaluate.add_argument(
        "--ferplus", metavar="FILE", help="FER+'s fer2013new.csv: adds agreement with its ten raters"
    )
    evaluate.add_argument(
        "--record", action="store_true", help="store the result in the folder's config.json and card"
    )
    add_device(evaluate)
    add_json(evaluate)


def _add_compare(parsers: Any) -> None:
    compare = add_command(
        parsers, "compare", run_compare, "compare models on the same faces with paired tests"
    )
    add_model(compare, many=True, onnx=True)
    add_data(compare)
    compare.add_argument("--split", help="public, private, test, train or all [as eval]")
    add_peer(compare, "are compared too")
    add_device(compare)
    add_json(compare)


def _add_calibrate(parsers: Any) -> None:
    calibrate = add_command(
        parsers,
        "calibrate",
        run_calibrate,
        "fit a model's temperature, prior correction and batch-norm statistics to other faces",
    )
    add_model(calibrate)
    add_data(calibrate)
    add_labels(calibrate, "fit")
    calibrate.add_argument("--out", required=True, type=out_folder, metavar="DIR")
    add_device(calibrate)


def _add_ensemble(parsers: Any) -> None:
    ensemble = add_command(
        parsers,
        "ensemble",
        run_ensemble,
        "combine models by soft voting, with weights selected on PublicTest",
    )
    add_model(ensemble, many=True)
    add_data(ensemble)
    add_labels(ensemble, "choose by")
    ensemble.add_argument(
        "--out", default="runs/ensemble", type=out_folder, metavar="DIR", help="[runs/ensemble]"
    )
    ensemble.add_argument(
        "--by-name",
        action="store_true",
        help="store the members' names, not their weights (packaged models only)",
    )
    add_device(ensemble)


def run_eval(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.resolve import resolve
    from fer_zoo.data.fer2013 import find_source

    folder = resolve(arguments.model).path
    find_source(arguments.data)
    class_map = read_classes(arguments)
    check_ferplus("--ferplus", arguments.ferplus)
    from fer_zoo.artifacts.card import write_card
    from fer_zoo.evaluation.evaluate import evaluate_artifact
    from fer_zoo.evaluation.model_data import read_faces_for

    dataset, split = read_faces_for(folder, arguments.data, class_map)
    result = evaluate_artifact(
        folder,
        dataset,
        split=arguments.split or split,
        tta=arguments.tta,
        device=arguments.device,
        pictures=Path(arguments.pictures) if arguments.pictures else None,
        ferplus=Path(arguments.ferplus) if arguments.ferplus else None,
        record=arguments.record,
    )
    if arguments.record:
        write_card(folder)
    if arguments.json:
        print_json(result)
        return
    from fer_zoo.evaluation.metrics import format_evaluation

    print(format_evaluation(result))
    if arguments.pictures:
        print(f"Wrote confusion.png and reliability.png into {escape(arguments.pictures)}")


def run_compare(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.resolve import resolve
    from fer_zoo.data.fer2013 import find_source

    folders = [resolve(name).path for name in arguments.models]
    find_source(arguments.data)
    predict_peers = None
    if arguments.peer:
        from fer_zoo.bench.peer_process import check_python, predict_all_peers

        check_python(arguments.peer)
        predict_peers = partial(predict_all_peers, arguments.peer)
    from fer_zoo.evaluation.evaluate import compare_artifacts, format_comparison
    from fer_zoo.evaluation.model_data import read_faces_for

    dataset, split = read_faces_for(folders[0], arguments.data)
    result = compare_artifacts(
        folders,
        dataset,
        split=arguments.split or split,
        device=arguments.device,
        predict_peers=predict_peers,
    )
    if arguments.json:
        print_json(result)
    else:
        print(format_comparison(result))


def run_calibrate(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.artifact import read_config
    from fer_zoo.artifacts.resolve import resolve_folder
    from fer_zoo.data.fer2013 import find_source

    folder, out = resolve_folder(arguments.model), Path(arguments.out)
    _check_labels(arguments)
    find_source(arguments.data)
    from fer_zoo.data.ferplus import apply_label_source
    from fer_zoo.evaluation.batchnorm import describe_choice
    from fer_zoo.evaluation.model_data import read_aligned_faces
    from fer_zoo.evaluation.recalibration import calibrate_artifact

    dataset = read_aligned_faces(folder, arguments.data)
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

    out = Path(arguments.out)
    folders = [resolve_folder(name) for name in arguments.models]
    _check_labels(arguments)
    find_source(arguments.data)
    from fer_zoo.artifacts.card import write_card
    from fer_zoo.data.ferplus import apply_label_source
    from fer_zoo.evaluation.ensemble_selection import build_ensemble
    from fer_zoo.evaluation.model_data import read_aligned_faces

    dataset = read_aligned_faces(folders[0], arguments.data)
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


def _check_labels(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.ferplus import check_label_source

    check_label_source(arguments.labels, arguments.ferplus_csv)
    check_ferplus("--ferplus-csv", arguments.ferplus_csv)
