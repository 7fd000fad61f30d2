"""What the views write: every text escaped, every number where it belongs."""

import re
from dataclasses import replace
from html import unescape
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from fer_zoo.detection.detector import Face
from fer_zoo.recognition.recognizer import Inspection

SCRIPT = "<img src=x onerror=alert(1)>"


def html_to_text(html: str) -> set[str]:
    """The texts between the tags, and those of attributes that are read aloud."""
    return {
        unescape(one)
        for one in re.findall(r">([^<>]+)<", html) + re.findall(r'(?:alt|aria-label)="([^"]+)"', html)
    }


def inspection(*models: str, box: tuple[int, int, int, int] = (20, 10, 40, 40)) -> Inspection:
    face = Face(box, 0.9, np.array([[0, 0], [20, 0], [10, 10], [0, 20], [20, 20]]), np.array(box, float))
    tables = {name: np.full((1, 7), 0.05) for name in models}
    for shift, name in enumerate(models):
        tables[name][0, shift] = 0.7
    crops = np.random.default_rng(0).integers(0, 256, (1, 48, 48), dtype=np.uint8)
    return Inspection(Image.new("RGB", (200, 100)), [face], crops, tables, dict.fromkeys(models, 3.0), 1.0)


def test_names_cannot_bring_script_into_the_page() -> None:
    from compare_tab.compare_html import render_message, render_result

    for html in (
        render_message(SCRIPT),
        render_result(inspection(SCRIPT), SCRIPT, False, [SCRIPT]),
    ):
        assert "&lt;img src=x" in html and SCRIPT not in html


def test_box_lies_where_the_face_is_in_percent_of_the_photo() -> None:
    from compare_tab.compare_html import render_result

    html = render_result(inspection("cnn-baseline"), "key", False, ["cnn-baseline"])
    assert "left:10.000%;top:10.000%;width:20.000%;height:40.000%" in html


def test_top_answer_of_each_model_is_marked() -> None:
    from compare_tab.compare_html import render_result

    html = render_result(inspection("one", "two"), "key", False, ["one", "two"])
    rows = {line.split("</i>")[1].split("<")[0]: line.split("<td") for line in html.split("<tr")[2:9]}
    assert ["fz-top" in cell for cell in rows["angry"]] == [False, True, False]
    assert ["fz-top" in cell for cell in rows["disgust"]] == [False, False, True]
    assert "<h3>Face 1: angry or disgust</h3>" in html
    assert "70.0" in rows["angry"][1] and "5.0" in rows["angry"][2] and "fz-top" not in "".join(rows["sad"])


def test_small_face_is_said_to_be_small() -> None:
    from compare_tab.compare_html import render_result

    small = render_result(inspection("one", box=(0, 0, 20, 20)), "key", False, ["one"])
    assert "small face" in small
    assert "small face" not in render_result(inspection("one"), "key", False, ["one"])


def test_agreement_is_put_into_words() -> None:
    from compare_tab.compare_html import describe_answers

    assert describe_answers({"a": ("happy", 0.9)}) == "a reads happy (90%)."
    assert describe_answers({"a": ("sad", 0.3)}) == "a reads sad (30%), but with low confidence."
    agreed = describe_answers({"a": ("happy", 0.9), "b": ("happy", 0.4)})
    assert agreed == "Both models agree on happy (a 90%, b 40%)."
    split = describe_answers({"a": ("happy", 0.9), "b": ("fear", 0.4), "c": ("happy", 0.8)})
    assert split == "The models disagree: happy (a 90%, c 80%); fear (b 40%)."


def test_failed_model_keeps_its_column_and_the_ensemble_is_marked() -> None:
    from compare_tab.compare_html import render_result

    seen = replace(inspection("ensemble", "one"), errors={"two": SCRIPT})
    html = render_result(seen, "key", False, ["ensemble", "two", "one"])
    heads = [head.split("</th>")[0] for head in html.split('<th scope="col"')[2:]]
    assert ["fz-ensemble" in head for head in heads] == [True, False, False]
    assert "two<small>failed" in heads[1] and "ms" not in heads[1]
    first = html.split("<tr")[2]
    assert html.count("fz-fault") == 1 and SCRIPT not in html
    assert first.index("70.0") < first.index("&lt;img") < first.index(">5.0")
    alone = render_result(replace(inspection(), errors={"two": "broken"}), "key", False, ["two"])
    assert "No model could read it." in alone and "data-heat" not in alone


def test_spanish_result_has_no_english_in_it() -> None:
    from compare_tab.compare_html import render_result
    from page.words import LANGUAGES, TEXTS

    html = render_result(inspection("one", "two"), "key", False, ["one", "two"], "es")
    assert (
        "Los modelos no coinciden: enojo (one 70\N{NO-BREAK SPACE}%); asco (two 70\N{NO-BREAK SPACE}%)."
        in html
    )
    english, spanish = (
        html_to_text(render_result(inspection("one", "two"), "key", False, ["one", "two"], language))
        for language in LANGUAGES
    )
    said = [key for key, text in TEXTS["en"].items() if text in english and text != TEXTS["es"][key]]
    assert {"compare.forget", "compare.crop", "compare.table", "emotion.happy"} <= set(said)
    for key in said:
        assert TEXTS["en"][key] not in spanish and TEXTS["es"][key] in spanish, key


def test_upload_is_read_from_the_upload_folder_only(tmp_path: Any, monkeypatch: Any) -> None:
    import pytest

    from fer_zoo import FerZooError
    from page.uploads import read_upload

    inside, beside = tmp_path / "uploads", tmp_path / "uploads-not"
    for folder in (inside, beside):
        folder.mkdir()
        (folder / "a.png").write_bytes(b"picture")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(inside))
    assert read_upload({"path": str(inside / "a.png")}).encoded == b"picture"
    assert read_upload(SimpleNamespace(path=str(inside / "a.png"), orig_name="b.png")).name == "b.png"
    for path in (str(beside / "a.png"), f"{inside}/../uploads-not/a.png", str(inside), "", None):
        with pytest.raises(FerZooError, match="no uploaded picture"):
            read_upload({"path": path})
