"""The story of a video as HTML. Markup.format escapes every text in it."""

import json
from functools import partial

import numpy as np
from markupsafe import Markup

from fer_zoo import VideoStory
from fer_zoo.emotions import COLORS, EMOTIONS
from page.data_uris import encode_pixels
from page.emotions import WORDS as EMOTION_WORDS
from page.limits import LARGEST_ZIP
from page.report import render_no_report, render_report
from page.words import format_number
from video_tab.words import WORDS

LONGEST_S = 60  # of a video that are read
MAX_FACES = 6  # shown: those that most frames show
STEP_S = 0.2  # that one sighting stands for

NOTE = Markup('<p class="fz-about">{}</p>')
LEGEND = Markup('<ul class="fz-legend">{}</ul>')
EMOTION = Markup('<li style="--emotion:{color}"><i class="fz-swatch"></i>{name}</li>')
FACE = Markup(
    '<section class="fz-story"><figure><img src="{source}" alt=""><figcaption>{name}<small>{times}</small>'
    "</figcaption></figure><div>{models}</div></section>"
)
MODEL = Markup(
    "<h4>{model} <small>{mean}</small></h4>"
    '<svg class="fz-bands" role="img" aria-label="{words}" viewBox="0 0 1000 100" preserveAspectRatio="none">'
    '{bands}</svg><p class="fz-ends"><span>{first}</span><span>{last}</span></p>'
)
BAND = Markup('<path fill="{color}" d="M{points}Z"/>')


def render_empty(language: str) -> str:
    empty = WORDS.say(language, "empty", most=LARGEST_ZIP // 1_000_000, longest=LONGEST_S)
    return render_no_report(empty, WORDS.say(language, "privacy"))


def render_story(story: VideoStory, name: str, note: str, language: str) -> str:
    """note: what of the video was not read, or nothing."""
    say = partial(WORDS.say, language)
    seconds = format_number(language, story.end, ".1f")
    legend = Markup("").join(
        EMOTION.format(color=COLORS[emotion], name=EMOTION_WORDS.say(language, emotion))
        for emotion in EMOTIONS
    )
    faces = [_render_face(story, number, language) for number, _ in story.longest[:MAX_FACES]]
    more = len(story.faces) - len(faces)
    listing = json.dumps(story.describe(name), indent=2, ensure_ascii=False)
    body = [
        NOTE.format(note) if note else Markup(""),
        LEGEND.format(legend) if faces else NOTE.format(say("no_face")),
        *faces,
        NOTE.format(say("more", count=more)) if more else Markup(""),
    ]
    summary = say("summary", name=name, seconds=seconds, faces=len(story.faces))
    table = story.to_csv()
    return render_report(summary, table, listing, Markup("").join(body), say("privacy"), language)


def _render_face(story: VideoStory, number: int, language: str) -> Markup:
    face = story.faces[number]
    first, last = (format_number(language, at, ".1f") for at in (face.seconds[0], face.seconds[-1]))
    return FACE.format(
        source=encode_pixels(face.portrait, "JPEG"),
        name=WORDS.say(language, "face", number=number),
        times=WORDS.say(language, "times", first=first, last=last),
        models=Markup("").join(_render_model(story, number, model, language) for model in story.models),
    )


def _render_model(story: VideoStory, number: int, model: str, language: str) -> Markup:
    say, face = partial(WORDS.say, language), story.faces[number]
    table = face.stack(model)
    means = table.mean(axis=0)
    top = int(means.argmax())
    told = {
        "emotion": EMOTION_WORDS.say(language, EMOTIONS[top]),
        "share": format_number(language, means[top], ".0%"),
    }
    end = story.end + STEP_S
    return MODEL.format(
        model=model,
        mean=say("mean", **told),
        words=say("bands", number=number, model=model, **told),
        bands=render_bands(np.array(face.seconds) / end, table, face.segments, STEP_S / end),
        first=say("seconds", at=0),
        last=say("seconds", at=format_number(language, story.end, ".1f")),
    )


def render_bands(places: np.ndarray, table: np.ndarray, stretches: list[np.ndarray], step: float) -> Markup:
    """Seven paths for each stretch, one on the other as high as the emotions are probable.

    places: float (N,), rising, as shares of the width. table: float (N, 7). stretches: indices of
    both. step: width of one sighting, as a share, too.
    """
    edges = np.concatenate([np.zeros((len(table), 1)), table.cumsum(axis=1)], axis=1)
    bands = []
    for part in stretches:
        across = 1000 * np.append(places[part], places[part[-1]] + step)
        heights = 100 * (1 - np.vstack([edges[part], edges[part[-1]]]))
        for emotion, color in enumerate(COLORS.values()):
            below = zip(across, heights[:, emotion], strict=True)
            above = zip(across[::-1], heights[::-1, emotion + 1], strict=True)
            points = "L".join(f"{x:.0f} {y:.1f}" for x, y in (*below, *above))
            bands.append(BAND.format(color=color, points=points))
    return Markup("").join(bands)
