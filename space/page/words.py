"""The words of the page in English and Spanish. Each view keeps its own beside its code."""

import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradio import I18n, Request

LANGUAGES = ("en", "es")

_every: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}


class Words:
    """The words of one view. The languages have the same keys and {fields}, or ValueError.

    `say` gives a text for HTML and messages; `label` one for a component, which the browser translates.
    """

    def __init__(self, view: str, *, en: Mapping[str, str], es: Mapping[str, str]) -> None:
        self.view = view
        self.texts = {"en": en, "es": es}
        if en.keys() != es.keys():
            raise ValueError(f"Words of {view!r} in one language only: {sorted(en.keys() ^ es.keys())}.")
        for key in en:
            if _list_fields(en[key]) != _list_fields(es[key]):
                raise ValueError(f"The fields of {view}.{key} differ between the languages.")
        for language, texts in self.texts.items():
            _every[language] |= {f"{view}_{key}": text for key, text in texts.items()}

    def say(self, language: str, key: str, **values: Any) -> str:
        return self.texts[language][key].format(**values)

    def label(self, key: str) -> Any:
        """Only for labels, placeholders and buttons of components; the text must have no fields."""
        import gradio as gr

        return gr.I18n(en={}, es={})(f"{self.view}_{key}")


def _list_fields(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


def build_translations() -> "I18n":
    """What Blocks.launch wants as `i18n`, after every view has been imported."""
    import gradio as gr

    return gr.I18n(**_every)


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
