"""What several models say of the faces in one photo, as HTML. Markup.format escapes every text in it."""

import base64
import io
from typing import TYPE_CHECKING

from markupsafe import Markup

from fer_zoo import EMOTIONS
from fer_zoo.emotions import COLORS

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from fer_zoo.recognition.recognizer import Inspection

SHOWN_SIDE = 1000  # pixels: longest side of the photo as it is sent back to the page
SURE = 0.5  # probability: below it a model's top answer is called unsure
NOTES = {
    "tiny": "A small face: little can be read from it.",
    "profile": "Seen from the side: the models learned mostly from faces seen from the front.",
}

WELCOME = Markup(
    '<div class="fz-message" role="status"><p>Add a photo, and the answers appear here.</p>'
    '<button type="button" class="fz-button" data-act="select">Try it with drawn faces</button></div>'
)
EMPTY = Markup('<div class="fz-message" role="status"><p>{}</p></div>')
NO_FACE = Markup(
    '<div class="fz-result">{photo}<div class="fz-message" role="status"><h3>No face found</h3>'
    "<p>A face needs about 24 pixels and should not be turned far away. If the picture is a close-up of "
    'one face, the models can read all of it.</p><button type="button" class="fz-button" data-act="submit">'
    "Use the whole picture</button></div></div>"
)
RESULT = Markup('<div class="fz-result" data-photo="{key}">{photo}<div>{panels}</div></div>')
PHOTO = Markup(
    '<figure class="fz-photo"><div class="fz-frame"><img src="{source}" alt="{words}">{boxes}</div>'
    "<figcaption>{caption} "
    '<button type="button" class="fz-link" data-act="clear">Forget photo</button></figcaption></figure>'
)
BOX = Markup(
    '<button type="button" class="fz-box" data-face="{index}" aria-pressed="{pressed}" '
    'aria-label="Face {number}: {answer}" '
    'style="left:{x:.3f}%;top:{y:.3f}%;width:{width:.3f}%;height:{height:.3f}%">'
    "<span>{number}</span></button>"
)
PANEL = Markup(
    '<section class="fz-panel" data-panel="{index}" aria-label="{title}"{hidden}><header>'
    '<img class="fz-crop" src="{crop}" alt="The face as the models see it: 48 by 48 pixels, grey" '
    'width="112" height="112"><div role="status"><h3>{title}</h3>'
    '<p class="fz-verdict">{verdict}</p>{notes}</div>'
    '</header><p class="fz-about">Probability of each expression, in percent</p>'
    '<div class="fz-scroll" tabindex="0" role="group" aria-label="Table of probabilities">'
    '<table class="fz-bars" style="--models:{count}"><thead><tr><th scope="col">Expression</th>{heads}</tr>'
    "</thead><tbody>{rows}</tbody></table></div></section>"
)
HEAD = Markup('<th scope="col">{name}<small>{time}</small></th>')
ROW = Markup(
    '<tr style="--emotion:{color}"><th scope="row"><i class="fz-swatch"></i>{emotion}</th>{cells}</tr>'
)
CELL = Markup('<td{top}><span class="fz-bar" style="width:{share:.1f}%"></span><span>{share:.1f}</span></td>')


def render_message(words: str) -> str:
    return EMPTY.format(words)


def render_result(seen: "Inspection", key: str, whole: bool) -> str:
    """key: tells one photo from the next: the page keeps the chosen face when only the models change."""
    if not seen.faces:
        return NO_FACE.format(photo=_render_photo(seen, Markup(""), "Your photo."))
    boxes = Markup("").join(_render_box(seen, index) for index in range(len(seen.faces)))
    panels = Markup("").join(_render_panel(seen, index, whole) for index in range(len(seen.faces)))
    count = len(seen.faces)
    caption = f"{count} faces. Choose one by its box." if count > 1 else "One face."
    if whole:
        boxes, caption = Markup(""), "The whole picture is read as one face."
    return RESULT.format(key=key, photo=_render_photo(seen, boxes, caption), panels=panels)


