"""HTML stands in the templates alone, and what somebody else wrote is escaped in it."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

NAME = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{ 7 * 7 }}.png"


class Tags(HTMLParser):
    """Collects the tags and attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}


def is_harmless(html: str) -> bool:
    seen = Tags(html)
    images = [tag for tag in seen.tags if tag == "img"]
    return (
        "script" not in seen.tags
        and not any(name.startswith("on") for name in seen.names)
        and len(images) == html.count("<img ")
        and html.count('src="data:image/') == len(images)
        and "{{ 7 * 7 }}" in html
    )


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_hostile_file_name_stays_text_in_every_tab(
    portrait: Path, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    from batch_tab.batch_view import read_batch
    from video_tab.video_view import read_video

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    request = SimpleNamespace(headers={"accept-language": language})
    files = []
    for place, content in (
        ("good", portrait.read_bytes()),
        ("bad", portrait.read_bytes()[:500]),
        ("clip", clip.read_bytes()),
    ):
        (tmp_path / place).write_bytes(content)
        files.append({"path": str(tmp_path / place), "orig_name": NAME})
    listed = read_batch(files[:2], ["cnn-baseline"], request)
    assert is_harmless(listed) and listed.count("&lt;script&gt;") == 3  # a row, its crop, an error
    told = read_video(files[2], ["cnn-baseline"], request)
    assert is_harmless(told) and told.count("&lt;script&gt;") == 1


def test_every_text_is_escaped_and_none_may_be_missing() -> None:
    from jinja2 import UndefinedError

    from page.templates import render

    assert "&lt;img" in render("message", "en", text="<img>", held=False)
    with pytest.raises(UndefinedError, match="text"):
        render("message", "en", held=False)


def test_html_stands_in_templates_alone_and_only_their_own_is_taken_as_it_is() -> None:
    from page.templates import TEMPLATES

    for path in TEMPLATES.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.search(r"</?[a-z][a-z0-9]*[ >]", node.value), f"{path}: {node.value[:60]}"
    for path in TEMPLATES.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert text.count("| safe") == len(re.findall(r'"[^"{]*" \| safe', text)), path
        assert "autoescape" not in text
