"""The Live tab: faces in front of the visitor's camera, followed and read as they move.

The script sends one frame, waits for its answer and then takes the next, so frames are dropped and never
queued. Gradio's own streaming would hold one of the queue's two places for as long as a camera is on.
`pytest -m slow tests/space/test_live.py` measures the frames per second.
"""

import base64
import json
import time
from collections import OrderedDict
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any

import gradio as gr

from fer_zoo import EMOTIONS, FaceTracker, FerZooError
from page.offered_models import SIMULTANEOUS, create_recognizer, list_names
from page.parts import add_html, follow_language
from page.templates import map_colors, render
from page.uploads import explain
from page.words import describe_reading, find_language, list_texts, name_label, say

SCRIPT = Path(__file__).with_name("view.js")
FASTEST = "cnn-baseline"
LARGEST_FRAME = 300_000  # bytes of JPEG; the script's 640x480 pixels take about 40,000
FRAME_START = "data:image/jpeg;base64,"
LONGEST_WAIT_S = 0.2  # for a free processor; then the frame is dropped
TIMEOUT_S = 3.0  # for a face out of sight: on a busy machine frames may be a second apart
MAX_CAMERAS = 64  # whose faces are remembered; each costs some hundred bytes

_slots = BoundedSemaphore(SIMULTANEOUS)
_trackers: OrderedDict[tuple[str, str], FaceTracker] = OrderedDict()
_lock = Lock()


def build_live(page: gr.Blocks) -> None:
    live = add_html(render_live("en"), SCRIPT, "live", server_functions=[read_frame])
    follow_language(page, live, render_live)


def render_live(language: str) -> str:
    names = list_names()
    chosen = FASTEST if FASTEST in names else names[0]
    script_words = json.dumps(list_texts(language, "live"))
    return render("live", language, script_words=script_words, names=names, chosen=chosen, classes=EMOTIONS)


def read_frame(sent: Any, request: gr.Request) -> dict[str, Any]:
    """What the script asks for each frame. sent: {"camera", "model", "frame"}, of which the first is a name
    that the script made up for this run of the camera.

    Returns {"faces": [{"number", "box", "probabilities"}], "classes": [[name, color]], "milliseconds",
    "note"}, the box in the frame's pixels and the note a sentence on faces that are not read, or nothing;
    {"busy": True} where the frame is dropped, {"error": one line} where it is refused.
    """
    language = find_language(request)
    try:
        camera, model, frame = (str(sent[key]) for key in ("camera", "model", "frame"))
        encoded = _decode(frame)
    except (TypeError, KeyError, ValueError):
        kilobytes = LARGEST_FRAME // 1000
        return {"error": say(language, "live.unfit", kilobytes=kilobytes)}
    if not _slots.acquire(timeout=LONGEST_WAIT_S):
        return {"busy": True}
    try:
        start = time.perf_counter()
        tracker = _find_tracker(camera, model)
        faces = tracker.update(encoded)
        milliseconds = 1000 * (time.perf_counter() - start)
        note = describe_reading(language, tracker.faces_left_out)
    except FerZooError as error:
        return {"error": explain(error, say(language, "live.frame"), language)}
    finally:
        _slots.release()
    described = [
        {"number": face.number, "box": face.box, "probabilities": face.probabilities[model].tolist()}
        for face in faces
    ]
    colors = map_colors(tracker.recognizer.models[model].classes)
    return {
        "faces": described,
        "classes": [(name_label(language, name), color) for name, color in colors.items()],
        "milliseconds": milliseconds,
        "note": note,
    }


def _decode(frame: str) -> bytes:
    """The bytes of a data URI. Raises ValueError for another or a larger one."""
    encoded = frame.removeprefix(FRAME_START)
    if encoded == frame or len(encoded) > LARGEST_FRAME * 4 // 3 + 4:
        raise ValueError
    return base64.b64decode(encoded, validate=True)


def _find_tracker(camera: str, model: str) -> FaceTracker:
    """The one that knows this camera's faces, or a new one. Raises FerZooError for a model not offered."""
    with _lock:
        key = (camera[:64], model)
        tracker = _trackers.pop(key, None) or FaceTracker(create_recognizer([model]), patience_s=TIMEOUT_S)
        _trackers[key] = tracker  # the latest used is last
        while len(_trackers) > MAX_CAMERAS:
            _trackers.popitem(last=False)
        return tracker
