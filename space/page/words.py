"""The words of the page: `locales/en.json` and `es.json` hold the same keys by tab, with the same fields."""

import json
import string
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradio import I18n, Request

LANGUAGES = ("en", "es")
LOCALES = Path(__file__).parents[1] / "locales"


def read_locales(folder: Path = LOCALES) -> dict[str, dict[str, str]]:
    """{language: {"tab.key": text}}. Raises ValueError where the languages differ in keys or {fields}."""
    texts = {language: _read_locale(folder / f"{language}.json") for language in LANGUAGES}
    first = texts[LANGUAGES[0]]
    for language, other in texts.items():
        if lone := sorted(first.keys() ^ other.keys()):
            raise ValueError(f"In one of en.json and {language}.json only: {', '.join(lone)}.")
        for key, text in other.items():
            if _list_fields(text) != _list_fields(first[key]):
                raise ValueError(f"The fields of {key} differ between en.json and {language}.json.")
    return texts


def _read_locale(path: Path) -> dict[str, str]:
    """A text may be a list of its lines."""
    tabs = json.loads(path.read_text(encoding="utf-8"))
    return {
        f"{tab}.{key}": text if isinstance(text, str) else "\n".join(text)
        for tab, texts in tabs.items()
        for key, text in texts.items()
    }


def _list_fields(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


TEXTS = read_locales()


def say(language: str, key: str, **values: Any) -> str:
    """A text for HTML and messages. key: as "compare.forget"."""
    return TEXTS[language][key].format(**values)


def has_text(key: str) -> bool:
    return key in TEXTS[LANGUAGES[0]]


def describe_reading(language: str, faces_left_out: int = 0, turned: int = 0) -> str:
    """Sentences, or nothing where every face is read in a picture as it is. As of fer_zoo's Inspection."""
    told = []
    if faces_left_out:
        told.append(say(language, "page.left_out", count=faces_left_out))
    if turned == 180:
        told.append(say(language, "page.upside_down"))
    elif turned:
        told.append(say(language, "page.sideways", degrees=turned))
    return " ".join(told)


def name_label(language: str, name: str) -> str:
    """An emotion in the visitor's language; another class of a model's own as it is."""
    return say(language, f"emotion.{name}") if has_text(f"emotion.{name}") else name


def list_texts(language: str, tab: str) -> dict[str, str]:
    """All of a tab, by the part of their keys after its name, with their fields as they are."""
    return {
        key.removeprefix(f"{tab}."): text
        for key, text in TEXTS[language].items()
        if key.startswith(f"{tab}.")
    }


def label(key: str) -> Any:
    """Of a component: the browser translates it. The text must have no fields."""
    import gradio as gr

    return gr.I18n(en={}, es={})(_name_label(key))


def build_translations() -> "I18n":
    """What Blocks.launch wants as `i18n`. With words for Gradio's own, whose Spanish has another register: a
    key with its dots goes before Gradio's table of tables.
    """
    import gradio as gr

    return gr.I18n(
        **{
            language: {_name_label(key): text for key, text in texts.items()} | list_texts(language, "gradio")
            for language, texts in TEXTS.items()
        }
    )


def _name_label(key: str) -> str:
    return key.replace(".", "_")  # in the browser a dot would lead into a nested table


@cache
def read_translations() -> dict[str, dict[str, str]]:
    """Spanish for fer_zoo's own English: "errors" by their kind, "notes" on models by how they begin."""
    tables: dict[str, dict[str, str]] = json.loads((LOCALES / "fer_zoo.es.json").read_text(encoding="utf-8"))
    return tables


def translate_note(language: str, note: str) -> str:
    """fer_zoo's note on a model; English where nobody has translated it."""
    for english, spanish in read_translations()["notes"].items():
        if language == "es" and note.startswith(english):
            return spanish + note.removeprefix(english)
    return note


def find_language(request: "Request | None") -> str:
    """`es` where the browser prefers Spanish to English, else `en`."""
    preferred = request.headers.get("accept-language", "") if request else ""
    for choice in preferred.lower().split(","):
        language = choice.split(";")[0].strip().split("-")[0]
        if language in LANGUAGES:
            return language
    return "en"


def format_number(language: str, value: float, spec: str) -> str:
    """As format(value, spec), with the decimal comma and the spaced % sign of Spanish."""
    text = format(value, spec)
    if language == "es":
        return text.translate(str.maketrans(",.", ".,")).replace("%", "\N{NO-BREAK SPACE}%")
    return text
