"""Both languages say the same things, and the browser decides."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest


def test_the_languages_have_the_same_keys_and_fields(tmp_path: Path) -> None:
    from page.words import read_locales

    def read(english: dict[str, Any], spanish: dict[str, Any]) -> dict[str, dict[str, str]]:
        for language, texts in (("en", english), ("es", spanish)):
            (tmp_path / f"{language}.json").write_text(json.dumps({"tab": texts}), encoding="utf-8")
        return read_locales(tmp_path)

    texts = read({"faces": "{n} faces", "lines": ["a", "b"]}, {"lines": ["c", "d"], "faces": "{n} caras"})
    assert (
        texts["es"] == {"tab.faces": "{n} caras", "tab.lines": "c\nd"} and texts["en"]["tab.lines"] == "a\nb"
    )
    with pytest.raises(ValueError, match=r"In one of en\.json and es\.json only: tab\.a, tab\.c"):
        read({"a": "x", "b": "y"}, {"b": "y", "c": "z"})
    with pytest.raises(ValueError, match=r"fields of tab\.a differ"):
        read({"a": "{n}"}, {"a": "{m}"})


def test_a_text_is_said_with_its_values_and_labels_are_translated_by_the_browser() -> None:
    from page.words import build_translations, label, say

    assert say("es", "compare.face", number=2) == "Cara 2" and say("en", "compare.face", number=2) == "Face 2"
    spanish = build_translations().translations_dict["es"]
    assert spanish[label("page.models").key] == say("es", "page.models") == "Modelos"


def test_every_key_that_the_code_names_is_there() -> None:
    from page.words import LOCALES, TEXTS

    files = [path for path in LOCALES.parent.rglob("*") if path.suffix in (".py", ".html")]
    named = {
        key
        for path in files
        for key in re.findall(
            r"""\b(?:say|label)\((?:\s*\w+,\s*|"en", )?["']([\w.]+\w)["']""", path.read_text("utf-8")
        )
    }
    assert len(named) > 80 and named <= TEXTS["en"].keys()


def test_notes_are_spanish_where_somebody_has_translated_them() -> None:
    from page.words import translate_note

    assert translate_note("es", "Soft vote of a, b") == "Votación suave de a, b"
    assert translate_note("en", "Soft vote of a, b") == "Soft vote of a, b"
    assert translate_note("es", "Quite new") == "Quite new"


@pytest.mark.parametrize(
    ("header", "language"),
    [("es-MX,es;q=0.9,en;q=0.8", "es"), ("en-GB,es;q=0.5", "en"), ("de,es;q=0.5", "es"), ("de", "en")],
)
def test_the_browser_decides(header: str, language: str) -> None:
    from page.words import find_language

    assert find_language(SimpleNamespace(headers={"accept-language": header})) == language
    assert find_language(None) == "en"


def test_number_is_written_as_the_language_writes_it() -> None:
    from page.words import format_number

    assert (
        format_number("en", 3589.5, ",.1f") == "3,589.5" and format_number("es", 3589.5, ",.1f") == "3.589,5"
    )
    assert (
        format_number("en", 0.7012, ".1%") == "70.1%"
        and format_number("es", 0.7012, ".1%") == "70,1\N{NO-BREAK SPACE}%"
    )


def test_emotions_have_words() -> None:
    from fer_zoo import EMOTIONS
    from page.words import LANGUAGES, list_texts

    named = (*EMOTIONS, "contempt")  # which only FER+'s raters know
    assert all(tuple(list_texts(language, "emotion")) == named for language in LANGUAGES)


def test_about_and_head_speak_both_languages() -> None:
    from about_tab.about_view import render_about
    from page.head import render_head

    assert "An expression is not a feeling" in render_about("en") and "/compare" in render_about("es")
    assert "Una expresión no es un sentimiento" in render_about("es")
    assert '<div lang="es"><h1>Modelos' in render_head("es")