def describe_answers(answers: dict[str, tuple[str, float]]) -> str:
    """One sentence on who says what. answers: emotion and its probability for each model."""
    by_emotion: dict[str, list[str]] = {}
    for name, (emotion, probability) in answers.items():
        by_emotion.setdefault(emotion, []).append(f"{name} {probability:.0%}")
    unsure = max(probability for _, probability in answers.values()) < SURE
    parts = [f"{emotion} ({', '.join(who)})" for emotion, who in by_emotion.items()]
    if len(parts) > 1:
        return f"The models disagree: {'; '.join(parts)}."
    doubt = ", but with little certainty" if unsure else ""
    if len(answers) > 1:
        return f"{'Both' if len(answers) == 2 else f'All {len(answers)}'} models agree on {parts[0]}{doubt}."
    ((name, (emotion, probability)),) = answers.items()
    return f"{name} reads {emotion} ({probability:.0%}){doubt}."


def _answers(seen: "Inspection", index: int) -> dict[str, tuple[str, float]]:
    tops = {name: int(table[index].argmax()) for name, table in seen.probabilities.items()}
    return {name: (EMOTIONS[top], float(seen.probabilities[name][index, top])) for name, top in tops.items()}


def _render_photo(seen: "Inspection", boxes: Markup, caption: str) -> Markup:
    shown = seen.photo.copy()
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    return PHOTO.format(source=_encode(shown, "JPEG"), words="Your photo", boxes=boxes, caption=caption)


def _render_box(seen: "Inspection", index: int) -> Markup:
    x, y, width, height = seen.faces[index].box
    across, down = 100 / seen.photo.width, 100 / seen.photo.height
    answer = " or ".join(dict.fromkeys(emotion for emotion, _ in _answers(seen, index).values()))
    return BOX.format(
        index=index,
        number=index + 1,
        pressed="true" if index == 0 else "false",
        answer=answer,
        x=x * across,
        y=y * down,
        width=width * across,
        height=height * down,
    )


def _render_panel(seen: "Inspection", index: int, whole: bool) -> Markup:
    count = len(seen.faces)
    title = "The whole picture" if whole else f"Face {index + 1} of {count}" if count > 1 else "Face 1"
    heads = [
        HEAD.format(
            name=Markup("_<wbr>").join(name.split("_")),
            time=f"{milliseconds:.0f} ms{f' for {count}' if count > 1 else ''}",
        )
        for name, milliseconds in seen.milliseconds.items()
    ]
    return PANEL.format(
        index=index,
        title=title,
        hidden=Markup(" hidden") if index else "",
        crop=_encode(_from_grey(seen.crops[index]), "PNG"),
        verdict=describe_answers(_answers(seen, index)),
        notes=Markup("").join(
            Markup('<p class="fz-note">{}</p>').format(NOTES[note]) for note in seen.notes(index)
        ),
        count=len(heads),
        heads=Markup("").join(heads),
        rows=Markup("").join(_render_row(seen, index, column) for column in range(len(EMOTIONS))),
    )


def _render_row(seen: "Inspection", index: int, column: int) -> Markup:
    cells = [
        CELL.format(
            top=Markup(' class="fz-top"') if table[index].argmax() == column else "",
            share=100 * float(table[index, column]),
        )
        for table in seen.probabilities.values()
    ]
    emotion = EMOTIONS[column]
    return ROW.format(color=COLORS[emotion], emotion=emotion, cells=Markup("").join(cells))


def _from_grey(crop: "np.ndarray") -> "Image":
    import PIL.Image

    return PIL.Image.fromarray(crop)


def _encode(image: "Image", form: str) -> str:
    """A data URI: the page shows it without a file on the server."""
    encoded = io.BytesIO()
    image.save(encoded, form, quality=85)
    return f"data:image/{form.lower()};base64,{base64.b64encode(encoded.getvalue()).decode()}"
