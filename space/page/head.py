"""The page's head in the visitor's language, and two scripts of the whole page: one gives each tab and each
model an address, the other names Gradio's buttons in Spanish.
"""

from pathlib import Path

import gradio as gr

from page.parts import add_html, follow_language
from page.templates import render
from page.words import list_texts, say

HEAD, *SCRIPTS = [Path(__file__).with_name(name) for name in ("head.js", "address.js", "labels.js")]


def build_head(page: gr.Blocks) -> None:
    follow_language(page, add_html(render_head("en"), HEAD, "introduction"), render_head)
    follow_language(page, add_html("", SCRIPTS, "address"), render_labels)


def render_head(language: str) -> str:
    return render("head", language)


def render_labels(language: str) -> str:
    """Gradio's labels that are English in its Spanish too, each with its words in the visitor's language."""
    english = list_texts("en", "label")
    return render("labels", language, labels={english[key]: say(language, f"label.{key}") for key in english})
