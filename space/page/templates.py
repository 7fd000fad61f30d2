"""HTML from the files of `templates/`. Jinja escapes every text that is put into them."""

from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fer_zoo.emotions import COLORS, OTHER_COLORS
from page.words import format_number, name_label, say

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
    """HTML. values: plain data. A template also has `say`, `number`, `label` and `color` of a class, and
    the `colors` of the emotions.
    """
    return (
        _open_templates()
        .get_template(f"{template}.html")
        .render(
            language=language,
            say=partial(say, language),
            number=partial(format_number, language),
            label=partial(name_label, language),
            colors=COLORS,
            color=lambda name: COLORS.get(name, OTHER_COLORS[0]),
            **values,
        )
    )
