"""Both languages say the same things, and the browser decides."""

from types import SimpleNamespace

import pytest


def test_a_view_has_the_same_keys_and_fields_in_both_languages() -> None:
    from words import Words

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
    from words import find_language

    assert find_language(SimpleNamespace(headers={"accept-language": header})) == language
    assert find_language(None) == "en"
