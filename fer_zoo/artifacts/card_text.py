"""Others' words in a card: a config.json comes from anywhere, and a terminal and a web page show the card."""

from typing import Any

from fer_zoo.errors import escape

MAX_SIGNS = 300  # of one text
MARKUP = str.maketrans(dict.fromkeys("<>&`|[]*!#\"'$", "_"))  # of HTML, Markdown and shells


def clean(value: Any) -> Any:
    """The same, with every text in it shortened, printable, and without the signs of HTML and Markdown."""
    if isinstance(value, str):
        return escape(value[:MAX_SIGNS].translate(MARKUP))
    if isinstance(value, dict):
        return {clean(key): clean(part) for key, part in value.items()}
    return [clean(part) for part in value] if isinstance(value, list) else value
