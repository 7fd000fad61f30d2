"""The Many pictures tab: files or a zip in; a list of faces, a CSV and a JSON out."""

import time
from pathlib import Path
from typing import Any

import gradio as gr

from batch_tab.batch_html import FaceRow, render_batch, render_empty
from batch_tab.dropped_pictures import DropError, Picture, read_pictures
from fer_zoo import FerZooError, Recognizer
from page.offered_models import create_recognizer
from page.parts import add_drop
from page.uploads import describe_picture, explain
from page.words import find_language, say

SCRIPT = Path(__file__).with_name("view.js")
# Uploads are kept for 280 s: the files of who waits in the queue are still there.
LONGEST_WORK_S = 240.0


def build_batch(page: gr.Blocks) -> None:
    add_drop(page, "batch", SCRIPT, read_batch, render_empty, elem_id="many", file_count="multiple")


def read_batch(
    files: list[Any] | None,
    models: list[str],
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio knows that the bar is wanted
) -> str:
    """HTML of the list. Raises gr.Error, which the page shows as a message, where nothing can be read."""
    language = find_language(request)
    try:
        if not models:
            raise DropError(say(language, "batch.no_models"))
        recognizer = create_recognizer(models)
        pictures = read_pictures(files or [], language)
        if not pictures:
            raise DropError(say(language, "batch.no_pictures"))
    except (DropError, FerZooError) as error:
        raise gr.Error(str(error), print_exception=False) from None
    results, rows = recognize_pictures(recognizer, pictures, language, progress)
    note = ""
    if left := pictures[len(results) :]:
        note = say(language, "batch.slow", limit=round(LONGEST_WORK_S), count=len(left), name=left[0].name)
    return render_batch(results, rows, language, note)


def recognize_pictures(
    recognizer: Recognizer, pictures: list[Picture], language: str, progress: gr.Progress
) -> tuple[list[dict[str, Any]], list[FaceRow]]:
    """The list that `fer-zoo predict --json` prints, and the faces with their crops: of the pictures that
    are begun before the time is up.
    """
    end = time.monotonic() + LONGEST_WORK_S
    results: list[dict[str, Any]] = []
    rows: list[FaceRow] = []
    for done, picture in enumerate(pictures):
        if time.monotonic() > end:
            break
        told = say(language, "batch.progress", name=picture.name)
        progress((done, len(pictures)), desc=told, unit="")
        try:
            if picture.error:
                raise picture.error
            seen = recognizer.inspect(picture.encoded, keep_going=True)
        except FerZooError as error:
            reason = explain(error, picture.name, language)
            results.append({"image": picture.name, "faces": [], "error": reason})
            continue
        results.append(describe_picture(picture.name, seen))
        faces = results[-1]["faces"]
        rows += [
            FaceRow(picture.name, number, crop, face["models"])
            for number, (crop, face) in enumerate(zip(seen.crops, faces, strict=True), 1)
        ]
        if not faces:
            rows.append(FaceRow(picture.name, 0, None, {}))
    return results, rows
