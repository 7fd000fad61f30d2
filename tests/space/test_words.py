"""Both languages say the same things, and the browser decides."""

from types import SimpleNamespace

import pytest


def test_a_view_has_the_same_keys_and_fields_in_both_languages() -> None:
    from page.words import Words

    words = Words("trial", en={"faces": "{n} faces"}, es={"faces": "{n} caras"})
    assert words.say("es", "faces", n=2) == "2 caras" and words.say("en", "faces", n=2) == "2 faces"
    with pytest.raises(ValueError, match="one language only"):
        Words("trial", en={"a": "x"}, es={})
    with pytest.raises(ValueError, match="fields"):
        Words("trial", en={"a": "{n}"}, es={"a": "{m}"})


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
    from page.emotions import WORDS

    assert all(tuple(texts) == EMOTIONS for texts in WORDS.texts.values())


def test_about_and_head_speak_both_languages() -> None:
    from about_tab.view import describe_page
    from page.head import render_head

    assert "An expression is not a feeling" in describe_page("en") and "/compare" in describe_page("es")
    assert "Una expresión no es un sentimiento" in describe_page("es")
    assert '<div lang="es"><h1>Modelos' in render_head("es")
