"""Measure the speed of training and of prediction on this machine."""

import argparse
import os
from typing import Any

from fer_zoo.commands.parts import Parser, add_command, add_data, add_device, add_json, count, print_json


def add_parsers(parsers: Any) -> None:
    bench = parsers.add_parser("bench", help="measure the speed of this machine")
    inner = bench.add_subparsers(
        dest="bench_command", required=True, metavar="train|predict", parser_class=Parser
    )
    train = add_command(inner, "train", run_bench_train, "our trainer and the tutorial's loop, taking turns")
    train.add_argument("--arch", default="cnn-baseline", metavar="A", help="[cnn-baseline]")
    add_data(train)
    train.add_argument("--steps", type=count, default=40, metavar="N", help="in a round [40]")
    train.add_argument("--rounds", type=count, default=3, metavar="N", help="of which the median counts [3]")
    train.add_argument("--workers", type=int, default=2, metavar="N", help="of the tutorial's DataLoader [2]")
    add_device(train)
    add_json(train)
    predict = add_command(inner, "predict", run_bench_predict, "from a photo to probabilities, step by step")
    predict.add_argument("--models", metavar="A,B", help="names or folders [all that come with the package]")
    predict.add_argument("--photo", metavar="FILE", help="[six drawn faces]")
    predict.add_argument("--repeats", type=count, default=20, metavar="N", help="of each call [20]")
    predict.add_argument(
        "--peer",
        metavar="PYTHON",
        help="of another environment: the packages fer and deepface, as far as installed there, take turns "
        "with the first model",
    )
    add_json(predict)


def run_bench_train(arguments: argparse.Namespace) -> None:
    from fer_zoo.bench.training import compare_training, format_training
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.progress import track

    given = arguments.data or os.environ.get("FER_ZOO_DATA")
    faces = read_fer2013(given).training if given else None
    with track("taking turns") as progress:
        result = compare_training(
            arguments.arch,
            faces,
            steps=arguments.steps,
            rounds=arguments.rounds,
            workers=arguments.workers,
            device=arguments.device,
            progress=progress,
        )
    if arguments.json:
        print_json(result)
    else:
        print(format_training(result))


def run_bench_predict(arguments: argparse.Namespace) -> None:
    from fer_zoo.artifact import list_embedded
    from fer_zoo.bench.peers import format_peers, measure_peers
    from fer_zoo.bench.prediction import format_prediction, measure_prediction
    from fer_zoo.progress import track

    models = arguments.models.split(",") if arguments.models else list(list_embedded())
    peers = None
    if arguments.peer:
        with track("taking turns") as progress:
            peers = measure_peers(
                arguments.peer, models[0], arguments.photo, repeats=arguments.repeats, progress=progress
            )
    with track("measuring") as progress:
        result = measure_prediction(models, arguments.photo, repeats=arguments.repeats, progress=progress)
    if peers:
        result["peers"] = peers
    if arguments.json:
        print_json(result)
        return
    print(format_prediction(result))
    if peers:
        print(format_peers(peers))
