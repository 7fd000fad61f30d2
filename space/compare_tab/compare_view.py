"""The Compare tab: a photo in, every face read by every chosen model."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from compare_tab.compare_html import render_message, render_result, render_welcome
from compare_tab.heat import render_heats
from fer_zoo import FerZooError
from page.offered_models import QUEUE, create_recognizer, list_first_ticked, list_names
from page.parts import add_html, follow_language
from page.uploads import Upload, explain, find_name, read_upload
from page.words import find_language, label, say

if TYPE_CHECKING:
    import numpy as np

EXAMPLE = Path(__file__).parents[1] / "examples" / "drawn-faces.png"  # by fer_zoo.data.synthetic, seed 3
SCRIPT = Path(__file__).with_name("view.js")
HEAT_SCRIPT = Path(__file__).with_name("heat.js")


class Kept(NamedTuple):
    """What the server's memory holds of a photo while the page shows it.

    crops: uint8 (N, 48, 48), and answers: each model's top answers, for heatmaps. key: of photo and crops.
    """

    upload: Upload
    crops: "np.ndarray | None" = None
    answers: dict[str, list[int]] | None = None
    key: str = ""


def build_compare(page: gr.Blocks) -> None:
    """Call inside the page's Blocks. The input is emptied after each upload: the result shows the photo."""
    names = list_names()
    kept = gr.State(None)  # Kept: for when other models are chosen, or somebody asks why
    with gr.Row(elem_id="inputs"):
        photo = gr.Image(
            label=label("compare.photo"),
            sources=["upload", "webcam", "clipboard"],
            buttons=[],
            height=240,
            scale=2,
            min_width=280,
            elem_id="photo",
        )
        models = gr.CheckboxGroup(
            names,
            value=list_first_ticked(),
            label=label("compare.models"),
            scale=3,
            min_width=280,
            elem_id="chosen",
        )
    result = add_html(render_welcome(), SCRIPT, "result")
    heats = add_html("", HEAT_SCRIPT, "heats")
    # preprocess=False: Gradio's own reading fails on a broken picture without a word, and gets some wrong.
    options: dict[str, Any] = {"api_visibility": "private", "preprocess": False, "show_progress_on": [result]}
    outputs = [kept, result, heats]
    follow_language(page, result, render_welcome)
    added = photo.upload(add_photo, [photo, models], outputs, **options, **QUEUE)
    for finished in (added.success, added.failure):  # not .then, which does not run after an error
        finished(None, js="() => null", outputs=[photo], api_visibility="private")
    models.input(compare_again, [kept, models], outputs, trigger_mode="always_last", **options, **QUEUE)
    result.submit(use_whole, [kept, models], outputs, **options, **QUEUE)
    result.select(add_example, [models], outputs, **options, **QUEUE)
    result.clear(forget_photo, None, outputs, api_visibility="private")
    quiet: dict[str, Any] = {
        "api_visibility": "private",
        "trigger_mode": "multiple",
        "show_progress": "hidden",
    }
    result.expand(show_heats, [kept], [heats], **quiet, **QUEUE)


def add_photo(file: dict[str, Any] | None, models: list[str], request: gr.Request) -> tuple[Any, ...]:
    try:
        upload = read_upload(file)
    except FerZooError as error:
        told = explain(error, find_name(file), find_language(request))
        raise gr.Error(told, print_exception=False) from None
    return compare_again(Kept(upload), models, request)


def add_example(models: list[str], request: gr.Request) -> tuple[Any, ...]:
    return compare_again(Kept(Upload(EXAMPLE.name, EXAMPLE.read_bytes())), models, request)


def use_whole(kept: Kept | None, models: list[str], request: gr.Request) -> tuple[Any, ...]:
    return compare_again(kept and Kept(kept.upload._replace(whole=True)), models, request)


def compare_again(kept: Kept | None, models: list[str], request: gr.Request) -> tuple[Any, ...]:
    """What is kept of the photo, HTML of the result, and no heatmap yet. Raises gr.Error, which the page
    shows as a message.
    """
    language = find_language(request)
    if kept is None:
        return None, render_welcome(language), ""
    upload = kept.upload
    if not models:
        return Kept(upload), render_message(say(language, "compare.no_model"), language), ""
    try:
        chosen = create_recognizer(models)
        seen = chosen.inspect(upload.encoded, whole=upload.whole, keep_going=True)
    except FerZooError as error:
        raise gr.Error(explain(error, upload.name, language), print_exception=False) from None
    key = hashlib.sha256(upload.encoded).hexdigest()[:16] + ("-whole" if upload.whole else "")
    html = render_result(seen, key, upload.whole, chosen.names, language)
    return Kept(upload, seen.crops, seen.answers, key), html, ""


def show_heats(kept: Kept | None, event: gr.EventData, request: gr.Request) -> str:
    """HTML of the heatmaps of one face; nothing for a photo or a face that is gone."""
    index = (event._data or {}).get("face", -1)
    if kept is None or kept.crops is None or not kept.answers or index not in range(len(kept.crops)):
        return ""
    return render_heats(kept.key, kept.crops, kept.answers, index, find_language(request))


def forget_photo(request: gr.Request) -> tuple[Any, ...]:
    return None, render_welcome(find_language(request)), ""
