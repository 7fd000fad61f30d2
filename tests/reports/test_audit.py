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


def test_votes_for_other_faces_are_refused_before_the_work(
    planted: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr("fer_zoo.data.audit.collect_faces", lambda _: pytest.fail("the work began"))
    wrong = tmp_path / "votes.csv"
    wrong.write_text("Usage,neutral\nTraining,10\n", encoding="ascii")
    command = ["data", "audit", "--data", str(planted), "--folds", "3", "--models", "cnn-baseline"]
    for votes in (wrong, tmp_path / "missing.csv"):
        with pytest.raises(SystemExit) as stop:
            main([*command, "--ferplus", str(votes)])
        error = capsys.readouterr().err
        assert stop.value.code == 2 and "fer2013new.csv" in error and error.count("\n") == 1


def test_cross_validation_lists_wrong_labels_for_a_person_to_check(tmp_path: Path, capsys) -> None:
    path = tmp_path / "drawn.csv"
    write_synthetic(path, count=250)
    lines = path.read_text(encoding="ascii").splitlines()
    wrong = [str(index) for index in range(5, 200, 20)]  # Training is 0 to 199
    for index in map(int, wrong):
        label, rest = lines[1 + index].split(",", 1)
        lines[1 + index] = f"{(int(label) + 3) % 7},{rest}"
    path.write_text("\n".join(lines), encoding="ascii")
    out = tmp_path / "audit"
    command = ["data", "audit", "--data", str(path), "--models", "cnn-baseline", "--folds", "3"]
    main([*command, "--out", str(out), "--json"])
    result = json.loads(capsys.readouterr().out)
    suspects, findings = read_rows(out / "suspects.csv"), read_rows(out / "findings.csv")
    listed = [row["index"] for row in findings if row["kind"] == "suspect"]
    assert [row["index"] for row in suspects] == listed
    assert result["counts"]["suspect"] == {"Training": len(listed), "PublicTest": 0, "PrivateTest": 0}
    assert len(set(listed[:10]) & set(wrong)) >= 6
    assert not {row["index"] for row in read_rows(out / "exclude.csv") if "suspect" in row["why"]}
    assert len(exclude_faces(read_fer2013(path), out / "suspects.csv").training) == 200 - len(listed)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Suspect labels" in page and f"<b>Training {listed[0]}</b>" in page


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--arch", "resnet_48"], "add --folds 5"),
        (["--folds", "5", "--models", ""], "needs the features of --models"),
        (["--folds", "1"], "from 2 to 20"),
        (["--folds", "3", "--arch", "resnet_49"], "Did you mean 'resnet_48'"),
    ],
)
def test_cross_validation_needs_something_to_learn(options, words, planted: Path, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["data", "audit", "--data", str(planted), *options])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and words in error and error.count("\n") == 1
