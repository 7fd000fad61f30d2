"""Find the faces of photos and score them."""

import argparse
import sys
from typing import Any

from fer_zoo.cli.arguments import add_command, add_device, add_json, out_folder, print_json
from fer_zoo.errors import escape


def add_parsers(parsers: Any) -> None:
    predict = add_command(parsers, "predict", run_predict, "find the faces in photos and score each")
    predict.add_argument(
        "photos", nargs="+", metavar="PHOTO|FOLDER|GLOB", help="with --out also Parquet files of pictures"
    )
    predict.add_argument(
        "--models", default="cnn-baseline", metavar="A,B", help="names or folders [cnn-baseline]"
    )
    predict.add_argument("--whole", action="store_true", help="take the whole picture as the face")
    predict.add_argument(
        "--out",
        type=out_folder,
        metavar="DIR",
        help="for very many pictures: write Parquet in parts; the same command resumes where it stopped",
    )
    add_device(predict)
    add_json(predict)


def run_predict(arguments: argparse.Namespace) -> None:
    """Names and paths are checked before torch is imported, which takes seconds."""
    from pathlib import Path

    from fer_zoo.recognition.recognizer import Recognizer, format_recognition
    from fer_zoo.utils.devices import pick_device
    from fer_zoo.utils.images import expand_paths

    recognizer = Recognizer(arguments.models.split(","))
    if arguments.out:
        expand_paths([name for name in arguments.photos if not Path(name).exists()])
        _predict_into(arguments)
        return
    paths, device = expand_paths(arguments.photos), pick_device(arguments.device)
    for model in recognizer.models.values():
        model.to(device)
    results, broken = [], 0
    for result in recognizer.recognize_many(paths, whole=arguments.whole):
        if "error" in result:
            broken += 1
            print(f"fer-zoo: {result['error']}", file=sys.stderr)
        elif not result["faces"]:
            name = escape(result["image"])
            print(f"fer-zoo: no face found in {name}; --whole takes the whole picture.", file=sys.stderr)
        results.append(result)
        if not arguments.json and "error" not in result:
            print(format_recognition(result))
    if arguments.json:
        print_json(results)
    if broken:
        raise SystemExit(2)


def _predict_into(arguments: argparse.Namespace) -> None:
    from dataclasses import asdict
    from pathlib import Path

    from fer_zoo.recognition.batch import format_summary, predict_into
    from fer_zoo.utils.progress import track

    out = Path(arguments.out)
    try:
        with track("pictures") as progress:
            summary = predict_into(
                arguments.photos,
                out,
                arguments.models.split(","),
                whole=arguments.whole,
                device=arguments.device,
                progress=progress,
            )
    except KeyboardInterrupt:
        print("\nStopped. The finished parts are stored; run the same command to resume.", file=sys.stderr)
        raise SystemExit(130) from None
    if arguments.json:
        print_json({"out": str(out), **asdict(summary)})
    else:
        print(format_summary(summary, out))
