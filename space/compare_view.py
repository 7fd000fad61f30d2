"""The Compare tab: a photo in, every face read by every chosen model."""

import hashlib
from pathlib import Path
from typing import Any

import gradio as gr
from compare_html import WELCOME, render_message, render_result
from offered_models import QUEUE, create_recognizer, list_names
from uploads import Upload, read_upload

from fer_zoo import FerZooError

EXAMPLE = Path(__file__).with_name("examples") / "drawn-faces.png"  # by fer_zoo.data.synthetic, seed 3
SCRIPT = Path(__file__).with_name("compare_view.js")


def build_compare() -> None:
    """Call inside the page's Blocks. The input is emptied after each upload: the result shows the photo."""
    names = list_names()
    kept = gr.State(None)  # Upload: in the server's memory, for when other models are chosen
    with gr.Row(elem_id="inputs"):
        photo = gr.Image(
            label="Photo, up to 10 MB",
            sources=["upload", "webcam", "clipboard"],
            buttons=[],
            height=240,
            scale=2,
            min_width=280,
            elem_id="photo",
        )
        models = gr.CheckboxGroup(
            names, value=names, label="Models", scale=3, min_width=280, elem_id="chosen"
        )
    result = gr.HTML(
        WELCOME,
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        elem_id="result",
        apply_default_css=False,
    )
    # preprocess=False: Gradio's own reading fails on a broken picture without a word, and gets some wrong.
    options: dict[str, Any] = {"api_visibility": "private", "preprocess": False, "show_progress_on": [result]}
    added = photo.upload(add_photo, [photo, models], [kept, result], **options, **QUEUE)
    for finished in (added.success, added.failure):  # not .then, which does not run after an error
        finished(None, js="() => null", outputs=[photo], api_visibility="private")
    models.input(compare_again, [kept, models], [result], trigger_mode="always_last", **options, **QUEUE)
    result.submit(use_whole, [kept, models], [kept, result], **options, **QUEUE)
    result.select(add_example, [models], [kept, result], **options, **QUEUE)
    result.clear(forget_photo, None, [kept, result], api_visibility="private")


def add_photo(file: dict[str, Any] | None, models: list[str]) -> tuple[Upload, str]:
    try:
        upload = read_upload(file)
    except FerZooError as error:
        raise gr.Error(str(error), print_exception=False) from None
    return upload, compare_again(upload, models)


def add_example(models: list[str]) -> tuple[Upload, str]:
    upload = Upload(EXAMPLE.name, EXAMPLE.read_bytes())
    return upload, compare_again(upload, models)


def use_whole(upload: Upload | None, models: list[str]) -> tuple[Upload | None, str]:
    whole = upload and upload._replace(whole=True)
    return whole, compare_again(whole, models)


def compare_again(upload: Upload | None, models: list[str]) -> str:
    """HTML of the result. Raises gr.Error, which the page shows as a message."""
    if upload is None:
        return WELCOME
    if not models:
        return render_message("No model is chosen. Tick one or more.")
    try:
        seen = create_recognizer(models).inspect(upload.encoded, whole=upload.whole)
    except FerZooError as error:
        raise gr.Error(upload.explain(error), print_exception=False) from None
    return render_result(seen, hashlib.sha256(upload.encoded).hexdigest()[:16], upload.whole)


def forget_photo() -> tuple[None, str]:
    return None, WELCOME
