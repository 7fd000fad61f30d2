"""Benchmark training and prediction on this machine."""

import argparse
import os
from typing import Any

from fer_zoo.cli.arguments import Parser, add_command, count, positive, print_json, whole
from fer_zoo.errors import FerZooError


def add_parsers(parsers: Any) -> None:
    bench = parsers.add_parser("bench", help="measure the speed of this machine")
    inner = bench.add_subparsers(
        dest="bench_command", required=True, metavar="train|predict", parser_class=Parser
    )
    train = add_command(
        inner, "train", run_bench_train, "time our trainer and the tutorial's loop, interleaved"
    )
    train.add_argument("--arch", default="cnn-baseline", metavar="A", help="[cnn-baseline]")
    train.add_data()
    train.add_argument("--recipe", metavar="R", help="a recipe's name or TOML file [the architecture's own]")
    train.add_argument("--steps", type=count, default=40, metavar="N", help="steps in a round [40]")
    train.add_argument(
        "--rounds", type=count, default=3, metavar="N", help="rounds; the result is their median [3]"
    )
    train.add_argument(
        "--workers", type=whole(0), default=2, metavar="N", help="workers of the tutorial's DataLoader [2]"
    )
    train.add_argument(
        "--until",
        type=positive,
        metavar="PERCENT",
        help="also time the training on --data until PublicTest accuracy exceeds this",
    )
    train.add_device()
    train.add_json()
    predict = add_command(inner, "predict", run_bench_predict, "time each step from a photo to probabilities")
    predict.add_models("names or folders [all that come with the package]")
    predict.add_argument("--photo", metavar="FILE", help="an image file [six drawn faces]")
    predict.add_argument(
        "--repeats", type=count, default=20, metavar="N", help="calls of each kind to time [20]"
    )
    predict.add_peer("are timed too, interleaved with the first model")
    predict.add_json()


def run_bench_train(arguments: argparse.Namespace) -> None:
    from fer_zoo.bench.roofline import format_roofline, measure_roofline
    from fer_zoo.bench.time_to_accuracy import format_until, time_until
    from fer_zoo.bench.training_speed import build_benchmark, compare_training, format_training
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.evaluation.model_data import require_faces
    from fer_zoo.models.registry import find_architecture
    from fer_zoo.recipes.recipe import load_recipe

    given = arguments.data or os.environ.get("FER_ZOO_DATA")
    if arguments.until and not given:
        raise FerZooError("--until needs training faces; give FER2013 with --data PATH.")
    dataset = read_fer2013(given) if given else None
    if dataset:
        require_faces(dataset, "train", *(["public"] if arguments.until else []))
    benchmark = build_benchmark(
        arguments.arch,
        dataset.training if dataset else None,
        recipe=arguments.recipe,
        steps=arguments.steps,
        workers=arguments.workers,
        device=arguments.device,
    )
    result = compare_training(benchmark, rounds=arguments.rounds)
    result["floors"] = measure_roofline(benchmark, result["epoch_s"])
    if arguments.until and dataset:
        recipe = load_recipe(arguments.recipe or find_architecture(arguments.arch).recipe)
        result["until"] = time_until(
            benchmark.architecture, dataset, arguments.until, recipe, device=benchmark.device
        )
    if arguments.json:
        print_json(result)
        return
    print(format_training(result))
    print(format_roofline(result["floors"]))
    if "until" in result:
        print(format_until(result["until"]))


def run_bench_predict(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifacts.artifact import list_embedded
    from fer_zoo.artifacts.resolve import resolve_folder
    from fer_zoo.bench.peer_speed import format_peers, measure_peers
    from fer_zoo.bench.prediction_speed import format_prediction, measure_prediction

    models = arguments.models or list(list_embedded())
    for name in models:
        resolve_folder(name)  # a wrong one is refused before minutes of work
    peers = None
    if arguments.peer:
        peers = measure_peers(arguments.peer, models[0], arguments.photo, repeats=arguments.repeats)
    result = measure_prediction(models, arguments.photo, repeats=arguments.repeats)
    if peers:
        result["peers"] = peers
    if arguments.json:
        print_json(result)
        return
    print(format_prediction(result))
    if peers:
        print(format_peers(peers))
