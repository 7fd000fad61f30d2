"""Hooks of the site: README, cards and changelog are pages too, and links between files lead to pages."""

import html
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
from tutorial import NAMES, build_page

ROOT = Path(__file__).resolve().parents[1]
GUIDES = "fer_zoo/docs/"
PAGES = {"README.md": "index.md"}  # of the repository, by their name on the site
PAGES |= {name: name for name in ("CHANGELOG.md", "CONTRIBUTING.md")}
PAGES |= {f"{GUIDES}{name}.ipynb": f"{name}.md" for name in NAMES.values()}
CARDS = "model_cards"


def on_files(files: Files, config: Any) -> Files:
    """Adds what is outside the guides' folder."""
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        files.append(File.generated(config, PAGES[name], abs_src_path=str(ROOT / name)))
    shown = [path for path in sorted((ROOT / CARDS).rglob("*")) if path.is_file()]
    for path in [*shown, *sorted((ROOT / "space").glob("*.webp"))]:
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    cards = "\n".join(
        f"- [{path.stem}]({path.name})"
        for path in shown
        if path.parent.name == CARDS and path.suffix == ".md"
    )
    files.append(File.generated(config, f"{CARDS}/index.md", content=f"# Model cards\n\n{cards}\n"))
    for language, name in NAMES.items():
        files.append(File.generated(config, f"{name}.md", content=build_page(language)))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Rewrites links between files of the repository; one to a file without a page becomes plain text."""
    here = page.file.src_uri
    source = next((name for name, uri in PAGES.items() if uri == here), None)
    source = source or (here if here.startswith(CARDS) else f"{GUIDES}{here}")

    def rewrite(found: re.Match[str]) -> str:
        mark, text, target, anchor = found[1], found[2], found[3], found[4] or ""
        uri = find_uri(posixpath.normpath(posixpath.join(posixpath.dirname(source), target)))
        if uri is None or files.get_file_from_path(uri) is None:
            if not (ROOT / posixpath.dirname(source) / target).exists():
                return found[0]  # a broken link, which the strict build refuses
            return text
        return f"{mark}[{text}]({posixpath.relpath(uri, posixpath.dirname(here) or '.')}{anchor})"

    text = re.sub(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)", rewrite, markdown)
    return add_commands(text) if here == "api.md" else text


def find_uri(name: str) -> str | None:
    """The site's name of a file of the repository; of the cards' folder, its list."""
    if name == CARDS:
        return f"{CARDS}/index.md"
    return PAGES.get(name) or name.removeprefix(GUIDES)


def add_commands(markdown: str) -> str:
    """The reference of commands, with each argument, in place of their table."""
    from fer_zoo.cli.argparse_private import list_commands
    from fer_zoo.cli.main import build_parser

    sections = "\n".join(describe_command(*command) for command in list_commands(build_parser()))
    return re.sub(r"<!-- commands.*<!-- /commands -->", lambda _: sections, markdown, flags=re.DOTALL)


def describe_command(parser: Any, rows: list[Any]) -> str:
    lines = [f"| <code>{escape(spell(row))}</code> | {escape(row.help or '')} |" for row in rows]
    table = ["| argument | meaning |", "|---|---|", *lines] if rows else []
    return "\n".join([f"### `{parser.prog}`\n", f"{parser.description}\n", *table, ""])


def spell(action: Any) -> str:
    """`--split SPLIT`, `{a,b}` or `NAME`, with `...` after what may be repeated."""
    choices = f"{{{','.join(map(str, action.choices))}}}" if action.choices else action.dest.upper()
    value = f"{action.metavar or choices}{' ...' if action.nargs in ('+', '*') else ''}"
    if not action.option_strings:
        return value
    name, required = ", ".join(action.option_strings), " (required)" if action.required else ""
    return name if action.nargs == 0 else f"{name} {value}{required}"


def escape(text: str) -> str:
    """For a cell of a Markdown table."""
    return html.escape(text).replace("|", "&#124;")
