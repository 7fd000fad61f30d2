"""HTML from the files of `templates/`. Jinja escapes every text that is put into them."""

from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fer_zoo.emotions import find_colors
from page.words import format_number, name_label, say

TEMPLATES = Path(__file__).parents[1] / "templates"


def map_colors(classes: Iterable[str]) -> dict[str, str]:
    """Each class with its color: one is the same all over a page that asks for all its classes at once."""
    names = list(classes)
    return dict(zip(names, find_colors(names), strict=True))


@cache
def _open_templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, language: str, /, **values: Any) -> str:
    """HTML. values: plain data. A template also has `say`, `number`, `label` of a class and `map_colors`."""
    return (
        _open_templates()
        .get_template(f"{template}.html")
        .render(
            language=language,
            say=partial(say, language),
            number=partial(format_number, language),
            label=partial(name_label, language),
            map_colors=map_colors,
            **values,
        )
    )
