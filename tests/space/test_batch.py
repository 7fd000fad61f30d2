"""Many pictures: what is taken from uploads and zips, what is refused, and what the downloads hold."""

import base64
import csv
import io
import json
import re
import struct
import time
import zipfile
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fer_zoo import EMOTIONS, FerZooError, Recognizer

SCRIPT = "<img src=x onerror=alert(1)>.png"
Entries = dict[str, bytes]


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


@pytest.fixture
def drop(uploads: Path) -> Callable[..., dict[str, str]]:
    """Stores a file as Gradio does with an upload, and gives what Gradio says of it."""

    def store(name: str, content: bytes) -> dict[str, str]:
        path = uploads / str(len(list(uploads.iterdir())))
        path.write_bytes(content)
        return {"path": str(path), "orig_name": name}

    return store


@pytest.fixture
def read() -> Callable[..., Any]:
    from batch_tab.dropped_pictures import read_pictures

    return partial(read_pictures, language="en")


def pack(entries: Entries, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return packed.getvalue()


def alter(packed: bytes, offset: int, form: str, value: int) -> bytes:
    """The zip with another value in its first directory entry, at that offset."""
    changed = bytearray(packed)
    struct.pack_into(form, changed, packed.index(b"PK\x01\x02") + offset, value)
    return bytes(changed)


def test_pictures_of_a_zip_come_in_order_also_from_folders(drop: Any, read: Any) -> None:
    inside = {
        "album/": b"",
        "album/one.png": b"1",
        "__MACOSX/one.png": b"x",
        "._one.png": b"x",
        ".DS_Store": b"x",
    }
    pictures = read(
        [drop("a.png", b"a"), drop("b.zip", pack({**inside, "../two.png": b"2"})), drop("c", b"c")]
    )
    assert [(p.name, p.encoded, p.error) for p in pictures] == [
        ("a.png", b"a", None),
        ("album/one.png", b"1", None),
        ("../two.png", b"2", None),
        ("c", b"c", None),
    ]


def test_nothing_is_unpacked_to_disk(drop: Any, read: Any, uploads: Path) -> None:
    file = drop("b.zip", pack({"../../escaped.png": b"2", "inside.png": b"1"}))
    before = sorted(uploads.parent.rglob("*"))
    assert len(read([file])) == 2
    assert sorted(uploads.parent.rglob("*")) == before and not Path("escaped.png").exists()


def test_zip_bomb_is_refused_before_it_is_unpacked(drop: Any, read: Any, monkeypatch: Any) -> None:
    from batch_tab.dropped_pictures import DropError

    def unpack(*_: Any) -> bytes:
        raise AssertionError("unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "read", unpack)
    bomb = drop("bomb.zip", pack({f"{index}.png": bytes(9_000_000) for index in range(12)}))
    with pytest.raises(DropError, match="more than 100 MB in total"):
        read([bomb])
    with pytest.raises(DropError, match="More than 200 pictures"):
        read([drop("many.zip", pack({f"{index}.png": b"" for index in range(201)}))])


def test_zip_with_too_many_entries_is_not_even_opened(drop: Any, read: Any, monkeypatch: Any) -> None:
    from batch_tab.dropped_pictures import DropError

    crowd = drop("crowd.zip", pack({f"{index}/": b"" for index in range(1001)}))

    def open_zip(*_: Any) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(zipfile, "ZipFile", open_zip)
    with pytest.raises(DropError, match=r"crowd\.zip has more than 1000 entries"):
        read([crowd])


def test_two_zips_share_the_bounds(drop: Any, read: Any) -> None:
    from batch_tab.dropped_pictures import DropError

    half = pack({f"{index}.png": b"1" for index in range(101)})
    assert len(read([drop("one.zip", half)])) == 101
    with pytest.raises(DropError, match="More than 200 pictures"):
        read([drop("one.zip", half), drop("two.zip", half)])


def test_plain_files_have_bounds_too(drop: Any, read: Any) -> None:
    from batch_tab.dropped_pictures import DropError

    with pytest.raises(DropError, match="More than 200 pictures"):
        read([drop("small.png", b"1")] * 201)
    with pytest.raises(DropError, match="more than 100 MB"):
        read([drop("large.png", bytes(9_000_000))] * 12)


def lie_about_size() -> bytes:
    return alter(pack({"x.png": bytes(20_000_000)}), 24, "<I", 1000)


def lock() -> bytes:
    return alter(pack({"x.png": b"1"}), 8, "<H", 1)


ODD = {
    "too large": (lambda: pack({"x.png": bytes(11_000_000)}), "over 10 MB"),
    "larger than it says": (lie_about_size, "damaged"),
    "locked": (lock, "password"),
    "bzip2": (lambda: pack({"x.png": b"1"}, zipfile.ZIP_BZIP2), "standard ZIP"),
    "LZMA": (lambda: pack({"x.png": b"1"}, zipfile.ZIP_LZMA), "standard ZIP"),
    "cut off": (lambda: pack({"x.png": b"1"})[:-10], "damaged"),
    "other checksum": (lambda: alter(pack({"x.png": b"1"}), 16, "<I", 7), "damaged"),
}


@pytest.mark.parametrize(("build", "told"), ODD.values(), ids=list(ODD))
def test_what_is_wrong_in_a_zip_is_told_and_the_others_go_on(
    drop: Any, read: Any, build: Callable[[], bytes], told: str
) -> None:
    wrong, right = read([drop("odd.zip", build()), drop("right.png", b"1")])
    assert told in str(wrong.error) and str(wrong.error).startswith(f"{wrong.name}: ") and not wrong.encoded
    assert wrong.name == ("odd.zip" if told == "damaged" and build is ODD["cut off"][0] else "x.png")
    assert right.encoded == b"1" and not right.error


def test_path_outside_the_uploads_is_told_by_name(drop: Any, read: Any, portrait: Path) -> None:
    from page.uploads import explain

    outside, inside = read([{"path": str(portrait), "orig_name": "photo.png"}, drop("right.png", b"1")])
    assert str(outside.error).startswith("photo.png: This is no uploaded picture") and not outside.encoded
    assert explain(outside.error, "photo.png", "es").startswith("photo.png: no es una imagen subida")
    assert inside.encoded == b"1"


class Steps(list[Any]):
    def __call__(self, step: tuple[int, int], **words: str) -> None:
        self.append((step, words["desc"]))


def recognize(*names: str, pictures: list[tuple[str, bytes]], language: str = "en") -> Any:
    import torch

    from batch_tab.batch_view import recognize_pictures
    from batch_tab.dropped_pictures import Picture

    class Stub(torch.nn.Module):
        classes = EMOTIONS

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def forward(self, faces: Any) -> Any:
            return faces.double().mean((1, 2, 3))[:, None] / 255 * torch.arange(7)

    recognizer, steps = Recognizer([Stub(name) for name in names]), Steps()
    results, rows = recognize_pictures(
        recognizer, [Picture(*picture) for picture in pictures], language, steps
    )
    return recognizer, results, rows, steps


def test_results_are_those_of_predict(pair: Path, no_face: Path, broken: Path) -> None:
    pictures = [(path.name, path.read_bytes()) for path in (pair, broken, no_face)]
    recognizer, results, rows, steps = recognize("one", "two", pictures=pictures)
    expected = list(recognizer.recognize_many([pair, broken, no_face]))
    for result in expected:
        folder = f"{pair.parent}/"
        result["image"] = result["image"].replace(folder, "")
        if "error" in result:
            result["error"] = result["error"].replace(folder, "")
    assert results == expected and "damaged" in results[1]["error"]
    assert [(row.picture, row.number) for row in rows] == [("pair.png", 1), ("pair.png", 2), ("plain.png", 0)]
    assert steps == [
        ((0, 3), "Reading pair.png"),
        ((1, 3), "Reading broken.png"),
        ((2, 3), "Reading plain.png"),
    ]


def test_a_model_that_fails_leaves_the_answers_of_the_others(pair: Path) -> None:
    import torch

    from batch_tab.batch_html import render_batch, write_table
    from batch_tab.batch_view import recognize_pictures
    from batch_tab.dropped_pictures import Picture

    class FailsOnce(torch.nn.Module):
        classes, name, to_fail = EMOTIONS, "fails", [True]

        def forward(self, faces: Any) -> Any:
            if self.to_fail and self.to_fail.pop():
                raise RuntimeError("out of memory at /opt/secret/file")
            return torch.zeros(len(faces), 7)

    class Answers(FailsOnce):
        name, to_fail = "answers", []

    pictures = [Picture(name, pair.read_bytes()) for name in ("a.png", "b.png")]
    results, rows = recognize_pictures(Recognizer([FailsOnce(), Answers()]), pictures, "en", Steps())
    assert [sorted(face["models"]) for result in results for face in result["faces"]] == [
        *[["answers"]] * 2,
        *[["answers", "fails"]] * 2,
    ]
    assert list(results[0]["errors"]) == ["fails"] and "secret" not in results[0]["errors"]["fails"]
    html = render_batch(results, rows, "en")
    assert html.count("fails failed: out of memory") == 1 and html.count("<td>failed</td>") == 2
    assert [line.split(",")[7] for line in write_table(results).splitlines()[1:]].count("fails") == 2
    FailsOnce.to_fail.append(True)
    results, rows = recognize_pictures(Recognizer([FailsOnce()]), pictures[:1], "en", Steps())
    assert "fails failed: out of memory" in render_batch(results, rows, "en")


def test_a_fault_is_told_in_the_language_of_the_page(broken: Path) -> None:
    _, (result,), _, steps = recognize("one", pictures=[("rota.png", broken.read_bytes())], language="es")
    assert result["error"] == "rota.png: la imagen está dañada o incompleta."
    assert steps == [((0, 1), "Leyendo rota.png")]


def test_table_has_a_row_for_each_face_and_model(pair: Path, no_face: Path) -> None:
    from batch_tab.batch_html import write_table

    _, results, _, _ = recognize(
        "one", "two", pictures=[('a,\n"b".png', pair.read_bytes()), ("c.png", no_face.read_bytes())]
    )
    lines = list(csv.DictReader(io.StringIO(write_table(results))))
    assert [(line["image"], line["face"], line["model"]) for line in lines] == [
        ('a,\n"b".png', number, model) for number in "12" for model in ("one", "two")
    ]
    for line in lines:
        shares = [float(line[emotion]) for emotion in EMOTIONS]
        assert (
            sum(shares) == pytest.approx(1, abs=1e-5) and line["answer"] == EMOTIONS[int(np.argmax(shares))]
        )
        box = [int(line[side]) for side in ("x", "y", "width", "height")]
        assert box == results[0]["faces"][int(line["face"]) - 1]["box"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_file_name_is_no_formula_in_a_spreadsheet(start: str) -> None:
    from batch_tab.batch_html import write_table

    name = f"{start}HYPERLINK(1).png"
    face = {"box": [1, 2, 3, 4], "score": 0.9, "models": {name: dict.fromkeys(EMOTIONS, 1 / 7)}}
    (line,) = csv.DictReader(io.StringIO(write_table([{"image": name, "faces": [face]}]), newline=""))
    assert line["image"] == line["model"] == f"'{name}"
    assert not any(cell.startswith(start) for cell in line.values())


def test_list_escapes_names_and_holds_its_downloads(pair: Path, broken: Path) -> None:
    from batch_tab.batch_html import render_batch

    pictures = [(SCRIPT, pair.read_bytes()), (f"b{SCRIPT}", broken.read_bytes())]
    _, results, rows, _ = recognize(SCRIPT, pictures=pictures)
    html = render_batch(results, rows, "es")
    assert "<img src=x" not in html and "&lt;img src=x" in html
    assert "Fotos: 2. Caras: 2." in html and "No se leyeron: 1" in html and "cara 2" in html
    table, listing = (
        base64.b64decode(text) for text in re.findall(r'href="data:[a-z/]+;base64,([^"]+)"', html)
    )
    assert json.loads(listing) == json.loads(json.dumps(results))
    assert table.decode("utf-8-sig").startswith("image,face,x,y,") and table.startswith(b"\xef\xbb\xbf")


def test_long_list_is_shortened_and_says_so() -> None:
    from batch_tab.batch_html import MAX_ROWS, FaceRow, render_batch

    rows = [FaceRow(f"{index}.png", 0, None, {}) for index in range(MAX_ROWS + 1)]
    html = render_batch([], rows, "en")
    assert html.count("no face found") == MAX_ROWS and f"first {MAX_ROWS} rows" in html
    assert "are shown" not in render_batch([], rows[1:], "en")


def test_the_page_reads_a_drop_and_says_why_it_does_not(served: Any, portrait: Path) -> None:
    import gradio as gr

    from batch_tab.batch_view import read_batch

    path = served.uploads / "drop.zip"
    path.write_bytes(pack({"portrait.png": portrait.read_bytes()}))
    file = {"path": str(path), "orig_name": "drop.zip"}
    html = read_batch([file], ["cnn-baseline", "resnet_48"], None)
    assert "Pictures: 1. Faces: 1." in html and html.count('class="fz-swatch"') == 2 + 1  # and a count
    path.write_bytes(pack({}))
    for files, models, told in (
        ([file], [], "No model is selected"),
        ([file], ["/etc"], "Unknown model"),
        ([file], ["cnn-baseline"], "There is no picture in"),
        (None, ["cnn-baseline"], "There is no picture in"),
    ):
        with pytest.raises(gr.Error, match=told):
            read_batch(files, models, None)
    path.unlink()


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Stopped after 240 s. Pictures left: 2, from two.png on."),
        ("es", "Detenido a los 240 s. Fotos que faltan: 2, desde two.png."),
    ],
)
def test_when_time_is_up_what_is_read_is_kept(
    drop: Any, portrait: Path, monkeypatch: pytest.MonkeyPatch, language: str, told: str
) -> None:
    """Each look at the clock takes 200 seconds."""
    from batch_tab import batch_view

    ticks = count(step=200)
    monkeypatch.setattr(batch_view, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    files = [drop(name, portrait.read_bytes()) for name in ("one.png", "two.png", "three.png")]
    request = SimpleNamespace(headers={"accept-language": language})
    html = batch_view.read_batch(files, ["cnn-baseline"], request)
    assert told in html and html.count("<td><img") == 1 and "one.png" in html


def test_long_names_are_cut_where_they_come_in(drop: Any, read: Any, pair: Path, broken: Path) -> None:
    """A name stands in every row of the table, beside each face and model."""
    from batch_tab.batch_html import render_batch
    from batch_tab.batch_view import recognize_pictures
    from page.offered_models import create_recognizer

    folder, good, bad = "folder/" * 9_000, pair.read_bytes(), broken.read_bytes()
    zipped = pack(
        {f"{folder}one.png": good, f"{folder}two.png": bad, f"{folder}three.png": bytes(11_000_000)}
    )
    files = [drop("n" * 1_000_000 + ".png", good), drop("m" * 1_000_000 + ".png", bad), drop("b.zip", zipped)]
    pictures = read([*files, drop("o" * 1_000_000 + ".zip", b"PK")])
    assert {len(picture.name) for picture in pictures} == {255}
    assert [picture.name[-9:] for picture in pictures[2:5]] == ["r/one.png", "r/two.png", "three.png"]
    recognizer = create_recognizer(["cnn-baseline"])
    html = render_batch(*recognize_pictures(recognizer, pictures, "en", Steps()), "en")
    assert len(html) < 60_000
    with pytest.raises(FerZooError) as raised:
        create_recognizer(["x" * 1_000_000])
    assert len(str(raised.value)) < 1000


def test_a_zip_may_be_larger_than_a_picture_but_not_without_bound(drop: Any, read: Any) -> None:
    noise = np.random.default_rng(0).bytes(9_000_000)
    zipped = pack({"a.png": noise, "b.png": noise}, zipfile.ZIP_STORED)
    assert [(p.name, p.encoded == noise) for p in read([drop("18.zip", zipped)])] == [
        ("a.png", True),
        ("b.png", True),
    ]
    for name, content, words in (
        ("51.zip", zipped + bytes(33_000_001), "The zip is over 50 MB"),
        ("11.png", bytes(10_000_001), "The picture is over 10 MB"),
    ):
        (picture,) = read([drop(name, content)])
        assert words in str(picture.error) and not picture.encoded


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("'/srv/app/weights/a b/model.safetensors' is damaged.", "… is damaged."),
        ("Cannot open ~/models/x.json, or /tmp/y", "Cannot open …, or …"),
        ('C: "C:\\data\\x" is gone', "C: … is gone"),
        ("album/one.png: 3/4 of it is missing.", "album/one.png: 3/4 of it is missing."),
        ("Cannot open '/srv/a b/" + "c d/" * 99 + "x': gone", "Cannot open …"),
    ],
)
def test_messages_tell_nobody_where_files_lie(told: str, shown: str) -> None:
    from page.uploads import hide_paths

    assert hide_paths(told) == shown


