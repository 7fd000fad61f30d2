"""The head of the page: what it is, in the language of the visitor."""

from pathlib import Path

import gradio as gr
from markupsafe import Markup
from page_words import WORDS
from words import find_language

SCRIPT = Path(__file__).with_name("page_head.js")
HEAD = Markup('<div lang="{language}"><h1>{title}</h1><p>{introduction}</p></div>')


def build_head(page: gr.Blocks) -> None:
    """Call inside the page's Blocks."""
    head = gr.HTML(
        render_head("en"),
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        elem_id="introduction",
        apply_default_css=False,
    )
    page.load(show_head, None, [head], queue=False, api_visibility="private")


def show_head(request: gr.Request) -> str:
    return render_head(find_language(request))


def render_head(language: str) -> str:
    title, introduction = (WORDS.say(language, key) for key in ("title", "introduction"))
    return HEAD.format(language=language, title=title, introduction=introduction)
