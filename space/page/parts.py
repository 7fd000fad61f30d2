"""What every view is made of: a piece of HTML with its script, in the visitor's language."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from page.words import find_language

ACTS = Path(__file__).with_name("acts.js")  # a button's data-act becomes an event of that name


def add_html(value: str, script: Path, elem_id: str, **options: Any) -> gr.HTML:
    """options: further ones of gr.HTML."""
    return gr.HTML(
        value,
        js_on_load=script.read_text(encoding="utf-8"),
        elem_id=elem_id,
        apply_default_css=False,
        **options,
    )


def follow_language(page: gr.Blocks, part: Any, render: Callable[[str], str]) -> None:
    """When the page is opened, fill `part` with what `render` gives for the visitor's language."""

    def show(request: gr.Request) -> str:
        return render(find_language(request))

    page.load(show, None, [part], queue=False, api_visibility="private")
