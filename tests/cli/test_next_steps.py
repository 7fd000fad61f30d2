"""A printed next command runs as it is printed, and a missing file is told before torch is loaded."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ferplus_votes import write_votes

from fer_zoo.cli.arguments import format_command
from fer_zoo.cli.main import main
from fer_zoo.data.fer2013 import read_faces

NEXT = re.compile(r"Next: fer-zoo (.*)")
QUICK = ["--set", "batch_size=64", "--device", "cpu"]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Names with a space in them, where a person works."""
    return tmp_path_factory.mktemp("my faces")


def follow(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """Run a command, then the one that it prints, which is returned."""
    main(list(command))
    (printed,) = NEXT.findall(capsys.readouterr().out)
    main(shlex.split(printed))
    return printed


@pytest.fixture(scope="module")
def csv_file(run_folder: Path) -> Path:
    path = run_folder / "drawn faces.csv"
    main(["data", "synth", str(path), "--count", "120"])
    return path


@pytest.fixture
def here(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(run_folder)
    monkeypatch.delenv("FER_ZOO_DATA", raising=False)
    return run_folder


def test_windows_shell_knows_no_single_quotes(monkeypatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert format_command("fer-zoo", "eval", r"runs\one", "my run") == r'fer-zoo eval runs\one "my run"'


def test_drawing_leads_to_training(here: Path, capsys) -> None:
    assert follow(capsys, "data", "synth", "a few.csv", "--count", "100").startswith("train ")
    assert (here / "runs" / "cnn-baseline" / "config.json").is_file()


def test_training_leads_to_evaluation(here: Path, csv_file: Path, capsys, monkeypatch) -> None:
    train = ["train", "--arch", "cnn-baseline", "--epochs", "1", "--out", "a run", *QUICK]
    wanted = f"eval 'a run' --split private --data '{csv_file}' --device cpu"
    assert follow(capsys, *train, "--data", str(csv_file)) == wanted
    monkeypatch.setenv("FER_ZOO_DATA", str(csv_file))  # it is there for the next command too
    assert follow(capsys, *train, "--resume") == "eval 'a run' --split private --device cpu"


def test_calibrating_and_voting_lead_to_evaluation(here: Path, csv_file: Path, capsys) -> None:
    data = ["--data", str(csv_file)]
    for command in (
        ["calibrate", "cnn-baseline", *data, "--out", "cnn calibrated"],
        ["ensemble", "cnn-baseline", "resnet_48", *data, "--out", "a vote"],
    ):
        assert follow(capsys, *command) == f"eval '{command[-1]}' --split private --data '{csv_file}'"


def test_training_on_votes_leads_to_scores_by_the_raters(here: Path, csv_file: Path, capsys) -> None:
    write_votes(here / "votes.csv", read_faces(csv_file))
    votes = ["--labels", "ferplus", "--ferplus-csv", "votes.csv", "--data", str(csv_file)]
    assert follow(capsys, "calibrate", "cnn-baseline", *votes, "--out", "by votes") == (
        f"eval 'by votes' --split private --data '{csv_file}' --ferplus votes.csv"
    )


def test_a_search_leads_to_training(here: Path, csv_file: Path, capsys) -> None:
    pytest.importorskip("optuna")
    tune = ["tune", "--arch", "seresnet_48", "--epochs", "1", "--trials", "1", "--out", "a search", *QUICK]
    assert "--recipe 'a search/best.toml'" in follow(capsys, *tune, "--data", str(csv_file))


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("train --arch cnn-baseline --data gone.csv", "gone.csv: no such file or folder"),
        (
            "train --arch cnn-baseline --data . --exclude gone.csv",
            "--exclude got 'gone.csv', but there is no",
        ),
        (
            "train --arch cnn-baseline --data . --labels both --ferplus-csv gone.csv",
            "--ferplus-csv got 'gone.csv', but there is no such file: give FER+'s fer2013new.csv",
        ),
        ("eval cnn-baseline --data gone.csv", "gone.csv: no such file or folder"),
        (
            "eval cnn-baseline --data . --ferplus gone.csv",
            "--ferplus got 'gone.csv', but there is no such file",
        ),
        ("eval gone.onnx --data .", "'gone.onnx'"),
        ("compare cnn-baseline resnet_48 --data gone.csv", "gone.csv: no such file or folder"),
        ("calibrate cnn-baseline --data gone.csv --out o", "gone.csv: no such file or folder"),
        ("calibrate ./gone --data . --out o", "no model folder at './gone'"),
    ],
)
def test_what_is_not_there_is_told_before_torch_is_loaded(tmp_path: Path, command: str, says: str) -> None:
    code = (
        "import sys; from fer_zoo.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command.split()], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 2 and done.stdout == "False\n"
    assert done.stderr.startswith("fer-zoo: ") and says in done.stderr and done.stderr.count("\n") == 1
