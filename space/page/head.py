"""The head of the page: what it is, in the language of the visitor."""

from pathlib import Path

import gradio as gr
from markupsafe import Markup

from page import words
from page.parts import add_html, follow_language

SCRIPT = Path(__file__).with_name("head.js")
HEAD = Markup('<div lang="{language}"><h1>{title}</h1><p>{introduction}</p></div>')


def build_head(page: gr.Blocks) -> None:
    """Call inside the page's Blocks."""
    follow_language(page, add_html(render_head("en"), SCRIPT, "introduction"), render_head)


def render_head(language: str) -> str:
    title, introduction = (words.say(language, f"page.{key}") for key in ("title", "introduction"))
    return HEAD.format(language=language, title=title, introduction=introduction)
