"""The About tab: what the models can know, what happens to a picture, and how programs ask."""

import gradio as gr
from about_words import PROGRAM, WORDS
from words import find_language


def build_about(page: gr.Blocks) -> None:
    """Call inside the page's Blocks."""
    text = gr.Markdown(describe_page("en"), elem_id="about")
    page.load(show_about, None, [text], queue=False, api_visibility="private")


def show_about(request: gr.Request) -> str:
    return describe_page(find_language(request))


def describe_page(language: str) -> str:
    """Markdown."""
    return "\n".join([WORDS.say(language, "about"), PROGRAM, WORDS.say(language, "answer")])
