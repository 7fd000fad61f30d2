"""What several models say of the faces in one photo, and where they looked, as HTML."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import fer_zoo
from fer_zoo import EMOTIONS
from page.data_uris import encode_picture, encode_pixels, to_uri
from page.offered_models import ModelFacts, choose_leads, create_recognizer, read_facts
from page.templates import map_colors, render
from page.uploads import hide_paths
from page.words import describe_reading, format_number, name_label, say

if TYPE_CHECKING:
    from fer_zoo.recognition.recognizer import Inspection

SHOWN_SIDE = 1000  # pixels: longest side of the photo as it is sent back to the page
SURE = 0.5  # probability: below it the runner-up is named, too
CLOSE = 0.1  # of probability: a runner-up so near is named, too


class Answer(NamedTuple):
    """probability: of the emotion, 0 to 1. next_emotion: the second most probable."""

    emotion: str
    probability: float
    next_emotion: str
    next_probability: float

    @property
    def is_sure(self) -> bool:
        return self.probability >= SURE and self.probability - self.next_probability >= CLOSE


def render_welcome(language: str = "en") -> str:
    return render_message(say(language, "compare.welcome"), language)


def render_message(text: str, language: str = "en", held: bool = False) -> str:
    """held: whether the server holds a photo, which other models can read."""
    return render("message", language, text=text, held=held)


def sort_from_left(seen: "Inspection") -> "Inspection":
    """The same faces, by the middle of their boxes: as people count them."""
    order = sorted(range(len(seen.faces)), key=lambda i: seen.faces[i].box[0] + seen.faces[i].box[2] / 2)
    return replace(
        seen,
        faces=[seen.faces[index] for index in order],
        crops=seen.crops[order],
        probabilities={name: table[order] for name, table in seen.probabilities.items()},
    )


def render_result(
    seen: "Inspection",
    key: str,
    whole: bool,
    models: Sequence[str],
    language: str = "en",
    name: str = "photo",
) -> str:
    """seen: with its faces in the order of their numbers.

    key: tells one photo from the next: the page keeps the chosen face when only the models change.
    models: names of the columns, in their order. name: of the photo's file.
    """
    shown = seen.photo.copy()
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    facts = read_facts()
    leads = choose_leads([model for model in models if model in seen.probabilities], facts)
    columns = [_describe_column(seen, model, facts, language) for model in models]
    return render(
        "compare",
        language,
        key=key,
        models="|".join(sorted(seen.probabilities)),
        whole=whole,
        photo=encode_picture(shown, "JPEG"),
        caption=_describe_photo(seen, whole, language),
        columns=columns,
        leads=[column for column in columns if column["name"] in leads],
        faces=[
            _describe_face(seen, index, whole, leads, facts, language) for index in range(len(seen.faces))
        ],
        stem=name.rpartition(".")[0] or name,
        listing=_encode_listing(seen, name),
    )


def _encode_listing(seen: "Inspection", name: str) -> str:
    """JSON as a data URI: as `fer-zoo predict --json`, with the size that its boxes refer to."""
    size = [round(side * scale) for side, scale in zip(seen.photo.size, seen.scale, strict=True)]
    listed = {"image": name, "size": size, **seen.describe()}
    return to_uri("application/json", json.dumps(listed, indent=2, ensure_ascii=False).encode())


def _describe_photo(seen: "Inspection", whole: bool, language: str) -> str:
    if whole and seen.faces:
        return say(language, "compare.read_whole")
    count = len(seen.faces)
    caption = say(language, "compare.many_faces", count=count)
    if count < 2:
        caption = say(language, "compare.one_face" if count else "compare.your_photo_is")
    return f"{caption} {describe_reading(language, seen.faces_left_out, seen.turned)}".rstrip()


def _describe_column(
    seen: "Inspection", name: str, facts: Mapping[str, ModelFacts], language: str
) -> dict[str, Any]:
    """error: why a model has no probabilities, or nothing."""
    note, count = say(language, "compare.failed"), len(seen.faces)
    if name in seen.milliseconds:
        milliseconds = f"{seen.milliseconds[name]:.0f}"
        note = f"{milliseconds}\N{NO-BREAK SPACE}ms"
        if count > 1:
            note = say(language, "compare.time_for", milliseconds=milliseconds, count=count)
    known = facts.get(name, ModelFacts())
    if known.is_ensemble:
        note = f"{say(language, 'compare.vote')}, {note}"
    error = "" if name in seen.probabilities else hide_paths(seen.errors[name])
    return {
        "name": name,
        "is_ensemble": known.is_ensemble,
        "labels": say(language, f"compare.labels_{known.labels}"),
        "note": note,
        "error": error,
    }


def _describe_face(
    seen: "Inspection",
    index: int,
    whole: bool,
    leads: Sequence[str],
    facts: Mapping[str, ModelFacts],
    language: str,
) -> dict[str, Any]:
    """box: left, top, width, height in percent of the photo. answers: of the leads; the box has the first."""
    x, y, width, height = seen.faces[index].box
    across, down = 100 / seen.photo.width, 100 / seen.photo.height
    title = say(language, "compare.face_of", number=index + 1, count=len(seen.faces))
    if len(seen.faces) == 1:
        title = say(language, "compare.the_whole") if whole else say(language, "compare.face", number=1)
    answers = {
        name: find_answer(table[index], seen.classes[name]) for name, table in seen.probabilities.items()
    }
    classes = dict.fromkeys(emotion for name in seen.probabilities for emotion in seen.classes[name])
    colors = map_colors(classes or EMOTIONS)
    return {
        "box": (x * across, y * down, width * across, height * down),
        "title": title,
        "answers": [_describe_answer(answers[lead], colors, language) for lead in leads],
        "singles": describe_singles(language, answers, leads, facts),
        "notes": seen.notes(index),
        "crop": encode_pixels(seen.crops[index]),
        "rows": _list_rows(seen, index, answers, colors, language),
    }


def find_answer(probabilities: Sequence[float], names: Sequence[str]) -> Answer:
    """names: of the classes, two or more."""
    ranked = sorted(range(len(names)), key=lambda index: -probabilities[index])
    first, second = ranked[0], ranked[1]
    return Answer(names[first], float(probabilities[first]), names[second], float(probabilities[second]))


def _describe_answer(answer: Answer, colors: Mapping[str, str], language: str) -> dict[str, str]:
    name = name_label(language, answer.emotion)
    share = format_number(language, answer.probability, ".0%")
    return {
        "emotion": name,
        "share": share,
        "told": f"{name} {share}",
        "doubt": describe_doubt(language, answer),
        "color": colors[answer.emotion],
    }


def describe_doubt(language: str, answer: Answer) -> str:
    """A sentence where the answer is a close one, else nothing."""
    if answer.is_sure:
        return ""
    share = format_number(language, answer.next_probability, ".0%")
    return say(language, "compare.runner_up", emotion=name_label(language, answer.next_emotion), share=share)


def describe_singles(
    language: str, answers: Mapping[str, Answer], leads: Sequence[str], facts: Mapping[str, ModelFacts]
) -> str:
    """Sentences on what the single models say that do not lead; nothing where there is none.

    A member of an ensemble is no voter for it: it is said to be a member.
    """
    known = {name: facts.get(name, ModelFacts()) for name in answers}
    singles = [name for name in answers if name not in leads and not known[name].is_ensemble]
    if not singles:
        return ""
    by_emotion: dict[str, list[str]] = {}
    for name in singles:
        share = format_number(language, answers[name].probability, ".0%")
        by_emotion.setdefault(answers[name].emotion, []).append(f"{name} {share}")
    parts = [f"{name_label(language, emotion)} ({', '.join(who)})" for emotion, who in by_emotion.items()]
    key = "singles_differ" if len(parts) > 1 else "singles_agree" if len(singles) > 1 else "single_says"
    told = say(language, f"compare.{key}", parts="; ".join(parts))
    members = frozenset().union(*(facts[lead].members for lead in leads if lead in facts))
    if inside := [name for name in singles if name in members]:
        told += " " + say(language, "compare.members", names=", ".join(inside))
    return told


def _list_rows(
    seen: "Inspection", index: int, answers: Mapping[str, Answer], colors: Mapping[str, str], language: str
) -> list[dict[str, Any]]:
    """For each class of any model its percent by model, and which models have it as their top answer."""
    tables = {
        model: dict(zip(seen.classes[model], table[index], strict=True))
        for model, table in seen.probabilities.items()
    }
    return [
        {
            "emotion": emotion,
            "name": name_label(language, emotion),
            "color": color,
            "percents": {
                model: 100 * float(table[emotion]) for model, table in tables.items() if emotion in table
            },
            "tops": [model for model, answer in answers.items() if answer.emotion == emotion],
        }
        for emotion, color in colors.items()
    ]


def render_heats(
    key: str,
    crop: np.ndarray,
    index: int,
    emotion: str,
    classes: Mapping[str, Sequence[str]],
    language: str,
) -> str:
    """By the models that have the emotion among their classes. crop: of face `index`, uint8 (48, 48)."""
    targets = {name: [own.index(emotion)] for name, own in classes.items() if emotion in own}
    maps, errors = create_recognizer(list(classes)).explain(crop[None], targets, keep_going=True)
    shown = name_label(language, emotion)
    heats = [
        {
            "name": name,
            "source": encode_picture(fer_zoo.draw_heat(crop, heat[0]), "WEBP"),
            "alt": say(language, "compare.heat", name=name, emotion=shown),
        }
        for name, heat in maps.items()
    ]
    return render(
        "heats",
        language,
        key=key,
        models="|".join(sorted(classes)),
        index=index,
        emotion=emotion,
        title=say(language, "compare.where", emotion=shown),
        heats=heats,
        errors={name: hide_paths(error) for name, error in errors.items()},
    )
