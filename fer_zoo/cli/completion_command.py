"""Print a shell's script that completes commands, options, names of models, and paths."""

import argparse
from collections.abc import Iterable
from functools import partial
from typing import Any

from fer_zoo.cli.argparse_private import list_commands
from fer_zoo.cli.arguments import add_command

SHELLS = ("bash", "zsh", "tcsh")
PATHS = ("FILE", "DIR", "PATH", "PHOTO", "OUT", "START", "RUN")  # beginnings of the metavars of paths
# Functions of the script for bash: $1 is what has been typed of the word.
BASH_NAMES = '{function}() {{ compgen -W "{names}" -- $1; {paths} }}\n'


def add_parsers(parsers: Any, root: argparse.ArgumentParser) -> None:
    """root: whose commands the script completes."""
    run = partial(run_completion, root)
    completion = add_command(parsers, "completion", run, "print a script that completes commands in a shell")
    completion.add_argument("shell", choices=SHELLS, help='bash: eval "$(fer-zoo completion bash)"')


def run_completion(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    import shtab

    for action in (action for _, actions in list_commands(parser) for action in actions):
        if how := _find_completion(action):
            action.complete = how  # type: ignore[attr-defined]  # where shtab looks for it
    complete: Any = shtab.complete  # its annotation of preamble is too narrow
    print(complete(parser, arguments.shell, preamble={"bash": _define_functions()}))


def _find_completion(action: argparse.Action) -> dict[str, Any] | None:
    import shtab

    metavar = str(action.metavar or "")
    if action.dest == "arch":
        return {"bash": "_fer_zoo_architectures"}
    if metavar.startswith("NAME|") or action.dest == "models":
        return {**shtab.FILE, "bash": "_fer_zoo_models"}
    if metavar == "DIR":
        return shtab.DIRECTORY
    return shtab.FILE if metavar.startswith(PATHS) else None


def _define_functions() -> str:
    from fer_zoo.artifacts.artifact import list_embedded
    from fer_zoo.models.registry import ARCHITECTURES

    names: dict[str, tuple[Iterable[str], str]] = {
        "_fer_zoo_models": (list_embedded(), "compgen -f -- $1;"),
        "_fer_zoo_architectures": (ARCHITECTURES, ""),
    }
    return "".join(
        BASH_NAMES.format(function=function, names=" ".join(words), paths=paths)
        for function, (words, paths) in names.items()
    )
