"""The story of a video as HTML."""

from typing import Any

import numpy as np

from fer_zoo import EMOTIONS, VideoStory, charts
from page.data_uris import encode_pixels
from page.limits import LARGEST_ZIP
from page.report import render_no_report, render_report
from page.words import format_number, say

LONGEST_S = 60  # of a video that are read
MAX_FACES = 6  # shown: those that most frames show
STEP_S = 0.2  # that one sighting stands for


def render_empty(language: str) -> str:
    text = say(language, "video.empty", most=LARGEST_ZIP // 1_000_000, longest=LONGEST_S)
    return render_no_report("video", text, language)


def render_story(story: VideoStory, name: str, note: str, language: str) -> str:
    """note: what of the video was not read, or nothing."""
    faces = [_describe_face(story, number) for number, _ in story.longest[:MAX_FACES]]
    seconds = format_number(language, story.end, ".1f")
    return render_report(
        "video",
        say(language, "video.summary", name=name, seconds=seconds, faces=len(story.faces)),
        story.to_csv(),
        story.describe(name),
        language,
        note=note,
        faces=faces,
        end=story.end,
        more=len(story.faces) - len(faces),
    )


def _describe_face(story: VideoStory, number: int) -> dict[str, Any]:
    face = story.faces[number]
    return {
        "number": number,
        "portrait": encode_pixels(face.portrait, "JPEG"),
        "first": face.seconds[0],
        "last": face.seconds[-1],
        "models": [_describe_model(story, number, model) for model in story.models],
    }


def _describe_model(story: VideoStory, number: int, model: str) -> dict[str, Any]:
    face = story.faces[number]
    table, width = face.stack(model), story.end + STEP_S
    means = table.mean(axis=0)
    top = int(means.argmax())
    bands = charts.render_bands(np.array(face.seconds) / width, table, face.segments, STEP_S / width)
    return {"name": model, "top": EMOTIONS[top], "share": means[top], "bands": bands}
