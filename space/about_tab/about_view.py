"""The About tab: what the models can know, what happens to a picture, and how programs ask."""

from pathlib import Path

import gradio as gr
from markdown_it import MarkdownIt
from markupsafe import Markup

from page.fetched_pictures import may_fetch
from page.parts import add_html, fill_at_start
from page.templates import render
from page.words import find_language, say

SCRIPT = Path(__file__).with_name("copy.js")
DEFAULT_ORIGIN = "http://127.0.0.1:7860"


def build_about(page: gr.Blocks) -> None:
    def show(request: gr.Request) -> str:
        origin = request.headers.get("origin") or DEFAULT_ORIGIN  # the guard has checked it
        return render_about(find_language(request), origin)

    text = add_html(render_about("en"), SCRIPT, "about")
    fill_at_start(page, text, show)


def render_about(language: str, origin: str = DEFAULT_ORIGIN) -> str:
    """origin: the page's own, for the example of a program."""
    text = say(language, "about.text")
    if may_fetch():  # one more point of what happens to a picture, before the last heading
        points, mark, heading = text.rpartition("\n\n## ")
        text = f"{points}\n{say(language, 'about.fetch')}{mark}{heading}"
    told = {
        key: Markup(MarkdownIt().render(markdown))
        for key, markdown in (("text", text), ("answer", say(language, "about.answer")))
    }
    return render("about", language, origin=origin, **told)
