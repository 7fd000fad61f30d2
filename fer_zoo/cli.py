"""The command line: a thin layer over the library. A user's mistake is one line on stderr and exit code 2."""

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from fer_zoo import __version__
from fer_zoo.errors import FerZooError


class Parser(argparse.ArgumentParser):
    """Says what is wrong on one line, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False))


def run_list(arguments: argparse.Namespace) -> None:
    from fer_zoo.hub import list_models

    rows = list_models()
    if arguments.json:
        _print_json(rows)
        return
    print(
        f"{'name':<20}{'family':<14}{'params':>8}{'input':>8}{'PrivateTest':>14}{'95 % interval':>16}  note"
    )
    for row in rows:
        score = row["metrics"].get("private")
        accuracy = f"{score['accuracy']:.1%}" if score else "-"
        interval = "{:.1%} - {:.1%}".format(*score["accuracy_ci95"]) if score else "-"
        size = f"{row['input_size']} px"
        print(
            f"{row['name']:<20}{row['family']:<14}{row['params'] / 1e6:>6.1f} "
            f"M{size:>8}{accuracy:>14}{interval:>16}  "
            f"{row['note']}"
        )
    print(
        '\nA model with a figure loads by name: fer_zoo.load("cnn-baseline"). The others: '
        "fer-zoo train --arch NAME"
    )


def run_data_info(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.data.quality import describe, format_description

    description = describe(read_fer2013(arguments.data))
    if arguments.json:
        _print_json(description)
    else:
        print(format_description(description))


def run_data_show(arguments: argparse.Namespace) -> None:
    import numpy as np

    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.data.pictures import draw_grid, draw_histogram

    dataset = read_fer2013(arguments.data)
    folder = Path(arguments.out)
    folder.mkdir(parents=True, exist_ok=True)
    draw_histogram(dataset, folder / "classes.png")
    generator = np.random.default_rng(arguments.seed)
    draw_grid(dataset, arguments.split, folder / "faces.png", generator=generator)
    print(f"Wrote {folder / 'classes.png'} and {folder / 'faces.png'}")


def run_data_synth(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.synthetic import write_synthetic

    path = Path(arguments.out)
    write_synthetic(path, count=arguments.count, seed=arguments.seed)
    print(
        f"Wrote {arguments.count} drawn faces. Next: fer-zoo train --arch cnn-baseline --data "
        f"{path} --epochs 5"
    )


def run_train(arguments: argparse.Namespace) -> None:
    from fer_zoo.cards import write_card
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.recipes.recipe import load_recipe
    from fer_zoo.registry import find_architecture
    from fer_zoo.training.trainer import fit

    row = find_architecture(arguments.arch)
    changes = list(arguments.set)
    if arguments.epochs is not None:
        changes.append(f"epochs={arguments.epochs}")
    recipe = load_recipe(arguments.recipe or row.recipe, changes)
    folder = Path(arguments.out or f"runs/{row.name}")
    dataset = read_fer2013(arguments.data)
    try:
        result = fit(
            row.name,
            dataset,
            recipe,
            out=folder,
            seed=arguments.seed,
            device=arguments.device,
            pretrained=arguments.pretrained,
            resume=arguments.resume,
        )
    except KeyboardInterrupt:
        print(
            "\nStopped. The finished epochs are kept: run the same command with --resume to go on.",
            file=sys.stderr,
        )
        raise SystemExit(130) from None
    write_card(folder)
    print(
        f"{row.name}: best epoch {result.best_epoch} of {result.epochs}, PublicTest "
        f"{result.public_accuracy:.2%}, "
        f"temperature {result.temperature:.2f}, {result.seconds / 60:.1f} minutes. Pictures and "
        f"weights: {folder}\n"
        f"Next: fer-zoo eval {folder} --split private"
    )


def run_eval(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.evaluation.report import evaluate_artifact
    from fer_zoo.hub import find_artifact

    folder = find_artifact(arguments.model)
    result = evaluate_artifact(
        folder,
        read_fer2013(arguments.data),
        split=arguments.split,
        tta=arguments.tta,
        device=arguments.device,
        pictures=Path(arguments.pictures) if arguments.pictures else None,
        record=arguments.record,
    )
    if arguments.json:
        _print_json(result)
        return
    from fer_zoo.evaluation.metrics import format_evaluation

    print(format_evaluation(result))


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
        _print_json(results)
    if broken:
        raise SystemExit(2)


def run_compare(arguments: argparse.Namespace) -> None:
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.evaluation.report import compare_artifacts, format_comparison
    from fer_zoo.hub import find_artifact

    folders = [find_artifact(name) for name in arguments.models]
    result = compare_artifacts(
        folders, read_fer2013(arguments.data), split=arguments.split, device=arguments.device
    )
    if arguments.json:
        _print_json(result)
    else:
        print(format_comparison(result))


def run_export(arguments: argparse.Namespace) -> None:
    from fer_zoo.export import export_artifact
    from fer_zoo.hub import find_artifact

    path = export_artifact(find_artifact(arguments.model), Path(arguments.out), half=arguments.half)
    print(f"Wrote {path}")


def run_card(arguments: argparse.Namespace) -> None:
    from fer_zoo.cards import build_card
    from fer_zoo.hub import find_artifact

    print(build_card(find_artifact(arguments.model)))


def run_demo(arguments: argparse.Namespace) -> None:
    from fer_zoo.demo import launch_demo

    launch_demo(port=arguments.port, open_browser=arguments.open)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="FER2013 as CSV, image folder or Parquet, or a folder that holds it [FER_ZOO_DATA]",
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print exactly one JSON value")


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1 ... [auto]")


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return value


def _add_data_commands(commands: Any) -> None:
    data = commands.add_parser("data", help="look at FER2013, or draw a stand-in for it")
    inner = data.add_subparsers(
        dest="data_command", required=True, metavar="info|show|synth", parser_class=Parser
    )
    info = _add_command(
        inner, "info", run_data_info, "counts per split and class, duplicates, blanks, conflicts"
    )
    _add_data(info)
    _add_json(info)
    show = _add_command(inner, "show", run_data_show, "class histogram and a grid of random faces as PNG")
    _add_data(show)
    show.add_argument("--split", default="train", help="train, public, private or test [train]")
    show.add_argument(
        "--out", default="data-pictures", metavar="DIR", help="folder of the pictures [data-pictures]"
    )
    show.add_argument("--seed", type=int, default=0, help="which faces [0]")
    synth = _add_command(
        inner, "synth", run_data_synth, "drawn faces in FER2013's CSV form: no download needed"
    )
    synth.add_argument("out", metavar="FILE.csv", help="the CSV to write")
    synth.add_argument("--count", type=_count, default=3500, help="number of faces [3500]")
    synth.add_argument("--seed", type=int, default=0, help="which faces [0]")


def _add_train(commands: Any) -> None:
    train = _add_command(commands, "train", run_train, "train an architecture and write its artifact")
    train.add_argument(
        "--arch", required=True, metavar="A", help="a name of fer-zoo list, such as efficientnet_b0"
    )
    _add_data(train)
    train.add_argument("--recipe", metavar="R", help="a recipe's name or TOML file [the architecture's own]")
    train.add_argument("--out", metavar="DIR", help="folder of the run [runs/ARCH]")
    train.add_argument("--epochs", type=_count, metavar="N", help="instead of the recipe's")
    train.add_argument(
        "--pretrained",
        nargs="?",
        const=True,
        default=False,
        metavar="FILE",
        help="start from ImageNet weights: from the Hub, or from a safetensors file in timm's naming",
    )
    _add_device(train)
    train.add_argument("--seed", type=int, default=0, metavar="S", help="[0]")
    train.add_argument(
        "--set", action="append", default=[], metavar="K=V", help="change a recipe setting; repeatable"
    )
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")


def _add_evaluation(commands: Any) -> None:
    evaluate = _add_command(commands, "eval", run_eval, "measure a model on a split of FER2013")
    evaluate.add_argument("model", metavar="NAME|DIR")
    _add_data(evaluate)
    evaluate.add_argument(
        "--split", default="private", help="public, private, test (both) or train [private]"
    )
    evaluate.add_argument("--tta", default="none", help="views of a face: none, flip or tencrop [none]")
    evaluate.add_argument("--pictures", metavar="DIR", help="write confusion.png and reliability.png there")
    evaluate.add_argument(
        "--record", action="store_true", help="store the result in the folder's config.json"
    )
    _add_device(evaluate)
    _add_json(evaluate)
    compare = _add_command(commands, "compare", run_compare, "models side by side, with a paired test")
    compare.add_argument("models", nargs="+", metavar="NAME|DIR")
    _add_data(compare)
    compare.add_argument("--split", default="private", help="public, private, test or train [private]")
    _add_device(compare)
    _add_json(compare)


def _add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], None], description: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=description, description=description[0].upper() + description[1:] + "."
    )
    parser.set_defaults(run=run)
    return parser


def build_parser() -> Parser:
    parser = Parser(prog="fer-zoo", description="Facial-expression models for FER2013.")
    parser.add_argument("--version", action="version", version=f"fer-zoo {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    _add_json(
        _add_command(
            commands, "list", run_list, "the architectures, and the models that come with the package"
        )
    )
    _add_data_commands(commands)
    _add_train(commands)
    _add_evaluation(commands)
    predict = _add_command(commands, "predict", run_predict, "find the faces in photos and score each")
    predict.add_argument("photos", nargs="+", metavar="PHOTO|FOLDER|GLOB")
    predict.add_argument(
        "--models", default="cnn-baseline", metavar="A,B", help="names or folders [cnn-baseline]"
    )
    predict.add_argument("--whole", action="store_true", help="take the whole picture as the face")
    _add_json(predict)
    export = _add_command(
        commands, "export", run_export, "write a model's folder in another place or precision"
    )
    export.add_argument("model", metavar="NAME|DIR")
    export.add_argument("--format", choices=["safetensors"], default="safetensors")
    export.add_argument("--half", action="store_true", help="store 16-bit floating point: half the size")
    export.add_argument("--out", required=True, metavar="DIR")
    card = _add_command(commands, "card", run_card, "print a model's card")
    card.add_argument("model", metavar="NAME|DIR")
    demo = _add_command(commands, "demo", run_demo, "open the web demo on this machine")
    demo.add_argument("--port", type=int, default=7860, metavar="N", help="[7860]")
    demo.add_argument("--open", action="store_true", help="open the page in the browser")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `fer-zoo`. Exit code 2 for a user's mistake, 130 after Ctrl-C."""
    options = build_parser().parse_args(arguments)
    warnings.formatwarning = lambda message, *_, **__: f"fer-zoo: {message}\n"
    try:
        options.run(options)
    except FerZooError as error:
        print(f"fer-zoo: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
