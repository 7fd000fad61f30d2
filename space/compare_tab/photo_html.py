"""Where a photo comes from, as HTML: a file, the clipboard, the camera, or an example."""

import json

from compare_tab.example_photos import encode_thumbnail, list_examples
from page.limits import LARGEST_PICTURE
from page.templates import render
from page.words import list_texts, say


def render_photo_input(language: str = "en") -> str:
    examples = [
        {
            "key": example.key,
            "name": say(language, f"example.{example.key}"),
            "source": encode_thumbnail(example.path),
        }
        for example in list_examples()
    ]
    words = json.dumps(list_texts(language, "photo"))
    return render("photo", language, examples=examples, script_words=words, largest=LARGEST_PICTURE)
