"""Models of the same name are distinguished without revealing their paths on this machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.evaluation.model_data import unique_names
from fer_zoo.reports.rendering import load_environment


@pytest.mark.parametrize(
    ("folders", "shown"),
    [
        (["/home/ada/runs/a", "/home/ada/runs/b"], ["a", "b"]),
        (["/home/ada/one/run", "/home/ada/two/run"], ["one/run", "two/run"]),
        (["/home/ada/one/run", "/home/ada/run"], ["one/run", "ada/run"]),
        (["/home/ada/run", "/home/ada/run"], ["run", "run"]),
        (["/run", "/home/run"], ["run", "home/run"]),
    ],
)
def test_the_shortest_ending_that_differs(folders: list[str], shown: list[str]) -> None:
    names = unique_names(["cnn", *["vit"] * len(folders)], [Path("/secret"), *map(Path, folders)])
    assert names == ["cnn", *shown]


def test_a_relative_folder_is_named_by_what_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert unique_names(["vit", "vit"], [Path(), Path("../there")]) == ["here", "there"]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("/home/ada/data/fer2013.csv", "fer2013.csv"),
        ("hf://datasets/ada/faces", "hf://datasets/ada/faces"),
    ],
)
def test_a_page_names_its_data_without_the_path(drawn: FER2013, source: str, shown: str) -> None:
    blocks = "".join(f"{{% block {name} %}}{{% endblock %}}" for name in ("lead", "numbers", "sections"))
    page = load_environment().from_string('{% extends "base.html" %}' + blocks)
    html = page.render(title="", contents=[], version="1", dataset=replace(drawn, source=source))
    assert f"<p>Data: {shown}, fingerprint" in html and "/home/ada" not in html
