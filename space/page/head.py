"""The head of the page: what it is, in the language of the visitor."""

from pathlib import Path

import gradio as gr

from page.parts import add_html, follow_language
from page.templates import render

SCRIPT = Path(__file__).with_name("head.js")


def build_head(page: gr.Blocks) -> None:
    """Call inside the page's Blocks."""
    follow_language(page, add_html(render_head("en"), SCRIPT, "introduction"), render_head)


def render_head(language: str) -> str:
    return render("head", language)
