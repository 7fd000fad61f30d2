"""Find the faces of photos and score them."""

import argparse
import sys
from typing import Any

from fer_zoo.commands.parts import add_command, add_json, print_json


def add_parsers(parsers: Any) -> None:
    predict = add_command(parsers, "predict", run_predict, "find the faces in photos and score each")
    predict.add_argument("photos", nargs="+", metavar="PHOTO|FOLDER|GLOB")
    predict.add_argument(
        "--models", default="cnn-baseline", metavar="A,B", help="names or folders [cnn-baseline]"
    )
    predict.add_argument("--whole", action="store_true", help="take the whole picture as the face")
    add_json(predict)


def run_predict(arguments: argparse.Namespace) -> None:
    from fer_zoo.photos import expand_paths
    from fer_zoo.recognition.recognizer import Recognizer, format_recognition

    recognizer = Recognizer(arguments.models.split(","))
    results, broken = [], 0
    for result in recognizer.recognize_many(expand_paths(arguments.photos), whole=arguments.whole):
        if "error" in result:
            broken += 1
            print(f"fer-zoo: {result['error']}", file=sys.stderr)
        elif not result["faces"]:
            print(
                f"fer-zoo: no face found in {result['image']}; --whole takes the whole picture as the face.",
                file=sys.stderr,
            )
        results.append(result)
        if not arguments.json and "error" not in result:
            print(format_recognition(result))
    if arguments.json:
        print_json(results)
    if broken:
        raise SystemExit(2)
