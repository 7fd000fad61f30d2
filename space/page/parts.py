"""What every view is made of: a piece of HTML with its script, in the visitor's language."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from page.words import find_language

ACTS = Path(__file__).with_name("acts.js")  # a button's data-act becomes an event of that name


def add_html(value: str, script: Path | Sequence[Path], elem_id: str, **options: Any) -> gr.HTML:
    """script: one or more. options: further ones of gr.HTML."""
    scripts = [script] if isinstance(script, Path) else script
    return gr.HTML(
        value,
        js_on_load="\n".join(path.read_text(encoding="utf-8") for path in scripts),
        elem_id=elem_id,
        apply_default_css=False,
        **options,
    )


def read_drops(
    page: gr.Blocks,
    drop: gr.File,
    models: gr.CheckboxGroup,
    result: gr.HTML,
    read: Callable[..., str],
    render_empty: Callable[[str], str],
    queue: str,
) -> None:
    """`read` makes the result of what is dropped, one drop of that queue at a time. The input is emptied
    after each: nothing keeps the files. `render_empty` is what stands there before, and after Clear.
    """

    def show_empty(request: gr.Request) -> str:
        return render_empty(find_language(request))

    # preprocess=False: `read` checks the paths itself, and no file is copied.
    options: dict[str, Any] = {"api_visibility": "private", "preprocess": False, "show_progress_on": [result]}
    limits: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": queue}
    added = drop.upload(read, [drop, models], [result], **options, **limits)
    for finished in (added.success, added.failure):
        finished(None, js="() => null", outputs=[drop], api_visibility="private")
    result.clear(show_empty, None, [result], api_visibility="private")
    follow_language(page, result, render_empty)


def follow_language(page: gr.Blocks, part: Any, render: Callable[[str], str]) -> None:
    """When the page is opened, fill `part` with what `render` gives for the visitor's language."""

    def show(request: gr.Request) -> str:
        return render(find_language(request))

    fill_at_start(page, part, show)


def fill_at_start(page: gr.Blocks, part: Any, show: Callable[..., Any], state: Any = None) -> None:
    """When the page is opened, fill `part` with what `show` gives. state: its first argument, if any."""
    # Without Gradio's clock, which would stand on the English text until the answer comes.
    page.load(show, state, [part], queue=False, api_visibility="private", show_progress="hidden")
