"""Find the faces of photos and score them."""

import argparse
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fer_zoo.cli.arguments import add_command, explain_stop, input_name, out_folder, print_json
from fer_zoo.errors import FerZooError, escape
from fer_zoo.utils.progress import track

FAST_MODEL = "cnn-baseline"  # with --out: for millions of pictures, and what earlier jobs were started with


def add_parsers(parsers: Any) -> None:
    predict = add_command(parsers, "predict", run_predict, "find the faces in photos and score each")
    predict.add_argument(
        "photos",
        nargs="+",
        type=input_name,
        metavar="PHOTO|FOLDER|GLOB",
        help="with --out also Parquet files of pictures",
    )
    predict.add_models(f"names or folders [the ensemble; with --out {FAST_MODEL}]")
    predict.add_argument("--whole", action="store_true", help="take the whole picture as the face")
    predict.add_argument(
        "--annotate",
        type=out_folder,
        metavar="DIR",
        help="also write each photo there as PNG, with a box, an emotion and its percentage on each face",
    )
    predict.add_out(
        "for very many pictures: write Parquet in parts; the same command resumes where it stopped"
    )
    predict.add_device()
    predict.add_json()


def run_predict(arguments: argparse.Namespace) -> None:
    """Names and paths are checked before torch is imported, which takes seconds."""
    from fer_zoo.recognition.recognizer import Recognizer
    from fer_zoo.utils.devices import pick_device
    from fer_zoo.utils.images import expand_paths

    if arguments.out and arguments.annotate:
        raise FerZooError("--annotate and --out do not go together: leave one of them out.")
    models = arguments.models or [FAST_MODEL if arguments.out else _find_ensemble()]
    recognizer = Recognizer(models)
    if arguments.out:
        expand_paths([name for name in arguments.photos if not Path(name).exists()])
        _predict_into(arguments, models)
        return
    paths, device = expand_paths(arguments.photos), pick_device(arguments.device)
    for model in recognizer.models.values():
        model.to(device)
    results = _predict_each(recognizer, paths, arguments)
    if arguments.json:
        print_json(results)
    elif len(results) > 1:
        print(_summarize(results, recognizer.names[0]))
    if any("error" in result for result in results):
        raise SystemExit(2)


def _find_ensemble() -> str:
    """The default ensemble of the released weights."""
    from fer_zoo.models.weights import WEIGHTS

    return next(row.name for row in WEIGHTS.values() if row.members and row.is_default)


def _predict_each(recognizer: Any, paths: list[Path], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Every result, printed as it comes; what could not be read goes to stderr."""
    from fer_zoo.recognition.recognizer import format_recognition

    results: list[dict[str, Any]] = []
    drawn: set[str] = set()
    with track("pictures") as progress:
        for path, result in zip(paths, recognizer.recognize_many(paths, whole=arguments.whole), strict=True):
            results.append(result)
            if "error" in result:
                print(f"fer-zoo: {result['error']}", file=sys.stderr)
            elif not result["faces"]:
                name = escape(result["image"])
                print(f"fer-zoo: no face found in {name}; --whole takes the whole picture.", file=sys.stderr)
            if arguments.annotate and "error" not in result:
                _annotate(path, result, arguments.annotate, drawn)
            if not arguments.json and "error" not in result:
                print(format_recognition(result))
            progress(len(results), len(paths))
    return results


def _annotate(photo: Path, result: dict[str, Any], folder: Path, drawn: set[str]) -> None:
    """Write the photo with its answers by the first model. drawn: names in use; photos of two folders may
    share theirs.
    """
    from fer_zoo.artifacts.answer_table import find_top
    from fer_zoo.emotions import find_colors
    from fer_zoo.recognition.face_drawing import draw_faces
    from fer_zoo.utils.files import write_atomically

    boxes, labels, colors = [], [], []
    for number, face in enumerate(result["faces"], 1):
        named = next(iter(face["models"].values()))
        top = find_top(named)
        boxes.append(face["box"])
        beside = f"{number} " if len(result["faces"]) > 1 else ""  # as in the text
        labels.append(f"{beside}{top} {named[top]:.0%}")
        colors.append(find_colors(list(named))[list(named).index(top)])
    name, count = photo.stem, 1
    while name.lower() in drawn:  # some disks take A.png for a.png
        count += 1
        name = f"{photo.stem}-{count}"
    drawn.add(name.lower())
    image = draw_faces(photo, boxes, labels, colors)
    write_atomically(folder / f"{name}.png", lambda path: image.save(path, "PNG"))


def _summarize(results: list[dict[str, Any]], model: str) -> str:
    """One line: how many pictures and faces, and how often the model gave each answer."""
    from fer_zoo.artifacts.answer_table import find_top

    faces = [face for result in results for face in result["faces"]]
    tops = Counter(find_top(face["models"][model]) for face in faces)
    parts = [f"{len(results)} pictures, {len(faces)} face{'' if len(faces) == 1 else 's'}"]
    if tops:
        parts.append(f"{model}: " + ", ".join(f"{name} {count}" for name, count in tops.most_common()))
    if without := sum(not result["faces"] and "error" not in result for result in results):
        parts.append(f"no face in {without}")
    if broken := sum("error" in result for result in results):
        parts.append(f"not read: {broken}")
    return "; ".join(parts)


def _predict_into(arguments: argparse.Namespace, models: list[str]) -> None:
    from fer_zoo.recognition.batch import format_summary, predict_into

    out = arguments.out
    stopped = "The finished parts are stored; run the same command to resume."
    with explain_stop(stopped), track("pictures") as progress:
        summary = predict_into(
            arguments.photos,
            out,
            models,
            whole=arguments.whole,
            device=arguments.device,
            progress=progress,
        )
    if arguments.json:
        print_json({"out": str(out), **asdict(summary)})
    else:
        print(format_summary(summary, out))
