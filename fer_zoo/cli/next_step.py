"""The next command, as a person can paste it."""

import argparse
import shlex


def format_next(arguments: argparse.Namespace, *words: object) -> str:
    """`Next: fer-zoo ...`, with the --data and --device that this command was given: what the environment
    gave, it gives to the next command too.
    """
    given: list[object] = ["--data", arguments.data] if arguments.data else []
    if getattr(arguments, "device", "auto") != "auto":
        given += ["--device", arguments.device]
    return f"Next: {shlex.join(str(word) for word in ('fer-zoo', *words, *given))}"
