"""The story of a video as HTML."""

from typing import Any

import numpy as np

from fer_zoo import VideoStory, charts
from page.data_uris import encode_pixels
from page.limits import LARGEST_ZIP
from page.report import render_no_report, render_report
from page.templates import map_colors
from page.words import format_number, name_label, say
from video_tab.filmstrip import Filmstrip

LONGEST_S = 60  # of a video that are read
MAX_FACES = 6  # shown: those that most frames show
MAX_NAMED = 3  # in the sentence at the top
STEP_S = 0.2  # that one sighting stands for


def render_empty(language: str) -> str:
    text = say(language, "video.empty", most=LARGEST_ZIP // 1_000_000, longest=LONGEST_S)
    return render_no_report("video", text, language)


def render_story(
    story: VideoStory, name: str, note: str, language: str, film: Filmstrip | None = None
) -> str:
    """note: what of the video was not read, or nothing. film: for the frame under the pointer."""
    faces = [_describe_face(story, number, language) for number, _ in story.longest[:MAX_FACES]]
    seconds = format_number(language, story.end, ".1f")
    width = story.end + STEP_S
    ticks = [at for at in charts.choose_ticks(0, width) if at <= width + 1e-6]
    classes = list(dict.fromkeys(label for model in story.models for label in story.name_classes(model)))
    return render_report(
        "video",
        say(language, "video.summary", name=name, seconds=seconds, faces=len(story.faces)),
        story.to_csv(),
        story.describe(name),
        language,
        note=note,
        mostly=_name_mostly(story, language),
        faces=faces,
        legend=map_colors(classes),
        film=film.describe() if film and film.seconds else None,
        width=width,
        ticks={at: say(language, "video.seconds", at=format_number(language, at, "g")) for at in ticks},
        more=len(story.faces) - len(faces),
    )


def _name_mostly(story: VideoStory, language: str) -> str:
    """A sentence on what the faces showed most of the time, by the first model; nothing without a face."""
    if not story.faces:
        return ""
    model = story.models[0]
    parts = []
    for number, face in story.longest[:MAX_NAMED]:
        counts = np.bincount(face.stack(model).argmax(axis=1))
        emotion = name_label(language, story.name_classes(model)[int(counts.argmax())])
        share = format_number(language, counts.max() / counts.sum(), ".0%")
        parts.append(say(language, "video.mostly_face", number=number, emotion=emotion, share=share))
    return say(language, "video.mostly", model=model, parts="; ".join(parts))


def _describe_face(story: VideoStory, number: int, language: str) -> dict[str, Any]:
    face = story.faces[number]
    return {
        "number": number,
        "portrait": encode_pixels(face.portrait, "JPEG"),
        "first": face.seconds[0],
        "last": face.seconds[-1],
        "models": [_describe_model(story, number, model, language) for model in story.models],
    }


def _describe_model(story: VideoStory, number: int, model: str, language: str) -> dict[str, Any]:
    face, classes = story.faces[number], story.name_classes(model)
    table, width = face.stack(model), story.end + STEP_S
    means = table.mean(axis=0)
    top = int(means.argmax())
    positions = np.array(face.seconds) / width
    answers = [
        (
            round(seconds, 2),
            name_label(language, classes[row.argmax()]),
            format_number(language, row.max(), ".0%"),
        )
        for seconds, row in zip(face.seconds, table, strict=True)
    ]
    return {
        "name": model,
        "top": classes[top],
        "share": means[top],
        "bands": charts.render_bands(positions, table, face.segments, STEP_S / width, classes),
        "answers": answers,
    }
