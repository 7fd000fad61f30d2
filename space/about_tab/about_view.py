"""The About tab: what the models can know, what happens to a picture, and how programs ask."""

import gradio as gr

from page.parts import follow_language
from page.words import say

PROGRAM = """
```python
from gradio_client import Client, handle_file

page = Client("http://127.0.0.1:7860")
page.predict(photo=handle_file("photo.jpg"), models=["cnn-baseline"], api_name="/compare")
```
"""


def build_about(page: gr.Blocks) -> None:
    """Call inside the page's Blocks."""
    text = gr.Markdown(describe_page("en"), elem_id="about")
    follow_language(page, text, describe_page)


def describe_page(language: str) -> str:
    """Markdown."""
    return "\n".join([say(language, "about.text"), PROGRAM, say(language, "about.answer")])
