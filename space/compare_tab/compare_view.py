"""The Compare tab: a photo in, every face read by every chosen model."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from compare_tab.compare_html import (
    render_heats,
    render_message,
    render_result,
    render_welcome,
    sort_from_left,
)
from compare_tab.example_photos import find_example, render_photo_input
from fer_zoo import FerZooError
from page.fetched_pictures import fetch_picture, may_fetch
from page.gradio_private import read_event
from page.offered_models import QUEUE, create_recognizer, list_first_ticked, list_names
from page.parts import add_html, fill_at_start, follow_language
from page.uploads import Upload, UploadError, cut_name, explain, find_name, read_upload
from page.words import find_language, label, say

SCRIPTS = Path(__file__).parent
ANSWERED = """() => {
  document.querySelector("#photo .fz-intake").dispatchEvent(new Event("answered", { bubbles: true }));
}"""
ASKED = """() => {
  const asked = { bubbles: true, detail: "%s" };
  document.querySelector("#photo .fz-intake").dispatchEvent(new CustomEvent("asked", asked));
}"""
UNANSWERED = """() => {
  document.querySelector("#result .fz-result")?.dispatchEvent(new Event("unanswered", { bubbles: true }));
}"""


class PhotoState(NamedTuple):
    """What the server's memory holds of a photo while the page shows it.

    crops: uint8 (N, 48, 48), and classes: of each model that answered, for heatmaps. key: of photo and crops.
    """

    upload: Upload
    crops: np.ndarray | None = None
    classes: dict[str, Sequence[str]] | None = None
    key: str = ""


def build_compare(page: gr.Blocks) -> None:
    state = gr.State(None)  # PhotoState: for when other models are chosen, or somebody asks why
    photo = add_html(render_photo_input(), SCRIPTS / "photo.js", "photo")
    link = gr.Textbox(label=label("compare.link"), visible=may_fetch(), max_lines=1, elem_id="link")
    result = add_html(render_welcome(), SCRIPTS / "view.js", "result")
    heats = add_html("", SCRIPTS / "heat.js", "heats")
    with gr.Accordion(label("compare.models"), open=False, elem_id="chosen"):
        models = gr.CheckboxGroup(list_names(), value=list_first_ticked(), show_label=False, container=False)
    follow_language(page, photo, render_photo_input)
    # Not follow_language: on a busy server the answer to a quick visitor's photo comes before these words.
    fill_at_start(page, result, show_welcome, state)
    outputs = [state, result, heats]
    # The script of `photo` says that a photo is being read: Gradio's clock would stand on the old answer.
    options: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    # It also asks for all that changes the answer, one thing at a time: Gradio would let them overtake.
    for listen, read, inputs in (
        (photo.upload, receive_photo, [models]),
        (photo.select, read_example, [models]),
        (photo.download, read_link, [link, models]),
        (photo.apply, choose_models, [state, models]),
        (photo.submit, use_whole, [state, models]),
    ):
        _run_after(listen(read, inputs, outputs, trigger_mode="multiple", **options, **QUEUE))
    _run_after(photo.clear(forget_photo, None, outputs, trigger_mode="multiple", **options))
    for listen, act in ((models.input, "apply"), (link.submit, "download")):
        listen(None, js=ASKED % act, api_visibility="private")
    asked = result.expand(show_heats, [state], [heats], trigger_mode="multiple", **options, **QUEUE)
    asked.failure(None, js=UNANSWERED, api_visibility="private")


def _run_after(event: Any) -> None:
    """After an error, too, as where the queue is full: not .then, which does not run then."""
    for finished in (event.success, event.failure):
        finished(None, js=ANSWERED, api_visibility="private")


def receive_photo(models: list[str], event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
    """What the script uploaded: {"path", "orig_name"}."""
    return add_photo(read_event(event), models, request)


def add_photo(file: Any, models: list[str], request: gr.Request) -> tuple[Any, ...]:
    """A refused file takes the place of the answer before, which would otherwise seem to be its own."""
    try:
        upload = read_upload(file)
    except FerZooError as error:
        language = find_language(request)
        return None, render_message(explain(error, find_name(file), language), language), ""
    return compare_again(PhotoState(upload), models, request)


def read_link(url: str, models: list[str], request: gr.Request) -> tuple[Any, ...]:
    """What is at an address of the web, where whoever runs the page allows it."""
    language = find_language(request)
    try:
        if not may_fetch():
            raise UploadError("This page fetches nothing. Send the picture itself.", "link")
        upload = fetch_picture(url)
    except FerZooError as error:
        return None, render_message(explain(error, cut_name(url), language), language), ""
    return compare_again(PhotoState(upload), models, request)


def read_example(models: list[str], event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
    example = find_example((read_event(event) or {}).get("example"))
    return compare_again(PhotoState(Upload(example.path.name, example.path.read_bytes())), models, request)


def choose_models(
    state: PhotoState | None, models: list[str], event: gr.EventData, request: gr.Request
) -> tuple[Any, ...]:
    """The script sends whether the page shows what the server made of a photo."""
    shown = (read_event(event) or {}).get("held")
    return compare_again(state, models, request) if state or shown else (gr.skip(), gr.skip(), gr.skip())


def use_whole(state: PhotoState | None, models: list[str], request: gr.Request) -> tuple[Any, ...]:
    return compare_again(state and PhotoState(state.upload._replace(whole=True)), models, request)


def compare_again(state: PhotoState | None, models: list[str], request: gr.Request) -> tuple[Any, ...]:
    """What is held of the photo, HTML of the result or of what is wrong, and no heatmap yet."""
    language = find_language(request)
    if state is None:  # its place was needed for another's, or the server was started again
        return None, render_message(say(language, "compare.gone"), language), ""
    upload = state.upload
    if not models:
        return PhotoState(upload), render_message(say(language, "compare.no_model"), language, held=True), ""
    try:
        chosen = create_recognizer(models)
        seen = sort_from_left(chosen.inspect(upload.encoded, whole=upload.whole, keep_going=True))
    except FerZooError as error:
        return None, render_message(explain(error, upload.name, language), language), ""
    key = hashlib.sha256(upload.encoded).hexdigest()[:16] + ("-whole" if upload.whole else "")
    html = render_result(seen, key, upload.whole, chosen.names, language, upload.name)
    classes: dict[str, Sequence[str]] = {name: seen.classes[name] for name in seen.probabilities}
    return PhotoState(upload, seen.crops, classes, key), html, ""


def show_heats(state: PhotoState | None, event: gr.EventData, request: gr.Request) -> str:
    """HTML of the heatmaps of one face for one emotion; nothing for a face or an emotion that is not there.
    Raises gr.Error, which the page shows as a message, where the photo is no longer held.
    """
    sent = read_event(event)
    asked = sent if isinstance(sent, dict) else {}
    index, emotion = asked.get("face", -1), str(asked.get("emotion"))
    language = find_language(request)
    if state is None or state.crops is None or not state.classes:
        raise gr.Error(say(language, "compare.gone"), print_exception=False)
    if index not in range(len(state.crops)) or not any(emotion in own for own in state.classes.values()):
        return ""
    return render_heats(state.key, state.crops[index], index, emotion, state.classes, language)


def show_welcome(state: PhotoState | None, request: gr.Request) -> Any:
    return gr.skip() if state else render_welcome(find_language(request))


def forget_photo(request: gr.Request) -> tuple[Any, ...]:
    return None, render_welcome(find_language(request)), ""
