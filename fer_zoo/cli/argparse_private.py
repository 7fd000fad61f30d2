"""What argparse has under private names alone, as seen in Python 3.10 to 3.14: a parser's commands."""

import argparse
from collections.abc import Iterator


def list_commands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[argparse.ArgumentParser, list[argparse.Action]]]:
    """The parsers of the commands that run, in the order of --help, each with its arguments."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield parser, [action for action in parser._actions if action.dest != "help"]
    for action in inner:
        for command in action.choices.values():
            yield from list_commands(command)
