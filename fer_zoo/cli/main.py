"""The command line. A user's mistake is one line on stderr and exit code 2."""

import errno
import io
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from fer_zoo._version import __version__
from fer_zoo.cli import completion_command
from fer_zoo.cli.arguments import Parser
from fer_zoo.errors import FerZooError, escape
from fer_zoo.utils.files import name_reason

# Modules in the order of --help. `evaluate` has compare, calibrate and ensemble too, `share` export and push.
COMMANDS = (
    "list",
    "data",
    "train",
    "tune",
    "study",
    "evaluate",
    "report",
    "predict",
    "video",
    "share",
    "demo",
    "bench",
)


def build_parser() -> Parser:
    parser = Parser(prog="fer-zoo", description="Facial-expression models for FER2013.")
    parser.add_argument("--version", action="version", version=f"fer-zoo {__version__}")
    parsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name in COMMANDS:
        import_module(f"fer_zoo.cli.{name}_command").add_parsers(parsers)
    completion_command.add_parsers(parsers, parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `fer-zoo`. Exit code 2 for a user's mistake or a full disk, 130 after Ctrl-C."""
    _escape_what_the_console_lacks()
    told: set[str] = set()
    warnings.formatwarning = lambda message, *_, **__: _tell_once(escape(str(message)), told)
    try:
        options = build_parser().parse_args(arguments)
        options.run(options)
        sys.stdout.flush()
    except FerZooError as error:
        print(f"fer-zoo: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:
        _drop_output()
        raise SystemExit(1) from None
    except OSError as error:
        _drop_output()
        print(f"fer-zoo: {_explain(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _tell_once(message: str, told: set[str]) -> str:
    """Python forgets what it has warned of when a library changes the filters, as torch's import does."""
    is_new = message not in told
    told.add(message)
    return f"fer-zoo: {message}\n" if is_new else ""


def _escape_what_the_console_lacks() -> None:
    r"""A name of a file in letters that are not in the console's code page is printed as \xe9 and so on."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _explain(error: OSError) -> str:
    """One line on what the system refuses."""
    where = f"{str(error.filename)!r}: " if error.filename else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    advice = "Make room there, or write elsewhere." if full else "Check the path and its permissions."
    return f"{escape(where + name_reason(error))}. {advice}"


def _drop_output() -> None:
    """Python would try once more to write what is left when it ends, and print a traceback."""
    with suppress(OSError, ValueError):  # a stand-in for standard output has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
