"""Names of files are other people's words: no line break, no order to a terminal, and no need to be UTF-8."""

import io
import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image
from pyarrow import parquet

from fer_zoo.cli.main import main
from fer_zoo.errors import DataError, WriteError

ODD = b"two\nlines\x1b[31m\xff.png"  # \x1b[31m turns a terminal red


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    try:
        Image.new("L", (48, 48), 90).save(place / "plain.png")
        os.rename(place / "plain.png", os.fsencode(place) + b"/" + ODD)  # noqa: PTH104 - a Path holds no bytes
    except OSError:
        pytest.skip("this file system allows UTF-8 names only")
    return place


def test_a_message_is_one_line_whatever_it_names() -> None:
    assert str(DataError("a\nb\x1b[31m\udcff é.csv: no")) == "a\\nb\\x1b[31m\\udcff é.csv: no"
    assert str(WriteError("a\nb")) == "a\\nb"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_odd_name_is_printed(folder: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="utf-8", write_through=True))
    main(["predict", str(folder), "--whole", *options])
    text = written.getvalue().decode()
    if options:
        assert os.fsencode(json.loads(text)[0]["image"]).endswith(ODD)
    else:
        assert text.splitlines()[0].endswith("two\\nlines\\x1b[31m\\udcff.png: 1 face")


def test_an_odd_name_stops_no_job_of_many(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):  # the second time it has to recognize the first part's first picture
        main(["predict", str(folder), "--whole", "--out", str(tmp_path / "out")])
    [row] = parquet.read_table(tmp_path / "out" / "part-00000.parquet").to_pylist()
    assert row["image"].endswith("two\nlines\x1b[31m\\udcff.png") and row["face"] == 0