@pytest.mark.parametrize("start", ["", "'", '"', "'a'\"", "~"])
def test_a_message_of_slashes_alone_costs_no_time(start: str) -> None:
    """In time that grew with the square of their number it took a minute."""
    from page.uploads import PATH, hide_paths

    told, began = start + 200_000 * "/", time.process_time()
    assert len(hide_paths(told)) <= 300
    PATH.sub("", told)
    PATH.sub("", 100_000 * "'/")
    PATH.sub("", 100_000 * "~ /")
    assert time.process_time() - began < 5


def test_answers_are_counted_and_a_single_model_shows_all_its_percentages() -> None:
    from batch_tab.batch_html import FaceRow, render_batch

    def answer(name: str) -> dict[str, float]:
        return {other: 0.7 if other == name else 0.05 for other in EMOTIONS}

    crop = np.zeros((48, 48), dtype=np.uint8)
    answers = ["sad", "happy", "happy"]
    faces = [{"box": [0, 0, 9, 9], "score": 0.9, "models": {"m": answer(name)}} for name in answers]
    results = [{"image": "a.png", "faces": faces}]
    rows = [FaceRow("a.png", number, crop, face["models"]) for number, face in enumerate(faces, 1)]
    html = render_batch(results, rows, "es")
    chips = re.findall(r'data-only="(\w+)".*?</i>(\w+) (\d+)</button>', html, re.DOTALL)
    assert chips == [("happy", "alegría", "2"), ("sad", "tristeza", "1")]
    assert re.findall(r'<tr data-answer="(\w+)"', html) == answers
    assert html.count('<td class="fz-part"') == 3 * 7 and "--share:70" in html
    both = [row._replace(models={"m": row.models["m"], "n": row.models["m"]}) for row in rows]
    assert "fz-part" not in render_batch(results, both, "en")


def test_a_model_of_other_classes_has_its_own_columns() -> None:
    from batch_tab.batch_html import write_table

    faces = [{"box": [0, 0, 9, 9], "score": 0.9, "models": {"m": {"calm": 0.6, "=odd": 0.4}}}]
    (line,) = csv.DictReader(io.StringIO(write_table([{"image": "a.png", "faces": faces}])))
    assert line["answer"] == "calm" and line["calm"] == "0.600000" and line["'=odd"] == "0.400000"
