"""What several models say of the faces in one photo, as HTML. Markup.format escapes every text in it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from compare_tab.words import WORDS
from fer_zoo import EMOTIONS
from fer_zoo.emotions import COLORS
from page.crowds import describe_left_out, list_left_out
from page.data_uris import encode_picture, encode_pixels
from page.emotions import WORDS as EMOTION_WORDS
from page.offered_models import is_ensemble
from page.uploads import hide_paths
from page.words import format_number

if TYPE_CHECKING:
    from fer_zoo.recognition.recognizer import Inspection

SHOWN_SIDE = 1000  # pixels: longest side of the photo as it is sent back to the page
SURE = 0.5  # probability: below it a model's top answer is called unsure

WELCOME = Markup(
    '<div class="fz-message" role="status"><p>{welcome}</p>'
    '<button type="button" class="fz-button" data-act="select">{example}</button></div>'
)
EMPTY = Markup('<div class="fz-message" role="status"><p>{}</p></div>')
NO_FACE = Markup(
    '<div class="fz-result">{photo}<div class="fz-message" role="status"><h3>{title}</h3><p>{words}</p>'
    '<button type="button" class="fz-button" data-act="submit">{use_whole}</button></div></div>'
)
RESULT = Markup('<div class="fz-result" data-photo="{key}">{photo}<div>{panels}</div></div>')
PHOTO = Markup(
    '<figure class="fz-photo"><div class="fz-frame"><img src="{source}" alt="{words}">{boxes}</div>'
    "<figcaption>{caption} "
    '<button type="button" class="fz-link" data-act="clear">{forget}</button></figcaption></figure>'
)
BOX = Markup(
    '<button type="button" class="fz-box" data-face="{index}" aria-pressed="{pressed}" '
    'aria-label="{title}: {answer}" '
    'style="left:{x:.3f}%;top:{y:.3f}%;width:{width:.3f}%;height:{height:.3f}%">'
    "<span>{number}</span></button>"
)
PANEL = Markup(
    '<section class="fz-panel" data-panel="{index}" aria-label="{title}"{hidden}><header>'
    '<img class="fz-crop" src="{crop}" alt="{crop_words}" '
    'width="112" height="112"><div role="status"><h3>{heading}</h3>'
    '<p class="fz-verdict">{verdict}</p>{notes}</div>'
    '</header><div class="fz-above"><p class="fz-about">{about}</p>'
    '<button type="button" class="fz-why" data-why aria-pressed="false">{why}</button></div>'
    '<div class="fz-scroll" tabindex="0" role="group" aria-label="{table}">'
    '<table class="fz-bars" style="--models:{count}"><thead><tr><th scope="col">{expression}</th>{heads}</tr>'
    "</thead><tbody>{rows}{heat}</tbody></table></div>"
    '<p class="fz-about fz-hint" hidden>{why_words}</p></section>'
)
HEAD = Markup('<th scope="col"{mark}>{name}<small>{time}</small></th>')
ROW = Markup(
    '<tr style="--emotion:{color}"><th scope="row"><i class="fz-swatch"></i>{emotion}</th>{cells}</tr>'
)
CELL = Markup('<td{top}><span class="fz-bar" style="width:{share:.1f}%"></span><span>{shown}</span></td>')
FAULT = Markup('<td rowspan="{rows}" class="fz-fault">{fault}</td>')
HEAT = Markup('<tr class="fz-heat-row" hidden aria-live="polite"><th scope="row">{where}</th>{cells}</tr>')
HEAT_CELL = Markup('<td data-heat="{name}"></td>')


def render_welcome(language: str = "en") -> str:
    return WELCOME.format(welcome=WORDS.say(language, "welcome"), example=WORDS.say(language, "example"))


def render_message(words: str) -> str:
    return EMPTY.format(words)


def render_result(
    seen: "Inspection", key: str, whole: bool, models: Sequence[str], language: str = "en"
) -> str:
    """key: tells one photo from the next: the page keeps the chosen face when only the models change.

    models: names of the columns, in their order.
    """
    if not seen.faces:
        photo = _render_photo(seen, Markup(""), WORDS.say(language, "your_photo_is"), language)
        title, words, use_whole = (WORDS.say(language, k) for k in ("no_face", "no_face_why", "use_whole"))
        return NO_FACE.format(photo=photo, title=title, words=words, use_whole=use_whole)
    indices = range(len(seen.faces))
    boxes = Markup("").join(_render_box(seen, index, language) for index in indices)
    panels = Markup("").join(_render_panel(seen, index, whole, models, language) for index in indices)
    count = len(seen.faces)
    caption = WORDS.say(language, "many_faces", count=count) if count > 1 else WORDS.say(language, "one_face")
    caption = f"{caption} {describe_left_out(list_left_out(seen), language)}".rstrip()
    if whole:
        boxes, caption = Markup(""), WORDS.say(language, "read_whole")
    photo = _render_photo(seen, boxes, caption, language)
    return RESULT.format(key=key, photo=photo, panels=panels)


def describe_answers(answers: dict[str, tuple[str, float]], language: str = "en") -> str:
    """One sentence on who says what. answers: emotion and its probability for each model."""
    if not answers:
        return WORDS.say(language, "none_worked")
    by_emotion: dict[str, list[str]] = {}
    for name, (emotion, probability) in answers.items():
        by_emotion.setdefault(emotion, []).append(f"{name} {format_number(language, probability, '.0%')}")
    parts = [
        f"{EMOTION_WORDS.say(language, emotion)} ({', '.join(who)})" for emotion, who in by_emotion.items()
    ]
    if len(parts) > 1:
        return WORDS.say(language, "disagree", parts="; ".join(parts))
    unsure = max(probability for _, probability in answers.values()) < SURE
    doubt = WORDS.say(language, "doubt") if unsure else ""
    if len(answers) == 2:
        return WORDS.say(language, "both_agree", part=parts[0], doubt=doubt)
    if len(answers) > 2:
        return WORDS.say(language, "all_agree", count=len(answers), part=parts[0], doubt=doubt)
    ((name, (emotion, probability)),) = answers.items()
    word, share = EMOTION_WORDS.say(language, emotion), format_number(language, probability, ".0%")
    return WORDS.say(language, "reads", name=name, emotion=word, share=share, doubt=doubt)


def _answers(seen: "Inspection", index: int) -> dict[str, tuple[str, float]]:
    return {
        name: (EMOTIONS[tops[index]], float(seen.probabilities[name][index, tops[index]]))
        for name, tops in seen.answers.items()
    }


def _name_answers(seen: "Inspection", index: int, language: str) -> str:
    """ "sad", or "sad or fear" where the models disagree; empty where none worked."""
    emotions = dict.fromkeys(emotion for emotion, _ in _answers(seen, index).values())
    words = [EMOTION_WORDS.say(language, emotion) for emotion in emotions]
    return f" {WORDS.say(language, 'or')} ".join(words)


def _render_photo(seen: "Inspection", boxes: Markup, caption: str, language: str) -> Markup:
    shown = seen.photo.copy()
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    return PHOTO.format(
        source=encode_picture(shown, "JPEG"),
        words=WORDS.say(language, "your_photo"),
        boxes=boxes,
        caption=caption,
        forget=WORDS.say(language, "forget"),
    )


def _render_box(seen: "Inspection", index: int, language: str) -> Markup:
    x, y, width, height = seen.faces[index].box
    across, down = 100 / seen.photo.width, 100 / seen.photo.height
    return BOX.format(
        index=index,
        number=index + 1,
        title=WORDS.say(language, "face", number=index + 1),
        pressed="true" if index == 0 else "false",
        answer=_name_answers(seen, index, language) or WORDS.say(language, "none_worked"),
        x=x * across,
        y=y * down,
        width=width * across,
        height=height * down,
    )


def _render_panel(
    seen: "Inspection", index: int, whole: bool, models: Sequence[str], language: str
) -> Markup:
    count = len(seen.faces)
    title = WORDS.say(language, "face_of", number=index + 1, count=count)
    if count == 1:
        title = WORDS.say(language, "the_whole") if whole else WORDS.say(language, "face", number=1)
    notes = [Markup('<p class="fz-note">{}</p>').format(WORDS.say(language, n)) for n in seen.notes(index)]
    rows = [_render_row(seen, index, column, models, language) for column in range(len(EMOTIONS))]
    heat = HEAT.format(
        where=WORDS.say(language, "where"),
        cells=Markup("").join(HEAT_CELL.format(name=name) for name in models if name in seen.probabilities),
    )
    return PANEL.format(
        index=index,
        title=title,
        heading=": ".join(filter(None, (title, _name_answers(seen, index, language)))),
        hidden=Markup(" hidden") if index else "",
        crop=encode_pixels(seen.crops[index]),
        crop_words=WORDS.say(language, "crop"),
        verdict=describe_answers(_answers(seen, index), language),
        notes=Markup("").join(notes),
        about=WORDS.say(language, "probability"),
        why=WORDS.say(language, "why"),
        why_words=WORDS.say(language, "why_words"),
        table=WORDS.say(language, "table"),
        expression=WORDS.say(language, "expression"),
        count=len(models),
        heads=Markup("").join(_render_head(seen, name, language) for name in models),
        rows=Markup("").join(rows),
        heat=heat if seen.probabilities else "",
    )


def _render_head(seen: "Inspection", name: str, language: str) -> Markup:
    count = len(seen.faces)
    time = WORDS.say(language, "failed")
    if name in seen.milliseconds:
        milliseconds = f"{seen.milliseconds[name]:.0f}"
        time = f"{milliseconds}\N{NO-BREAK SPACE}ms"
        if count > 1:
            time = WORDS.say(language, "time_for", milliseconds=milliseconds, count=count)
    ensemble = is_ensemble(name)
    if ensemble:
        time = f"{WORDS.say(language, 'vote')}, {time}"
    mark = Markup(' class="fz-ensemble"') if ensemble else ""
    return HEAD.format(mark=mark, name=Markup("_<wbr>").join(name.split("_")), time=time)


def _render_row(seen: "Inspection", index: int, column: int, models: Sequence[str], language: str) -> Markup:
    """A failed model's column is one cell, as high as the table, in the first row."""
    cells = []
    for name in models:
        if name in seen.probabilities:
            shares = seen.probabilities[name][index]
            top = Markup(' class="fz-top"') if seen.answers[name][index] == column else ""
            share = 100 * float(shares[column])
            cells.append(CELL.format(top=top, share=share, shown=format_number(language, share, ".1f")))
        elif column == 0:
            # The row of heatmaps has no cell for it either.
            fault = hide_paths(seen.faults[name])
            cells.append(FAULT.format(rows=len(EMOTIONS) + bool(seen.probabilities), fault=fault))
    emotion = EMOTIONS[column]
    word = EMOTION_WORDS.say(language, emotion)
    return ROW.format(color=COLORS[emotion], emotion=word, cells=Markup("").join(cells))
