"""The audit's files: two lists for programs, one page for people, which agree."""

import csv
import json
import re
from pathlib import Path

import pytest

from fer_zoo.cli.main import main
from fer_zoo.data.exclude import exclude_faces
from fer_zoo.data.fer2013 import read_fer2013
from fer_zoo.data.quality import find_blanks
from fer_zoo.data.synthetic import write_synthetic


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn faces, with a Training face also in PublicTest and in PrivateTest, and a blank in Training."""
    path = tmp_path_factory.mktemp("audit") / "drawn.csv"
    write_synthetic(path, count=100)
    lines = path.read_text(encoding="ascii").splitlines()
    pixels = [line.split(",") for line in lines]
    for other in (85, 95):  # the header is line 0: Training 0-79, PublicTest 80-89, PrivateTest 90-99
        pixels[1 + other][1] = pixels[1 + 10][1]
    pixels[1 + 20][1] = " ".join(["7"] * 2304)
    path.write_text("\n".join(",".join(row) for row in pixels), encoding="ascii")
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_lists_and_the_page_agree(planted: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "audit"
    main(["data", "audit", "--data", str(planted), "--models", "", "--out", str(out), "--json"])
    result = json.loads(capsys.readouterr().out)
    findings, excluded = read_rows(out / "findings.csv"), read_rows(out / "exclude.csv")
    for kind, counts in result["counts"].items():
        if kind != "left_out":
            for usage, count in counts.items():
                assert count == sum(row["kind"] == kind and row["split"] == usage for row in findings)
    assert sum(result["counts"]["left_out"].values()) == len(excluded)
    places = {(row["split"], row["index"]) for row in excluded}
    assert {("Training", "10"), ("PublicTest", "5"), ("Training", "20")} <= places
    assert not [row for row in excluded if row["split"] == "PrivateTest"]
    assert {row["split"] for row in findings if row["left_out"] == "yes"} <= {"Training", "PublicTest"}
    dataset = read_fer2013(planted)
    kept = exclude_faces(dataset, out / "exclude.csv")  # as `fer-zoo train --exclude` reads it
    assert len(kept.training) + len(kept.public_test) == 90 - len(excluded)
    assert not find_blanks(kept.training.pixels).any()
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<b>Training 20</b>" in page
    assert "PublicTest 5" in page
    assert not re.findall(r"https?://|<script|<link|url\(", page)


def test_the_counts_are_printed(planted: Path, tmp_path: Path, capsys) -> None:
    main(["data", "audit", "--data", str(planted), "--models", "", "--out", str(tmp_path / "audit")])
    printed = capsys.readouterr().out
    assert re.search(r"^Blank +1 +0 +0$", printed, flags=re.MULTILINE)
    assert "exclude.csv" in printed


def test_votes_for_other_faces_are_refused(planted: Path, tmp_path: Path, capsys) -> None:
    votes = tmp_path / "votes.csv"
    votes.write_text("Usage,neutral\nTraining,10\n", encoding="ascii")
    with pytest.raises(SystemExit) as stop:
        main(["data", "audit", "--data", str(planted), "--models", "", "--ferplus", str(votes)])
    assert stop.value.code == 2
    assert "fer2013new.csv" in capsys.readouterr().err
