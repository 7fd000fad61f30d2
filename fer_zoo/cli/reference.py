"""The reference of commands and Python names, made from the code by `python -m fer_zoo.cli.reference`."""

import argparse
import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fer_zoo
from fer_zoo.cli.main import build_parser
from fer_zoo.utils.files import write_text

PLACE = Path(__file__).parents[1] / "docs" / "reference.md"
HEAD = """\
# Reference

Made from the code by `python -m fer_zoo.cli.reference`; a test compares. The [README](../../README.md) tells
when to use what.
"""


def build_reference() -> str:
    """Markdown: every command with its arguments, then every public name with its signature and docstring."""
    commands = [_describe_command(parser) for parser in _list_commands(build_parser())]
    names = [_describe_name(name) for name in fer_zoo.__all__]
    return "\n".join([HEAD, "## Commands\n", *commands, "## Python\n", *names])


def _list_commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Those that run, in the order of --help; argparse has no public door to its subparsers."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield parser
    for action in inner:
        for command in action.choices.values():
            yield from _list_commands(command)


def _describe_command(parser: argparse.ArgumentParser) -> str:
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    rows = [f"| `{_spell(action)}` | {_escape(action.help or '')} |" for action in actions]
    table = ["| argument | meaning |", "|---|---|", *rows, ""] if rows else []
    return "\n".join([f"### `{parser.prog}`\n", f"{parser.description}\n", *table])


def _spell(action: argparse.Action) -> str:
    """`--split SPLIT`, `{a,b}` or `NAME`, a `...` behind what may be repeated."""
    value = action.metavar or (
        f"{{{','.join(map(str, action.choices))}}}" if action.choices else action.dest.upper()
    )
    many = " ..." if action.nargs in ("+", "*") else ""
    if not action.option_strings:
        return _escape(f"{value}{many}")
    name = ", ".join(action.option_strings)
    required = " (required)" if action.required else ""
    return _escape(name if action.nargs == 0 else f"{name} {value}{many}{required}")


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def _describe_name(name: str) -> str:
    value = getattr(fer_zoo, name)
    if inspect.isclass(value):
        return _describe_class(name, value)
    if inspect.isfunction(value):
        return f"### `{name}`\n\n{_block(value)}"
    if inspect.ismodule(value):
        return f"### `{name}`\n\n{inspect.getdoc(value)}\n"
    return f"### `{name}`\n\n```python\n{value!r}\n```\n"


def _describe_class(name: str, value: type) -> str:
    own = vars(value)
    parts = [f"### `{name}`\n", f"{inspect.getdoc(value)}\n"]
    if inspect.isfunction(own.get("__init__")):
        parts.append(_signature(own["__init__"], name))
    for key, member in own.items():
        if key.startswith("_"):
            continue
        if isinstance(member, property):
            parts.append(f"#### `{name}.{key}`\n\n{inspect.getdoc(member)}\n")
        elif inspect.isfunction(function := inspect.unwrap(getattr(member, "__func__", member))):
            parts.append(f"#### `{name}.{key}`\n\n{_block(function)}")
    return "\n".join(parts)


def _block(function: Any) -> str:
    return f"{_signature(function, function.__name__)}\n{inspect.getdoc(function)}\n"


def _signature(function: Any, name: str) -> str:
    """From the source, because the text of annotations differs between versions of Python."""
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(node, ast.FunctionDef)
    node.args.args = [argument for argument in node.args.args if argument.arg not in ("self", "cls")]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns and node.name != "__init__" else ""
    return f"```python\n{name}({ast.unparse(node.args)}){returns}\n```\n"


if __name__ == "__main__":
    write_text(PLACE, build_reference())
