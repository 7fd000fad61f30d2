"""What the commands share: the parser, flags that repeat, checks of files, and what is printed at the end."""

import argparse
import codecs
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from fer_zoo.errors import FerZooError
from fer_zoo.utils.files import as_utf8

if TYPE_CHECKING:
    from fer_zoo.data.class_map import ClassMap
    from fer_zoo.recipes.recipe import Recipe


class Parser(argparse.ArgumentParser):
    """Says what is wrong on one line, without the usage in front of it, and adds what commands share."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def add_data(self) -> None:
        self.add_argument(
            "--data",
            metavar="PATH",
            help="labeled faces: FER2013 as CSV, image folder or Parquet, or your own as <class>/* folders, "
            "as a CSV with path and label, or as Parquet; or hf://datasets/OWNER/NAME [FER_ZOO_DATA]",
        )

    def add_classes(self) -> None:
        self.add_argument(
            "--merge",
            action="append",
            default=[],
            metavar="A,B=NEW",
            help="make one class of several, or rename one; repeatable",
        )
        self.add_argument(
            "--drop", action="append", default=[], metavar="CLASS", help="leave a class out; repeatable"
        )
        self.add_argument(
            "--classes",
            metavar="FILE",
            help='the same as TOML: lines such as disgust = "negative", and drop = []',
        )

    def add_model(self, many: bool = False, onnx: bool = False) -> None:
        """The `model`, or the `models` where there are many. onnx: whether a file in that form is one."""
        metavar = "NAME|DIR|FILE.onnx" if onnx else "NAME|DIR"
        options: dict[str, Any] = {"nargs": "+"} if many else {}
        self.add_argument(
            "models" if many else "model",
            metavar=metavar,
            help="a packaged model's name, a run's folder, or OWNER/NAME[@REVISION] of the Hugging Face Hub",
            **options,
        )

    def add_models(self, help_text: str, **options: Any) -> None:
        self.add_argument("--models", metavar="A,B", help=help_text, **{"type": names, **options})

    def add_json(self) -> None:
        self.add_argument("--json", action="store_true", help="print exactly one JSON value")

    def add_device(self) -> None:
        self.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1 ... [auto]")

    def add_peer(self, what: str) -> None:
        """what: happens to those packages."""
        self.add_argument(
            "--peer",
            metavar="PYTHON",
            help=f"a Python whose packages fer, deepface, hsemotion-onnx and rmn, where installed, {what}",
        )

    def add_ferplus(self, what: str) -> None:
        """what: the command does with that file."""
        self.add_argument("--ferplus", type=input_file, metavar="FILE", help=f"FER+'s fer2013new.csv: {what}")

    def add_out(self, help_text: str | None = None, **options: Any) -> None:
        """The folder to write into; before any work, a file there is refused."""
        self.add_argument("--out", type=out_folder, metavar="DIR", help=help_text, **options)

    def add_set(self) -> None:
        self.add_argument(
            "--set", action="append", default=[], metavar="K=V", help="change one recipe setting; repeatable"
        )

    def add_labels(self, action: str) -> None:
        """action: what the command does with the labels, as a verb."""
        self.add_argument(
            "--labels",
            choices=["fer2013", "ferplus", "both"],
            default="fer2013",
            help=f"{action} FER2013's labels, the vote fractions of FER+'s ten raters, or the mean of both "
            "[fer2013]",
        )
        self.add_argument(
            "--ferplus-csv", metavar="FILE", help="FER+'s fer2013new.csv, for --labels ferplus or both"
        )

    def add_force(self) -> None:
        self.add_argument("--force", action="store_true", help="overwrite an existing file")


def add_command(
    parsers: Any, name: str, run: Callable[[argparse.Namespace], None], description: str
) -> Parser:
    parser: Parser = parsers.add_parser(
        name, help=description, description=description[0].upper() + description[1:] + "."
    )
    parser.set_defaults(run=run)
    return parser


def read_classes(arguments: argparse.Namespace) -> "ClassMap":
    """What --merge, --drop and --classes say. Raises DataError."""
    from fer_zoo.data.class_map import read_class_map

    return read_class_map(arguments.merge, arguments.drop, arguments.classes)


def read_recipe(arguments: argparse.Namespace, default: str) -> "Recipe":
    """The recipe of --recipe, else the default one, as --set changes it, and --epochs after that."""
    from fer_zoo.recipes.recipe import load_recipe

    epochs = [] if arguments.epochs is None else [f"epochs={arguments.epochs}"]
    return load_recipe(arguments.recipe or default, [*arguments.set, *epochs])


def check_labels(arguments: argparse.Namespace) -> None:
    """Raises UnknownNameError, DataError, FerZooError for --labels and --ferplus-csv that do not fit."""
    from fer_zoo.data.ferplus import check_label_source

    check_label_source(arguments.labels, arguments.ferplus_csv)
    check_ferplus("--ferplus-csv", arguments.ferplus_csv)


def check_file(option: str, path: str | Path | None, what: str) -> None:
    """Raises FerZooError where a file that an option names is not there, before torch is loaded."""
    if path and not Path(path).expanduser().is_file():
        found = "that is a folder" if Path(path).expanduser().is_dir() else "there is no such file"
        raise FerZooError(f"{option} got {str(path)!r}, but {found}: give {what}.")


def check_ferplus(option: str, path: str | Path | None) -> None:
    check_file(option, path, "FER+'s fer2013new.csv, from github.com/microsoft/FERPlus")


def check_exclude(path: str | None) -> None:
    check_file("--exclude", path, "a CSV with the columns split,index, as fer-zoo data audit writes it")


def input_name(text: str) -> str:
    """The type of an argument that names files: an empty one, as a variable that is not set, would be the
    folder in which the command runs.
    """
    if not text:
        raise argparse.ArgumentTypeError("an empty name: give a file or a folder ('.' is this one)")
    return text


def input_file(text: str) -> Path:
    return Path(input_name(text))


def out_folder(text: str) -> Path:
    """The type of an argument that names a folder to write into: a file there is refused."""
    folder = Path(input_name(text))
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise argparse.ArgumentTypeError(f"{str(path)!r} is a file, not a folder: name another folder")
    return folder


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
    found = [name for name in text.split(",") if name]
    if not found:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} names nothing: give names separated by commas")
    return found


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


def print_result(arguments: argparse.Namespace, result: Any, format_text: Callable[[Any], str]) -> None:
    """As JSON where --json asks for it, else as text."""
    if arguments.json:
        print_json(result)
    else:
        print(format_text(result))


def format_next(arguments: argparse.Namespace, *words: object) -> str:
    """`Next: fer-zoo ...` as a person can paste it, with the --data, the votes and the --device that this
    command was given: what the environment gave, it gives to the next command too.
    """
    given: list[object] = ["--data", arguments.data] if arguments.data else []
    if words[0] == "eval" and getattr(arguments, "ferplus_csv", None):
        given += ["--ferplus", arguments.ferplus_csv]
    if getattr(arguments, "device", "auto") != "auto":
        given += ["--device", arguments.device]
    return f"Next: {format_command('fer-zoo', *words, *given)}"


def format_command(*words: object) -> str:
    """A command with the quotation marks of the system's shell: Windows' knows none but double ones."""
    given = [str(word) for word in words]
    if sys.platform == "win32":
        from subprocess import list2cmdline

        return list2cmdline(given)
    return shlex.join(given)


@contextmanager
def explain_stop(message: str) -> Iterator[None]:
    """Ctrl-C ends with a line on stderr and exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"\nStopped. {message}", file=sys.stderr)
        raise SystemExit(130) from None
