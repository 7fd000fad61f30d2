"""Each tab and each model has an address; the page's script keeps it."""

from pathlib import Path

import gradio as gr

from page.parts import add_html

SCRIPT = Path(__file__).with_name("address.js")


def build_address() -> gr.HTML:
    """Call inside the page's Blocks."""
    return add_html("", SCRIPT, "address")


def find_origin(request: gr.Request | None, default: str) -> str:
    """Scheme, host and port under which the visitor's browser knows the page. The guard has checked it."""
    headers = request.headers if request else {}
    return headers.get("origin") or default
