"""HTML from the files of `templates/`. Jinja escapes every text that is put into them."""

from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fer_zoo.emotions import COLORS
from page.words import format_number, say

TEMPLATES = Path(__file__).parents[1] / "templates"


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
    """HTML. values: plain data. A template also has `say`, `number` and the
    `colors` of the emotions.
    """
    return (
        _open_templates()
        .get_template(f"{template}.html")
        .render(
            language=language,
            say=partial(say, language),
            number=partial(format_number, language),
            colors=COLORS,
            **values,
        )
    )
