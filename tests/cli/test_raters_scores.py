"""Scores by FER+'s raters stand beside those by the labels, and lead where the model learned from votes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ferplus_votes import write_votes

from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.cli.main import main
from fer_zoo.data.fer2013 import read_faces
from fer_zoo.emotions import EMOTIONS

CONTEMPT_EVERY = 10  # of this many faces one is contempt to all raters


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn faces, their votes, and untrained networks `labels` and `votes`, which learned from those."""
    folder = tmp_path_factory.mktemp("raters")
    main(["data", "synth", str(folder / "faces.csv"), "--count", "300"])
    votes = write_votes(folder / "votes.csv", read_faces(folder / "faces.csv"))
    head, *rows = votes.read_text(encoding="utf-8").splitlines()
    for index in range(0, len(rows), CONTEMPT_EVERY):
        rows[index] = f"{rows[index].split(',')[0]},x.png,0,0,0,0,0,0,0,10,0,0"
    votes.write_text("\n".join([head, *rows]), encoding="utf-8")
    for name, source in (("labels", "fer2013"), ("votes", "ferplus")):
        save_artifact(folder / name, create_model("cnn-baseline").eval(), {"labels": source, "metrics": {}})
    return folder


def run(capsys: pytest.CaptureFixture[str], work: Path, command: str, *names: str, options: str = "") -> str:
    given = [*names, "--data", "faces.csv", "--ferplus", "votes.csv"]
    paths = [str(work / one) if (work / one).exists() else one for one in given]
    main([command, *paths, *options.split()])
    return capsys.readouterr().out


def test_eval_scores_each_emotion_by_the_raters(
    capsys: pytest.CaptureFixture[str], work: Path, tmp_path: Path
) -> None:
    scores = json.loads(run(capsys, work, "eval", "votes", options=f"--json --pictures {tmp_path}"))
    raters = scores["ferplus"]
    assert list(raters["per_class"]) == [*EMOTIONS, "contempt"] and raters["n"] == scores["n"]
    support = {name: row["support"] for name, row in raters["per_class"].items()}
    assert support["contempt"] == sum(support.values()) // CONTEMPT_EVERY
    right = np.trace(raters["confusion"])
    assert raters["agreement"] == right / raters["n"] <= np.trace(scores["confusion"]) / scores["n"]
    assert {path.name for path in tmp_path.iterdir()} == {
        *("confusion.png", "reliability.png", "confusion-ferplus.png", "reliability-ferplus.png"),
    }
    by_labels, by_raters = run(capsys, work, "eval", "votes").split("FER+ agreement")
    assert "contempt" in by_raters and "contempt" not in by_labels


def test_compare_tests_either(capsys: pytest.CaptureFixture[str], work: Path) -> None:
    result = json.loads(run(capsys, work, "compare", "votes", "cnn-baseline", options="--json"))
    alone = [
        json.loads(run(capsys, work, "eval", name, options="--json")) for name in ("votes", "cnn-baseline")
    ]
    raters = result["ferplus"]
    assert [row["accuracy"] for row in result["models"]] == [one["accuracy"] for one in alone]
    assert [row["accuracy"] for row in raters["models"]] == [one["ferplus"]["agreement"] for one in alone]
    (pair,) = raters["pairs"]
    assert pair["difference"] == pytest.approx(pair["accuracy_a"] - pair["accuracy_b"])
    assert pair["accuracy_a"] == raters["models"][0]["accuracy"] and pair["n"] == raters["n"]
    text = run(capsys, work, "compare", "votes", "cnn-baseline")
    assert text.count("points [") == 2 and "By the majority of FER+'s ten raters" in text


@pytest.mark.parametrize("command", ["compare", "report"])
@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("cnn-baseline.fer2013", "is given twice: name each model once."),
        ("./two", "two has the classes no, yes, and the data angry, disgust"),
    ],
)
def test_models_that_do_not_go_together_are_refused_before_any_is_scored(
    capsys: pytest.CaptureFixture[str],
    work: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    second: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    save_artifact(tmp_path / "two", create_model("cnn-baseline", classes=("no", "yes")), {"metrics": {}})
    monkeypatch.setattr("fer_zoo.evaluation.evaluate.load_artifact", None)
    with pytest.raises(SystemExit) as caught:
        main([command, "cnn-baseline", second, "--data", str(work / "faces.csv")])
    assert caught.value.code == 2 and message in capsys.readouterr().err


def test_a_report_leads_with_what_the_model_learned(
    capsys: pytest.CaptureFixture[str], work: Path, tmp_path: Path
) -> None:
    def report(*names: str) -> tuple[str, dict[str, Any]]:
        page = tmp_path / "page.html"
        printed = run(capsys, work, "report", *names, options=f"--json --force --out {page}")
        return page.read_text(encoding="utf-8"), json.loads(printed)["models"][0]

    said = "majority of FER+&#39;s ten raters, from whose votes the training learned"
    page, numbers = report("votes")
    raters = numbers["ferplus"]
    assert numbers["labels"] == "ferplus" and "nll" not in numbers
    assert (numbers["n"], numbers["accuracy"]) == (raters["n"], raters["agreement"])
    assert said in page or said.replace("&#39;", "'") in page
    assert f"Agreement</dt><dd>{raters['agreement']:.2%}<small>" in page and "contempt</th>" in page
    page, numbers = report("labels")
    assert numbers["n"] == numbers["ferplus"]["n"] and "labels" not in numbers
    assert "from whose votes" not in page and "Errors shared with human raters" in page


def test_a_page_of_both_families_has_both_scores(
    capsys: pytest.CaptureFixture[str], work: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    options = f"--json --out {page}"
    reported = json.loads(run(capsys, work, "report", "votes", "labels", "cnn-baseline", options=options))
    compared = json.loads(run(capsys, work, "compare", "votes", "labels", "cnn-baseline", options="--json"))
    for by_report, by_compare in (
        (reported["pairs"], compared["pairs"]),
        (reported["ferplus_pairs"], compared["ferplus"]["pairs"]),
    ):
        assert [pair["difference"] for pair in by_report] == [pair["difference"] for pair in by_compare]
        assert [pair["p_holm"] for pair in by_report] == [pair["p_holm"] for pair in by_compare]
    text = page.read_text(encoding="utf-8")
    assert text.count("only first correct") == 2 and f"on the {compared['ferplus']['n']} faces" in text
    agreed = max(reported["models"], key=lambda row: row["ferplus"]["agreement"])
    assert f"raters</dt><dd>{agreed['model']}<small>{agreed['ferplus']['agreement']:.2%}," in text
    recalls = [row["ferplus"]["per_class"]["happy"]["recall"] for row in reported["models"]]
    assert all(f"{recall:.1%}" in text for recall in recalls)


def test_a_score_by_labels_alone_is_told_to_be_half_the_answer(
    capsys: pytest.CaptureFixture[str], work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = read_faces(work / "faces.csv")
    monkeypatch.setattr("fer_zoo.evaluation.model_data.FER2013_FINGERPRINT", data.fingerprint)
    with pytest.warns(UserWarning, match="--ferplus fer2013new.csv scores it by FER\\+'s raters"):
        main(["eval", str(work / "votes"), "--data", str(work / "faces.csv")])
    main(["eval", str(work / "labels"), "--data", str(work / "faces.csv")])  # here a warning is an error
    capsys.readouterr()
