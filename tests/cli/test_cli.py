"""The command line as a user meets it: JSON on stdout, one line and exit code 2 for a mistake."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_zoo.cli.main import main
from fer_zoo.cli.predict_command import _annotate
from fer_zoo.emotions import EMOTIONS


def run(capsys, *arguments: str) -> tuple[str, str]:
    main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return captured.out, captured.err


@pytest.fixture(scope="module")
def drawn_csv(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "faces.csv"
    main(["data", "synth", str(path), "--count", "400"])
    return path


@pytest.fixture(scope="module")
def trained(drawn_csv, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    run_options = ["--epochs", "1", "--set", "batch_size=64", "--out", str(out)]
    main(["train", "--arch", "cnn-baseline", "--data", str(drawn_csv), *run_options])
    return out


def test_list(capsys) -> None:
    rows = json.loads(run(capsys, "list", "--json")[0])
    table = run(capsys, "list")[0]
    assert all(row["name"] in table for row in rows)
    accuracy = next(row for row in rows if row["name"] == "cnn-baseline")["metrics"]["private"]["accuracy"]
    assert f"{accuracy:.2%}" in table


def test_data_info_and_show(capsys, drawn_csv, tmp_path) -> None:
    information = json.loads(run(capsys, "data", "info", "--data", drawn_csv, "--json")[0])
    assert "blank" in json.dumps(information)
    assert "surprise" in run(capsys, "data", "info", "--data", drawn_csv)[0]
    run(capsys, "data", "show", "--data", drawn_csv, "--out", tmp_path)
    for name in ("classes.png", "faces.png"):
        assert min(Image.open(tmp_path / name).size) > 200


def test_a_run_is_trained_evaluated_and_compared(capsys, drawn_csv, trained, tmp_path) -> None:
    assert {"model.safetensors", "config.json", "README.md", "curves.png"} <= {
        p.name for p in trained.iterdir()
    }
    out, _ = run(capsys, "eval", trained, "--data", drawn_csv, "--json", "--record", "--pictures", tmp_path)
    result = json.loads(out)
    assert list(result) == [
        *("model", "split", "n", "tta", "accuracy", "accuracy_ci95", "accuracy_no_duplicates", "macro_f1"),
        *("ece", "nll", "per_class", "confusion", "reliability"),
    ]
    assert (tmp_path / "confusion.png").is_file() and (tmp_path / "reliability.png").is_file()
    assert f"{100 * result['accuracy']:.2f} %" in run(capsys, "card", trained)[0]
    assert f"{100 * result['accuracy']:.2f} %" in (trained / "README.md").read_text(encoding="utf-8")
    pair = json.loads(run(capsys, "compare", trained, "cnn-baseline", "--data", drawn_csv, "--json")[0])[
        "pairs"
    ][0]
    assert 0 <= pair["p_value"] <= 1
    assert "points" in run(capsys, "compare", trained, "cnn-baseline", "--data", drawn_csv)[0]


def test_predict_tells_each_picture(capsys, tmp_path) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    Image.fromarray(gray).save(tmp_path / "a.png")
    out, _ = run(capsys, "predict", tmp_path / "a.png", "--whole", "--json")
    named = json.loads(out)[0]["faces"][0]["models"]["ensemble"]  # as on the page
    assert list(named) == list(EMOTIONS) and sum(named.values()) == pytest.approx(1)
    Image.new("RGB", (200, 200), "white").save(tmp_path / "b.png")
    out, err = run(capsys, "predict", tmp_path / "b.png", "--json")
    assert json.loads(out)[0]["faces"] == [] and "no face found" in err and len(err.splitlines()) == 1


def test_predict_draws_the_answers_and_sums_them_up(capsys, tmp_path) -> None:
    from matplotlib.cbook import get_sample_data

    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        with get_sample_data("grace_hopper.jpg") as file:
            Image.open(file).save(folder / "face.png")
    Image.new("RGB", (200, 200), "white").save(tmp_path / "two" / "plain.png")
    drawn = tmp_path / "drawn"
    out, _ = run(capsys, "predict", *folders, "--models", "cnn-baseline", "--annotate", drawn)
    assert out.splitlines()[-1] == "3 pictures, 2 faces; cnn-baseline: neutral 2; no face in 1"
    assert sorted(path.name for path in drawn.iterdir()) == ["face-2.png", "face.png", "plain.png"]
    with Image.open(folders[0] / "face.png") as given, Image.open(drawn / "face.png") as image:
        assert image.size == given.size
        changed = (np.asarray(given) != np.asarray(image)).any(2)
    assert 0.005 < changed.mean() < 0.15  # a box and a label
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(folders[0]), "--annotate", "a", "--out", "b"])
    assert caught.value.code == 2 and "do not go together" in capsys.readouterr().err


def test_a_face_alone_on_its_photo_is_drawn_without_a_number(monkeypatch, tmp_path) -> None:
    seen = []

    def draw(_photo, _boxes, labels, _colors) -> Image.Image:
        seen.append(labels)
        return Image.new("RGB", (9, 9))

    monkeypatch.setattr("fer_zoo.recognition.face_drawing.draw_faces", draw)
    face = {"box": [0, 0, 9, 9], "models": {"cnn-baseline": {"happy": 0.93, "sad": 0.07}}}
    for count in (1, 2):
        _annotate(Path("a.png"), {"faces": [face] * count}, tmp_path, set())
    assert seen == [["happy 93%"], ["1 happy 93%", "2 happy 93%"]]


def test_a_warning_is_told_once(tmp_path) -> None:
    """In a new process: here pytest takes what is warned of. Both the check and the loading find the name."""
    Image.new("L", (48, 48)).save(tmp_path / "a.png")
    command = [sys.executable, "-m", "fer_zoo", "predict", "--models", "vit_48", "--whole"]
    ran = subprocess.run([*command, tmp_path / "a.png"], capture_output=True, text=True, check=True)
    assert ran.stderr.count("'vit_48' left the package") == 1


def test_a_broken_picture_is_told_and_the_others_go_on(capsys, tmp_path) -> None:
    Image.new("RGB", (60, 60), "white").save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_text("no picture", encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(tmp_path), "--whole", "--json"])
    captured = capsys.readouterr()
    assert caught.value.code == 2 and len(json.loads(captured.out)) == 2
    assert "bad.png" in captured.err and "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--arch", "efficientnet_b9", "--data", "x"], "Did you mean 'efficientnet_b0'"),
        (["train", "--arch", "cnn-baseline", "--data", "missing.csv"], "missing.csv"),
        (["train", "--arch", "cnn-baseline"], "FER_ZOO_DATA"),
        (
            ["train", "--arch", "cnn-baseline", "--data", ".", "--recipe", "basline"],
            "Did you mean 'baseline'",
        ),
        (["train", "--arch", "cnn-baseline", "--data", ".", "--set", "lr=1"], "learning_rate"),
        (["train", "--arch", "cnn-baseline", "--epochs", "0"], "from 1 to"),
        (["train", "--arch", "cnn-baseline", "--epochs", "zero"], "'zero' is not a whole number"),
        (["train", "--arch", "cnn-baseline", "--seed", "-1"], "from 0 to"),
        (["train", "--arch", "cnn-baseline", "--seed", "9" * 30], "from 0 to"),
        (["demo", "--port", "99999"], "from 1 to 65,535"),
        (["bench", "train", "--workers", "-1"], "from 0 to"),
        (["tune", "--arch", "cnn-baseline", "--minutes", "soon"], "'soon' is not a number above 0"),
        (["train"], "--arch"),
        (["tune", "--arch", "cnn-baselin", "--data", "x"], "Did you mean 'cnn-baseline'"),
        (["tune", "--arch", "cnn-baseline", "--minutes", "0"], "above 0"),
        (["tune", "--arch", "cnn-baseline", "--data", ".", "--set", "lr=1"], "learning_rate"),
        (["study", "ablatio", "--data", "."], "Did you mean 'ablation'"),
        (["study", "balance", "--data", "missing.csv"], "missing.csv"),
        (["eval", "cnn-basline", "--data", "x"], "Did you mean 'cnn-baseline'"),
        (["eval", "vit_tiny", "--data", "x"], "no trained weights"),
        (["predict", "missing.jpg"], "no such file"),
        (["predict", ""], "an empty name"),
        (["predict", "https://example.org/a.jpg"], "Download the picture first"),
        (["predict", "x.jpg", "--models", ","], "',' names nothing"),
        (["train", "--arch", "cnn-baseline", "--data", ".", "--out", ""], "an empty name"),
        (["predict", "x.jpg", "--models", "nothing"], "Unknown model"),
        (["export", "cnn-baseline"], "--out"),
        (["nonsense"], "nonsense"),
        ([], "COMMAND"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(capsys, monkeypatch, arguments, says) -> None:
    monkeypatch.delenv("FER_ZOO_DATA", raising=False)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    captured = capsys.readouterr()
    assert caught.value.code == 2 and captured.out == ""
    assert says in captured.err and len(captured.err.strip().splitlines()) == 1


def test_faces_named_in_a_file_are_left_out_of_training(capsys, drawn_csv, tmp_path) -> None:
    named = "".join(f"Training,{index}\n" for index in range(10, 300))
    (tmp_path / "exclude.csv").write_text("split,index\n" + named, encoding="utf-8")
    options = ("--data", drawn_csv, "--exclude", tmp_path / "exclude.csv", "--epochs", "1")
    _, errors = run(capsys, "train", "--arch", "cnn-baseline", *options, "--out", tmp_path / "run")
    assert "leaves out 290 of Training" in errors
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--arch", "cnn-baseline", "--data", str(drawn_csv), "--exclude", str(drawn_csv)])
    assert "columns split, index" in capsys.readouterr().err


def test_wrong_split_and_views(capsys, drawn_csv, trained) -> None:
    wrong = (["--split", "privat"], ["--split", "privat", "--ferplus", str(drawn_csv)], ["--tta", "twocrop"])
    for options in wrong:
        with pytest.raises(SystemExit) as caught:
            main(["eval", str(trained), "--data", str(drawn_csv), *options])
        assert caught.value.code == 2
        assert "Known:" in capsys.readouterr().err


def test_a_second_run_into_the_same_folder_is_refused(capsys, drawn_csv, trained) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["train", "--arch", "cnn-baseline", "--data", str(drawn_csv), "--out", str(trained)])
    assert caught.value.code == 2 and "--resume" in capsys.readouterr().err


@pytest.fixture
def folder_with_a_note(tmp_path) -> Path:
    """A test folder without Usage names serves as both test splits, and that is said."""
    for part in ("train", "test"):
        for emotion in EMOTIONS:
            (tmp_path / part / emotion).mkdir(parents=True)
            gray = np.full((48, 48), EMOTIONS.index(emotion) * 9 + len(part), np.uint8)
            gray[0] = np.arange(48)
            Image.fromarray(gray).save(tmp_path / part / emotion / "1.png")
    return tmp_path


def test_a_note_on_the_data_is_one_line(folder_with_a_note) -> None:
    command = [sys.executable, "-m", "fer_zoo", "data", "info", "--data", str(folder_with_a_note)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (
        len(ended.stderr.strip().splitlines()) == 1 and "test" in ended.stderr and ".py" not in ended.stderr
    )
    assert "serve as both" in ended.stderr and "serve as both" not in ended.stdout


@pytest.mark.filterwarnings("ignore:.*serve as both")
def test_a_note_on_the_data_is_not_repeated_with_what_is_excluded(
    capsys, monkeypatch, folder_with_a_note, tmp_path
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fer_zoo.training.trainer.fit", stop)
    (tmp_path / "exclude.csv").write_text("split,index\nTraining,0\n", encoding="utf-8")
    options = ["--data", str(folder_with_a_note), "--exclude", str(tmp_path / "exclude.csv")]
    with pytest.raises(SystemExit, match="130"):
        main(["train", "--arch", "cnn-baseline", *options])
    errors = capsys.readouterr().err
    assert "leaves out 1 of Training" in errors and "serve as both" not in errors


@pytest.mark.parametrize(
    "option", [["--pretrained", "ada/faces"], ["--set", 'distill.teachers=["ada/faces"]']], ids=lambda o: o[0]
)
def test_a_run_says_to_pull_a_model_of_the_hub_first(capsys, drawn_csv, tmp_path, option) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["train", "--arch", "resnet_48", "--data", str(drawn_csv), "--out", str(tmp_path), *option])
    line = capsys.readouterr().err.strip()
    assert caught.value.code == 2 and "\n" not in line
    assert "fer-zoo pull ada/faces --out runs/faces, and give the folder runs/faces" in line
