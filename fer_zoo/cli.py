"""The command line. A user's mistake is one line on stderr and exit code 2."""

import sys
import warnings
from collections.abc import Sequence

from fer_zoo import __version__
from fer_zoo.commands import (
    bench,
    data,
    demo,
    evaluate,
    listing,
    predict,
    report,
    share,
    study,
    train,
    tune,
    video,
)
from fer_zoo.commands.parts import Parser
from fer_zoo.errors import FerZooError, escape


def build_parser() -> Parser:
    parser = Parser(prog="fer-zoo", description="Facial-expression models for FER2013.")
    parser.add_argument("--version", action="version", version=f"fer-zoo {__version__}")
    parsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for module in (listing, data, train, tune, study, evaluate, report, predict, video, share, demo, bench):
        module.add_parsers(parsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `fer-zoo`. Exit code 2 for a user's mistake, 130 after Ctrl-C."""
    options = build_parser().parse_args(arguments)
    warnings.formatwarning = lambda message, *_, **__: f"fer-zoo: {escape(str(message))}\n"
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
