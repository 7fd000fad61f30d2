"""What a command writes: never over a file unasked; a system that refuses is one line, no traceback."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fer_zoo.cli.main import main
from fer_zoo.recognition.batch import Summary, format_summary

POSIX = pytest.mark.skipif(os.name != "posix", reason="/dev/full is of Linux")
FULL = "No space left on device"


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fer_zoo", *map(str, arguments)]
    return subprocess.run(command, check=False, text=True, stderr=subprocess.PIPE, **options)


def refuse(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The line of a command that ends with exit code 2."""
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    line = capsys.readouterr().err.strip()
    assert caught.value.code == 2 and len(line.splitlines()) == 1, line
    return line


@pytest.fixture(scope="module")
def drawn_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "faces.csv"
    main(["data", "synth", str(path), "--count", "100"])
    return path


@POSIX
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["card", "resnet_48"]])
def test_output_to_a_full_disk_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = run(*arguments, stdout=full)
    assert ended.returncode == 2 and FULL in ended.stderr and len(ended.stderr.splitlines()) == 1


def test_a_file_that_is_missing_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    line = refuse(capsys, "bench", "predict", "--models", "resnet_48", "--photo", "missing.png")
    assert line == "fer-zoo: missing.png: no such file."


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    code = "import sys; from fer_zoo.cli.main import main; sys.stdin.read(); main(['card', 'resnet_48'])"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stdin and process.stderr
        process.stdout.close()
        process.stdin.close()
        assert process.wait(60) == 1 and process.stderr.read() == ""


@POSIX
def test_faces_drawn_to_a_full_disk_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert FULL in refuse(capsys, "data", "synth", "/dev/full", "--count", 7)
    main(["data", "synth", "/dev/null", "--count", "7"])
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


# A file may not grow beyond the limit, as on a disk that is full.
SMALL = """
import resource, signal, sys
from fer_zoo.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
main(sys.argv[1:])
"""


@POSIX
@pytest.mark.parametrize(
    "arguments",
    [["data", "show", "--out"], ["eval", "cnn-baseline", "--split", "public", "--pictures"]],
    ids=lambda one: one[0],
)
def test_pictures_on_a_full_disk_are_one_line(arguments: list[str], drawn_csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", SMALL, *arguments, str(out), "--data", str(drawn_csv)]
    ended = subprocess.run(command, check=False, text=True, capture_output=True)
    assert ended.returncode == 2 and "cannot be written (File too large)" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1 and not list(out.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["data", "show", "--out"],
        ["data", "audit", "--out"],
        ["card", "resnet_48", "--out"],
        ["export", "resnet_48", "--out"],
        ["eval", "resnet_48", "--pictures"],
        ["calibrate", "resnet_48", "--out"],
        ["ensemble", "cnn-baseline", "resnet_48", "--out"],
        ["predict", "x.png", "--out"],
        ["video", "x.mp4", "--out"],
        ["train", "--arch", "cnn-baseline", "--out"],
        ["tune", "--arch", "cnn-baseline", "--out"],
        ["study", "ablation", "--out"],
        ["pull", "ada/faces", "--out"],
    ],
    ids=lambda one: " ".join(one[:2]),
)
@pytest.mark.parametrize("inside", ["", "/folder"])
def test_a_file_where_a_folder_is_to_be_is_said_before_any_work(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], inside: str
) -> None:
    (tmp_path / "file").write_text("mine")
    assert "is a file, not a folder" in refuse(capsys, *arguments, f"{tmp_path}/file{inside}")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_is_replaced_on_demand_only(
    capsys: pytest.CaptureFixture[str], drawn_csv: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("mine")
    for command in (["data", "synth", mine], ["report", "resnet_48", "--data", drawn_csv, "--out", mine]):
        line = refuse(capsys, *command)
        assert "already exists (4 bytes)" in line and "--force" in line and mine.read_text() == "mine"
        assert "is a folder" in refuse(capsys, *command[:-1], tmp_path)
    main(["data", "synth", str(mine), "--count", "7", "--force"])
    assert mine.read_text().startswith("emotion,pixels,Usage\n")


@pytest.mark.parametrize(("models", "page"), [(1, "report-resnet_48.html"), (2, "report-comparison.html")])
def test_a_report_that_is_there_is_not_replaced_unasked(
    capsys: pytest.CaptureFixture[str], drawn_csv: Path, tmp_path: Path, monkeypatch, models: int, page: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(page).write_text("mine", encoding="utf-8")
    command = ["report", *["resnet_48", "cnn-baseline"][:models], "--data", drawn_csv]
    assert f"'{page}' already exists" in refuse(capsys, *command)
    assert Path(page).read_text(encoding="utf-8") == "mine"


def test_eval_says_where_its_pictures_are(
    capsys: pytest.CaptureFixture[str], drawn_csv: Path, tmp_path: Path
) -> None:
    main(["eval", "resnet_48", "--data", str(drawn_csv), "--split", "public", "--pictures", str(tmp_path)])
    assert f"Wrote confusion.png and reliability.png into {tmp_path}" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"confusion.png", "reliability.png"}


def test_one_is_no_plural() -> None:
    text = format_summary(Summary(pictures=1, faces=1, parts=1, skipped=1, seconds=1), Path("out"))
    assert text.startswith("1 picture, 1 face, ")
    assert text.endswith("Wrote 1 part into out; 1 part already there")


@pytest.mark.parametrize("cut", ["", '{"given": ["a', "[1]", "null"])
def test_a_damaged_job_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path, cut: str) -> None:
    Image.new("L", (48, 48)).save(tmp_path / "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "job.json").write_text(cut)
    line = refuse(capsys, "predict", tmp_path / "a.png", "--whole", "--out", tmp_path / "out")
    assert "job.json' is damaged" in line and "another --out" in line


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_names_outside_the_code_page_are_escaped(tmp_path: Path, encoding: str) -> None:
    Image.new("L", (48, 48)).save(tmp_path / "зима é.png")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    arguments = ("predict", tmp_path, "--whole", "--models", "cnn-baseline")
    plain = run(*arguments, env=environment, stdout=subprocess.PIPE, encoding=encoding)
    assert plain.returncode == 0 and "\\u0437\\u0438\\u043c\\u0430" in plain.stdout, plain.stderr
    told = run(*arguments, "--json", env=environment, stdout=subprocess.PIPE, encoding=encoding)
    assert json.loads(told.stdout)[0]["image"].endswith("зима é.png")


@pytest.fixture(params=[b"<html>Log in to Hotel Wi-Fi</html>", b'{"welcome": "guest"}', b"[]"], ids=repr)
def portal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A network that answers everything itself until its guest has logged in."""
    from huggingface_hub import constants

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(request.param)))
            self.end_headers()
            self.wfile.write(request.param)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield
        server.shutdown()


@pytest.mark.usefixtures("portal")
def test_a_captive_portal_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    line = refuse(capsys, "pull", "ada/faces", "--out", tmp_path / "pulled")
    assert "is not the Hub" in line and "login page" in line
