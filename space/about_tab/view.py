"""The About tab: what the models can know, what happens to a picture, and how programs ask."""

import gradio as gr

from about_tab.words import PROGRAM, WORDS
from page.parts import follow_language


def build_about(page: gr.Blocks) -> None:
    """Call inside the page's Blocks."""
    text = gr.Markdown(describe_page("en"), elem_id="about")
    follow_language(page, text, describe_page)


def describe_page(language: str) -> str:
    """Markdown."""
    return "\n".join([WORDS.say(language, "about"), PROGRAM, WORDS.say(language, "answer")])
