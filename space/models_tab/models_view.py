"""The Models tab: all models in a table that sorts, and a page for each."""

from pathlib import Path
from threading import Lock
from typing import Any

import gradio as gr

import fer_zoo
from models_tab.model_html import render_model
from models_tab.zoo_html import render_models
from page.offered_models import QUEUE, create_recognizer, list_names, list_offered
from page.parts import add_html, fill_at_start
from page.templates import render
from page.words import find_language

SCRIPT = Path(__file__).with_name("view.js")
_measured: dict[str, dict[str, Any]] = {}  # of `fer_zoo.measure_latency`, by model: once for all visitors
_lock = Lock()  # two that measure at once would slow each other down


def build_models(page: gr.Blocks) -> None:
    zoo = add_html(render_models(list_offered(), "en", {}), SCRIPT, "zoo")
    fill_at_start(page, zoo, show_models)
    for listen, show in ((zoo.select, show_model), (zoo.clear, show_models)):
        listen(show, None, [zoo], trigger_mode="multiple", api_visibility="private")
    zoo.submit(measure_models, None, [zoo], api_visibility="private", **QUEUE)


def show_models(request: gr.Request) -> str:
    """HTML of the table, with the speeds that anybody has measured since the page was started."""
    return render_models(list_offered(), find_language(request), dict(_measured))


def measure_models(request: gr.Request) -> str:
    for name in list_names():
        with _lock:
            if name not in _measured:
                _measured[name] = fer_zoo.measure_latency(create_recognizer([name]).models[name])
    return show_models(request)


def show_model(event: gr.EventData, request: gr.Request) -> str:
    """HTML of the page of the model whose name the browser sent, or that there is none."""
    language = find_language(request)
    for row in list_offered():
        if row["name"] == event.model:
            return render_model(row, fer_zoo.describe_model(row["source"]), language)
    return render("unknown_model", language, name=str(event.model))
