"""The Models tab: all models in a table that sorts, and a page for each."""

from pathlib import Path

import gradio as gr

import fer_zoo
from models_tab.model_html import render_model
from models_tab.speed import list_speeds, measure_speed
from models_tab.zoo_html import render_models
from page.offered_models import QUEUE, list_names, list_offered
from page.parts import add_html, fill_at_start
from page.words import find_language

SCRIPT = Path(__file__).with_name("view.js")


def build_models(page: gr.Blocks) -> None:
    """Call inside the page's Blocks."""
    zoo = add_html(render_models(list_offered(), "en", {}), SCRIPT, "zoo")
    fill_at_start(page, zoo, show_models)
    zoo.select(show_model, None, [zoo], api_visibility="private")
    zoo.clear(show_models, None, [zoo], api_visibility="private")
    zoo.submit(measure_models, None, [zoo], api_visibility="private", **QUEUE)


def show_models(request: gr.Request) -> str:
    """HTML of the table, with the speeds that anybody has measured since the page was started."""
    return render_models(list_offered(), find_language(request), list_speeds())


def measure_models(request: gr.Request) -> str:
    for name in list_names():
        measure_speed(name)
    return show_models(request)


def show_model(event: gr.EventData, request: gr.Request) -> str:
    """HTML of the page of the model whose name the browser sent."""
    for row in list_offered():
        if row["name"] == event.model:
            return render_model(row, fer_zoo.describe_model(row["source"]), find_language(request))
    raise gr.Error("There is no such model here.", print_exception=False)
