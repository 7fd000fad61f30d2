"""What every view is made of: a piece of HTML with its script, in the visitor's language."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from page.offered_models import list_names
from page.words import find_language, label

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


def add_drop(
    page: gr.Blocks,
    tab: str,
    script: Path,
    read: Callable[..., str],
    render_empty: Callable[[str], str],
    **options: Any,
) -> None:
    """Files to drop, models to tick, and what `read` makes of them, one drop at a time: beside the queue of
    single photos, which would otherwise wait for 200 pictures or all frames. The input is emptied after each:
    nothing keeps the files. `render_empty` is what stands there before, and after Clear. options: of gr.File.
    """

    def show_empty(request: gr.Request) -> str:
        return render_empty(find_language(request))

    names = list_names()
    with gr.Row():
        drop = gr.File(label=label(f"{tab}.files"), height=160, scale=2, min_width=280, **options)
        models = gr.CheckboxGroup(
            names, value=names[:1], label=label(f"{tab}.models"), scale=3, min_width=280
        )
    result = add_html(render_empty("en"), (ACTS, script), tab)
    # preprocess=False: `read` checks the paths itself, and no file is copied.
    private: dict[str, Any] = {"api_visibility": "private", "preprocess": False, "show_progress_on": [result]}
    limits: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": tab}
    # multiple: what is dropped while another drop is read waits for it, and is not lost.
    added = drop.upload(read, [drop, models], [result], trigger_mode="multiple", **private, **limits)
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
