"""The parts of a page that stands alone: one HTML file with its style and pictures inside, and no script."""

import base64
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

import numpy as np
from markupsafe import Markup

from fer_zoo.emotions import COLORS, EMOTIONS
from fer_zoo.recognition.saliency import draw_heat

if TYPE_CHECKING:
    from PIL.Image import Image

ACCENT, QUIET = "var(--accent)", "var(--subdued)"  # colors of style.css, for light and dark
HEAT_SIDE = 96  # pixels: twice the face

# The policy makes a request to another place impossible, even were a name to slip through unescaped.
PAGE = Markup("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header><h1>{title}</h1><p class="lead">{lead}</p>{numbers}
<nav aria-label="Contents"><ul>{contents}</ul></nav></header>
{sections}
<footer>{footer}</footer>
</main>
</body>
</html>
""")
SECTION = Markup('<section id="{anchor}"><h2>{title}</h2>{body}</section>\n')
LINK = Markup('<li><a href="#{anchor}">{title}</a></li>')
NUMBER = Markup("<div><dt>{title}</dt><dd>{value}<small>{note}</small></dd></div>")
SWATCH = Markup('<span class="swatch" style="--color:{color}"></span>')
FACE = Markup('<figure><div class="pictures">{pictures}</div><figcaption>{caption}</figcaption></figure>')
PICTURE = Markup('<img src="{source}" alt="{words}" width="96" height="96">')
EMOTION = Markup('<span class="emotion {kind}">{swatch}{words}<b>{value}</b></span>')
LEGEND_ITEM = Markup('<li><span class="{shape}" style="--color:{color}"></span>{name}</li>')


class Section(NamedTuple):
    anchor: str
    title: str
    body: Markup


class Number(NamedTuple):
    """One of the few large figures under the title."""

    title: str
    value: str
    note: str


def join(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def render_page(
    title: str, lead: str, numbers: Sequence[Number], sections: Sequence[Section], footer: Markup
) -> str:
    """A whole HTML page, with a link to each section."""
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    figures = Markup('<dl class="numbers">{}</dl>').format(
        join(NUMBER.format(**number._asdict()) for number in numbers)
    )
    return PAGE.format(
        title=title,
        lead=lead,
        style=Markup(style),
        numbers=figures,
        contents=join(LINK.format(anchor=part.anchor, title=part.title) for part in sections),
        sections=join(SECTION.format(**part._asdict()) for part in sections),
        footer=footer,
    )


def say(text: str, *values: object) -> Markup:
    """A paragraph; the values are escaped."""
    return Markup("<p>{}</p>").format(Markup(text).format(*values))


def render_table(head: Sequence[object], rows: Iterable[Sequence[object]], kind: str = "") -> Markup:
    """head and rows: cells. All but the first of a row are figures, to the right; a Markup that begins with
    <td stands as it is, under a head to the left.
    """
    lines = list(rows)
    body = join(
        Markup("<tr><th>{}</th>{}</tr>").format(
            first,
            join(
                cell if _is_cell(cell) else Markup('<td class="number">{}</td>').format(cell)
                for cell in others
            ),
        )
        for first, *others in lines
    )
    heads = join(
        Markup('<th class="{}">{}</th>').format(
            "number" if place and not _is_cell(lines[0][place]) else "", title
        )
        for place, title in enumerate(head)
    )
    return Markup(
        '<div class="scroll" tabindex="0"><table class="{}"><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(kind, heads, body)


def _is_cell(cell: object) -> TypeGuard[Markup]:
    return isinstance(cell, Markup) and cell.startswith("<td")


def render_text(text: object) -> Markup:
    """A cell of words."""
    return Markup("<td>{}</td>").format(text)


def render_bar(share: float, color: str, text: str) -> Markup:
    """A cell with a bar of share, 0 to 1, behind its text."""
    return Markup('<td class="bar"><i style="--share:{:.1f};--color:{}"></i><span>{}</span></td>').format(
        100 * share, color, text
    )


def render_legend(items: Iterable[tuple[str, str, str]]) -> Markup:
    """items: name, color, and the shape: `swatch`, `line`, `line dashed` or `line dotted`."""
    entries = join(LEGEND_ITEM.format(name=name, color=color, shape=shape) for name, color, shape in items)
    return Markup('<ul class="legend">{}</ul>').format(entries)


def emotion_legend() -> Markup:
    return render_legend((emotion, COLORS[emotion], "swatch") for emotion in EMOTIONS)


def name_emotion(index: int) -> Markup:
    """An emotion with its color before it."""
    emotion = EMOTIONS[index]
    return SWATCH.format(color=COLORS[emotion]) + emotion


def render_answer(index: int, value: str) -> Markup:
    """A line of a face's caption: the model's answer, and a figure at the line's end."""
    return _render_line(index, value, "answer")


def render_label(index: int, value: str) -> Markup:
    """The same, quieter, for a label that is not the answer."""
    return _render_line(index, value, "label")


def _render_line(index: int, value: str, kind: str) -> Markup:
    swatch = SWATCH.format(color=COLORS[EMOTIONS[index]])
    return EMOTION.format(swatch=swatch, words=EMOTIONS[index], value=value, kind=kind)


def render_faces(cards: Iterable[tuple[Sequence[str], str, Markup]], kind: str = "") -> Markup:
    """cards: data URIs side by side, what they show (for who cannot see them), and the caption."""
    figures = [
        FACE.format(
            pictures=join(PICTURE.format(source=source, words=words) for source in sources), caption=caption
        )
        for sources, words, caption in cards
    ]
    return Markup('<div class="faces {}">{}</div>').format(kind, join(figures))


def encode_face(pixels: np.ndarray) -> str:
    """A data URI of a uint8 face (48, 48), gray."""
    import PIL.Image

    return _encode(PIL.Image.fromarray(pixels), "PNG")


def encode_heat(pixels: np.ndarray, heat: np.ndarray) -> str:
    """A data URI of the heat, float (48, 48) in [0, 1], over a uint8 face (48, 48)."""
    return _encode(draw_heat(pixels, heat, HEAT_SIDE), "WEBP")


def _encode(image: "Image", form: str) -> str:
    encoded = io.BytesIO()
    image.save(encoded, form, quality=85)
    return f"data:image/{form.lower()};base64,{base64.b64encode(encoded.getvalue()).decode()}"
