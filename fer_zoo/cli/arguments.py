"""What the commands share: the parser, flags that repeat, and JSON."""

import argparse
import codecs
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from fer_zoo.utils.files import as_utf8

if TYPE_CHECKING:
    from fer_zoo.data.class_map import ClassMap
    from fer_zoo.recipes.recipe import Recipe


class Parser(argparse.ArgumentParser):
    """Says what is wrong on one line, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def add_command(
    parsers: Any, name: str, run: Callable[[argparse.Namespace], None], description: str
) -> argparse.ArgumentParser:
    parser = parsers.add_parser(
        name, help=description, description=description[0].upper() + description[1:] + "."
    )
    parser.set_defaults(run=run)
    return parser


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="labeled faces: FER2013 as CSV, image folder or Parquet, or your own as <class>/* folders, as a "
        "CSV with path and label, or as Parquet; or hf://datasets/OWNER/NAME [FER_ZOO_DATA]",
    )


def add_classes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--merge",
        action="append",
        default=[],
        metavar="A,B=NEW",
        help="make one class of several, or rename one; repeatable",
    )
    parser.add_argument(
        "--drop", action="append", default=[], metavar="CLASS", help="leave a class out; repeatable"
    )
    parser.add_argument(
        "--classes",
        metavar="FILE",
        help='the same as TOML: lines such as disgust = "negative", and drop = []',
    )


def read_classes(arguments: argparse.Namespace) -> "ClassMap":
    """What --merge, --drop and --classes say. Raises DataError."""
    from fer_zoo.data.class_map import read_class_map

    return read_class_map(arguments.merge, arguments.drop, arguments.classes)


def add_model(parser: argparse.ArgumentParser, many: bool = False, onnx: bool = False) -> None:
    """The `model`, or the `models` where there are many. onnx: whether a file in that form is one."""
    metavar = "NAME|DIR|FILE.onnx" if onnx else "NAME|DIR"
    help_text = "a packaged model's name, a run's folder, or OWNER/NAME[@REVISION] of the Hugging Face Hub"
    if many:
        parser.add_argument("models", nargs="+", metavar=metavar, help=help_text)
    else:
        parser.add_argument("model", metavar=metavar, help=help_text)


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print exactly one JSON value")


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1 ... [auto]")


def add_peer(parser: argparse.ArgumentParser, what: str) -> None:
    """what: happens to those packages."""
    parser.add_argument(
        "--peer",
        metavar="PYTHON",
        help=f"a Python whose packages fer, deepface, hsemotion-onnx and rmn, where installed, {what}",
    )


def add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="K=V", help="change one recipe setting; repeatable"
    )


def read_recipe(arguments: argparse.Namespace, default: str) -> "Recipe":
    """The recipe of --recipe, else the default one, as --set changes it, and --epochs after that."""
    from fer_zoo.recipes.recipe import load_recipe

    epochs = [] if arguments.epochs is None else [f"epochs={arguments.epochs}"]
    return load_recipe(arguments.recipe or default, [*arguments.set, *epochs])


def add_labels(parser: argparse.ArgumentParser, action: str) -> None:
    """action: what the command does with the labels, as a verb."""
    parser.add_argument(
        "--labels",
        choices=["fer2013", "ferplus", "both"],
        default="fer2013",
        help=f"{action} FER2013's labels, the vote fractions of FER+'s ten raters, or the mean of both "
        "[fer2013]",
    )
    parser.add_argument(
        "--ferplus-csv", metavar="FILE", help="FER+'s fer2013new.csv, for --labels ferplus or both"
    )


def out_folder(text: str) -> str:
    """The type of an argument that names a folder to write into: before any work, a file there is refused."""
    for path in (Path(text), *Path(text).parents):
        if path.exists() and not path.is_dir():
            raise argparse.ArgumentTypeError(f"{str(path)!r} is a file, not a folder: name another folder")
    return text


def add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")


def whole(low: int, high: int = 2**31 - 1) -> Callable[[str], int]:
    """The type of an argument that is a whole number from low to high."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text[:60]!r} is not a whole number from {low:,} to {high:,}")
        return value

    return read


def names(text: str) -> list[str]:
    """One or more, separated by commas."""
    return [name for name in text.split(",") if name]


count = whole(1)
seed = whole(0)  # as every library's generator takes it


def positive(text: str) -> float:
    value = _read_number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not a number above 0")
    return value


def duration(text: str) -> float:
    """In seconds."""
    value = _read_number(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not a duration of 0 seconds or more")
    return value


def _read_number(text: str) -> float:
    """NaN, which is in no range, for what is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def print_json(value: Any) -> None:
    """In the letters that standard output can hold; others become JSON's own escapes."""
    narrow = codecs.lookup(sys.stdout.encoding or "utf-8").name != "utf-8"
    print(as_utf8(json.dumps(value, ensure_ascii=narrow)))
