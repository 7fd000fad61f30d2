"""What the views write: every text escaped, every number where it belongs."""

import base64
import json
import re
from dataclasses import replace
from html import unescape
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from fer_zoo import EMOTIONS
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
    photo, milliseconds = Image.new("RGB", (200, 100)), dict.fromkeys(models, 3.0)
    return Inspection(photo, [face], crops, tables, milliseconds, (1.0, 1.0), dict.fromkeys(models, EMOTIONS))


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

    html = render_result(inspection("one", "two"), "key", False, ["one", "two"]).split('"fz-more"')[1]
    rows = {line.split("</i>")[1].split("<")[0]: line.split("<td") for line in html.split("<tr")[2:9]}
    assert ["fz-top" in cell for cell in rows["angry"]] == [False, True, False]
    assert ["fz-top" in cell for cell in rows["disgust"]] == [False, False, True]
    assert "70.0" in rows["angry"][1] and "5.0" in rows["angry"][2] and "fz-top" not in "".join(rows["sad"])


def test_the_answer_stands_on_the_face_and_large_beside_it() -> None:
    from compare_tab.compare_html import render_result

    html = render_result(inspection("one", "two"), "key", False, ["one", "two"])
    assert '<span class="fz-tag"><b>1</b> <i>angry 70%</i></span>' in html
    assert "<h2>angry <b>70%</b></h2>" in html and "--emotion:#AF501E" in html
    assert "fz-chip" not in html  # of one face


def test_faces_are_numbered_from_left_to_right() -> None:
    from compare_tab.compare_html import render_result, sort_from_left

    one = inspection("one", box=(120, 10, 60, 60))
    left = inspection("one", box=(10, 20, 30, 30))
    tables = {"one": np.concatenate([one.probabilities["one"], left.probabilities["one"][:, ::-1]])}
    both = replace(
        one, faces=one.faces + left.faces, crops=np.concatenate([one.crops, left.crops]), probabilities=tables
    )
    seen = sort_from_left(both)
    assert [face.box[0] for face in seen.faces] == [10, 120]
    assert (seen.crops[0] == left.crops[0]).all()
    html = render_result(seen, "key", False, ["one"], name="us.jpg")
    assert "Face 1: neutral 70%" in html and "Face 2: angry 70%" in html
    assert html.count('class="fz-chip"') == 2 and "numbered from left to right" in html
    listed = json.loads(
        base64.b64decode(re.findall(r'download="us-faces.json" href="[^,]+,([^"]+)"', html)[0])
    )
    assert listed["image"] == "us.jpg" and listed["size"] == [200, 100]
    assert [face["box"][0] for face in listed["faces"]] == [10, 120]


def test_two_families_of_labels_answer_side_by_side(monkeypatch: Any) -> None:
    from compare_tab import compare_html
    from page.offered_models import ModelFacts

    facts = {"one": ModelFacts(), "two": ModelFacts("ferplus"), "three": ModelFacts("ferplus", accuracy=-1.0)}
    monkeypatch.setattr(compare_html, "read_facts", lambda: facts)
    html = compare_html.render_result(inspection(*facts), "key", False, list(facts))
    shown = html.split("fz-more")[0]
    assert (
        shown.index("In FER2013&#39;s labels")
        < shown.index("<h2>angry")
        < shown.index("What ten people would say")
    )
    assert shown.index("What ten people would say") < shown.index("<h2>disgust")
    assert "ten people looked at each picture again" in shown and "Single model: fear (three 70%)." in html
    alone = compare_html.render_result(inspection("one"), "key", False, ["one"])
    assert "ten people" not in alone and "fz-more" not in alone


def test_small_face_is_said_to_be_small() -> None:
    from compare_tab.compare_html import render_result

    small = render_result(inspection("one", box=(0, 0, 20, 20)), "key", False, ["one"])
    assert "small face" in small
    assert "small face" not in render_result(inspection("one"), "key", False, ["one"])


def test_agreement_is_put_into_words() -> None:
    from compare_tab.compare_html import describe_doubt, describe_singles, find_answer
    from page.offered_models import ModelFacts

    happy, sad = (find_answer([share, 1 - share], ["happy", "sad"]) for share in (0.9, 0.4))
    facts = {"team": ModelFacts(is_ensemble=True, members=frozenset("a"))}

    def tell(**answers: Any) -> str:
        return describe_singles("en", {"team": happy, **answers}, ["team"], facts)

    assert tell() == ""
    assert tell(b=happy) == "Single model: happy (b 90%)."
    assert tell(b=happy, c=happy) == "The single models agree: happy (b 90%, c 90%)."
    assert tell(b=happy, c=sad) == "The single models differ: happy (b 90%); sad (c 60%)."
    # A member is no voter for its ensemble.
    assert tell(a=happy).endswith("Members of an ensemble, which averages them: a.")
    assert describe_doubt("en", happy) == ""
    close = find_answer([0.48, 0.12, 0.4], ["sad", "fear", "neutral"])
    assert describe_doubt("en", close) == "A close call: neutral is next with 40%."


def test_failed_model_keeps_its_column_and_the_ensemble_leads() -> None:
    from compare_tab.compare_html import render_result

    seen = replace(inspection("ensemble", "one"), errors={"two": SCRIPT})
    html = render_result(seen, "key", False, ["ensemble", "two", "one"])
    assert SCRIPT not in html and "<h2>angry" in html
    table = html.split("fz-more")[1]
    heads = [head.split("</th>")[0] for head in table.split('<th scope="col"')[2:]]
    assert ["fz-ensemble" in head for head in heads] == [True, False, False]
    assert "two<small>failed" in heads[1] and "ms" not in heads[1]
    first = table.split("<tr")[2]
    assert table.count("fz-error") == 1
    assert first.index("70.0") < first.index("&lt;img") < first.index(">5.0")
    alone = render_result(replace(inspection(), errors={"two": "broken"}), "key", False, ["two"])
    assert "No model could read it." in alone and "data-why" not in alone and "broken" in alone


def test_spanish_result_has_no_english_in_it() -> None:
    from compare_tab.compare_html import render_result
    from page.words import LANGUAGES, TEXTS

    html = render_result(inspection("one", "two"), "key", False, ["one", "two"], "es")
    assert "Modelo individual: asco (two 70\N{NO-BREAK SPACE}%)." in html
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
    with pytest.raises(FerZooError, match=r"gone: .* busy"):  # waited for longer than uploads are kept
        read_upload({"path": str(inside / "deleted.png")})


def test_a_name_with_quotes_and_folders_is_told_whole() -> None:
    from fer_zoo.errors import ImageError
    from page.uploads import explain

    name = "Ana's photos (1)/John's.jpg"
    assert explain(ImageError(f"{name}: a TIFF in '/srv/x.tif'."), name) == f"{name}: a TIFF in …."
