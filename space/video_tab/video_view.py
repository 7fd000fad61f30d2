"""The Video tab: a file in; colored bands over time, a CSV and a JSON out."""

from pathlib import Path
from typing import Any

import gradio as gr

from fer_zoo import FaceTracker, FerZooError, Recognizer, VideoStory, follow_video
from page.offered_models import create_recognizer
from page.parts import add_drop
from page.uploads import find_name, find_upload
from page.words import describe_reading, find_language, format_number, say
from video_tab.filmstrip import Filmstrip
from video_tab.video_html import LONGEST_S, render_empty, render_story

SCRIPT = Path(__file__).with_name("view.js")
FRAMES_A_SECOND = 5.0
FRAME_SIDE = 640  # pixels: longest side of a frame in the detector
LONGEST_WORK_S = 90.0


def build_video(page: gr.Blocks) -> None:
    add_drop(page, "video", SCRIPT, read_video, render_empty, elem_id="clip")


def read_video(
    file: Any,
    models: list[str],
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  # how Gradio knows that the bar is wanted
) -> str:
    """HTML of what the faces showed. Raises gr.Error, which the page shows, where no frame can be read."""
    language = find_language(request)
    name = find_name(file)
    if not models:
        raise gr.Error(say(language, "video.no_models"), print_exception=False)

    def advance(done: int, total: int) -> None:
        progress((done, min(total, LONGEST_S)), desc=say(language, "video.progress", name=name), unit="")

    film = Filmstrip()
    try:
        recognizer = create_recognizer(models)
        story, note, left_out = gather(find_upload(file), recognizer, advance, film)
    except FerZooError as error:
        kind = getattr(error, "kind", "")
        told = say(language, f"video.{kind}", name=name) if kind else str(error)
        raise gr.Error(told, print_exception=False) from None
    seconds = format_number(language, story.end, ".1f")
    unread = say(language, f"video.{note}", seconds=seconds, limit=round(LONGEST_WORK_S)) if note else ""
    told = " ".join(filter(None, (unread, describe_reading(language, left_out))))
    return render_story(story, name, told, language, film)


def gather(
    path: Path, recognizer: Recognizer, advance: Any, film: Filmstrip | None = None
) -> tuple[VideoStory, str, int]:
    """The story of the first minute, the key of the words for what was not read, or nothing, and how many
    faces the fullest frame left out. film: gets the frames.

    Raises FerZooError where no frame can be read.
    """
    story, left_out = VideoStory(recognizer.names), 0
    tracker = FaceTracker(recognizer, frame_side=FRAME_SIDE)
    try:
        for frame in follow_video(path, tracker, FRAMES_A_SECOND, advance, longest_s=LONGEST_WORK_S):
            if frame.seconds > LONGEST_S:
                return story, "cut", left_out
            story.add(frame)
            if film is not None:
                film.add(frame.seconds, frame.pixels)
            left_out = max(left_out, tracker.faces_left_out)
    except FerZooError as error:
        kind = getattr(error, "kind", "")
        if kind == "time":
            return story, "slow", left_out
        if not story.frames:
            raise
        return story, "limit_rest" if kind == "limit" else "damaged_rest", left_out
    return story, "", left_out
