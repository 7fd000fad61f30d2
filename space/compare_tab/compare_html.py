"""What several models say of the faces in one photo, as HTML."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fer_zoo import EMOTIONS
from page.data_uris import encode_picture, encode_pixels
from page.offered_models import is_ensemble
from page.remarks import describe_reading
from page.templates import render
from page.uploads import hide_paths
from page.words import format_number, say

if TYPE_CHECKING:
    from fer_zoo.recognition.recognizer import Inspection

SHOWN_SIDE = 1000  # pixels: longest side of the photo as it is sent back to the page
SURE = 0.5  # probability: below it a model's top answer is called unsure


def render_welcome(language: str = "en") -> str:
    return render("message", language, text=say(language, "compare.welcome"), example=True)


def render_message(text: str, language: str = "en") -> str:
    return render("message", language, text=text, example=False)


def render_result(
    seen: "Inspection", key: str, whole: bool, models: Sequence[str], language: str = "en"
) -> str:
    """key: tells one photo from the next: the page keeps the chosen face when only the models change.

    models: names of the columns, in their order.
    """
    shown = seen.photo.copy()
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    return render(
        "compare",
        language,
        key=key,
        whole=whole,
        photo=encode_picture(shown, "JPEG"),
        caption=_describe_photo(seen, whole, language),
        columns=[_describe_column(seen, name, language) for name in models],
        faces=[_describe_face(seen, index, whole, language) for index in range(len(seen.faces))],
    )


def describe_answers(answers: dict[str, tuple[str, float]], language: str = "en") -> str:
    """One sentence on who says what. answers: emotion and its probability for each model."""
    if not answers:
        return say(language, "compare.none_worked")
    by_emotion: dict[str, list[str]] = {}
    for name, (emotion, probability) in answers.items():
        by_emotion.setdefault(emotion, []).append(f"{name} {format_number(language, probability, '.0%')}")
    parts = [
        f"{say(language, f'emotion.{emotion}')} ({', '.join(who)})" for emotion, who in by_emotion.items()
    ]
    if len(parts) > 1:
        return say(language, "compare.disagree", parts="; ".join(parts))
    unsure = max(probability for _, probability in answers.values()) < SURE
    doubt = say(language, "compare.doubt") if unsure else ""
    if len(answers) == 2:
        return say(language, "compare.both_agree", part=parts[0], doubt=doubt)
    if len(answers) > 2:
        return say(language, "compare.all_agree", count=len(answers), part=parts[0], doubt=doubt)
    ((name, (emotion, probability)),) = answers.items()
    word, share = say(language, f"emotion.{emotion}"), format_number(language, probability, ".0%")
    return say(language, "compare.reads", name=name, emotion=word, share=share, doubt=doubt)


def _answers(seen: "Inspection", index: int) -> dict[str, tuple[str, float]]:
    return {
        name: (EMOTIONS[tops[index]], float(seen.probabilities[name][index, tops[index]]))
        for name, tops in seen.answers.items()
    }


def _name_answers(seen: "Inspection", index: int, language: str) -> str:
    """ "sad", or "sad or fear" where the models disagree; empty where none worked."""
    emotions = dict.fromkeys(emotion for emotion, _ in _answers(seen, index).values())
    named = [say(language, f"emotion.{emotion}") for emotion in emotions]
    return f" {say(language, 'compare.or')} ".join(named)


def _describe_photo(seen: "Inspection", whole: bool, language: str) -> str:
    if whole and seen.faces:
        return say(language, "compare.read_whole")
    count = len(seen.faces)
    caption = say(language, "compare.many_faces", count=count)
    if count < 2:
        caption = say(language, "compare.one_face" if count else "compare.your_photo_is")
    return f"{caption} {describe_reading(language, seen.faces_left_out, seen.turned)}".rstrip()


def _describe_column(seen: "Inspection", name: str, language: str) -> dict[str, Any]:
    """fault: why a model has no probabilities, or nothing."""
    note, count = say(language, "compare.failed"), len(seen.faces)
    if name in seen.milliseconds:
        milliseconds = f"{seen.milliseconds[name]:.0f}"
        note = f"{milliseconds}\N{NO-BREAK SPACE}ms"
        if count > 1:
            note = say(language, "compare.time_for", milliseconds=milliseconds, count=count)
    if ensemble := is_ensemble(name):
        note = f"{say(language, 'compare.vote')}, {note}"
    fault = "" if name in seen.probabilities else hide_paths(seen.errors[name])
    return {"name": name, "is_ensemble": ensemble, "note": note, "fault": fault}


def _describe_face(seen: "Inspection", index: int, whole: bool, language: str) -> dict[str, Any]:
    """box: left, top, width and height in percent of the photo."""
    x, y, width, height = seen.faces[index].box
    across, down = 100 / seen.photo.width, 100 / seen.photo.height
    title = say(language, "compare.face_of", number=index + 1, count=len(seen.faces))
    if len(seen.faces) == 1:
        title = say(language, "compare.the_whole") if whole else say(language, "compare.face", number=1)
    return {
        "box": (x * across, y * down, width * across, height * down),
        "title": title,
        "answer": _name_answers(seen, index, language),
        "verdict": describe_answers(_answers(seen, index), language),
        "notes": seen.notes(index),
        "crop": encode_pixels(seen.crops[index]),
        "percents": {
            name: [100 * float(p) for p in table[index]] for name, table in seen.probabilities.items()
        },
        "tops": {name: tops[index] for name, tops in seen.answers.items()},
    }
