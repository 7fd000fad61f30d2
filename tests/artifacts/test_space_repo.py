"""The demo is pushed as a Space: over real HTTP to a Hub on loopback, and it runs from what was pushed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants
from minihub import MiniHub

from fer_zoo.artifacts.space import PACKAGE, find_space, list_space_files, push_space
from fer_zoo.cli.main import main
from fer_zoo.errors import HubError

SPACE = "spaces/ada/faces"


def test_pushed_space_has_the_page_the_package_and_the_weights(hub: MiniHub) -> None:
    assert push_space("ada/faces") == f"{hub.url}/spaces/ada/faces"
    repo = hub.repos[SPACE]
    assert repo.made_with["sdk"] == "gradio" and repo.commits == ["Update the demo"]
    files = {place: content for place, content in repo.files.items() if place != ".gitattributes"}
    assert files == {place: path.read_bytes() for place, path in list_space_files().items()}
    weights = PACKAGE / "weights" / "cnn-baseline.fer2013" / "model.safetensors"
    assert files["fer_zoo/weights/cnn-baseline.fer2013/model.safetensors"] == weights.read_bytes()
    page = {"app.py", "README.md", "requirements.txt", "packages.txt", "page/style.css", "locales/es.json"}
    assert page <= set(files)


def test_hidden_files_are_not_pushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("app.py", ".env", ".gradio/cached/photo.png", "page/.DS_Store"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.setattr("fer_zoo.artifacts.space.find_space", lambda: tmp_path)
    assert [name for name in list_space_files() if not name.startswith("fer_zoo/")] == ["app.py"]


def test_second_push_takes_away_what_is_gone(hub: MiniHub) -> None:
    push_space("ada/faces")
    hub.repos[SPACE].files["old_view.py"] = b"left over"
    push_space("ada/faces")
    assert "old_view.py" not in hub.repos[SPACE].files and ".gitattributes" in hub.repos[SPACE].files
    assert hub.repos[SPACE].commits == ["Update the demo"] * 2


@pytest.mark.parametrize(("flags", "seen"), [([], "public"), (["--private"], "private")])
def test_command_tells_the_address(
    hub: MiniHub, flags: list[str], seen: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["push-space", "ada/faces", *flags])
    assert capsys.readouterr().out == f"The demo is at {hub.url}/spaces/ada/faces\n"
    assert hub.repos[SPACE].made_with.get("visibility", "public") == seen


def test_dry_run_lists_and_asks_nothing(hub: MiniHub, capsys: pytest.CaptureFixture[str]) -> None:
    main(["push-space", "ada/faces", "--dry-run"])
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[-1] for line in lines[:-1]} == set(list_space_files())
    assert lines[-1].endswith("files would be uploaded to ada/faces") and hub.log == []


def test_caches_and_screenshots_stay_here() -> None:
    places = list_space_files()
    assert not [place for place in places if "__pycache__" in place or "screenshot" in place]
    assert not [place for place in places if place.startswith(("tests", "fer_zoo/_space"))]


@pytest.mark.parametrize("name", ["faces", "a/b/c", "ada/", "ada//faces", "../faces", "ada/fa ces"])
def test_bad_name_is_told_before_anything_is_asked(
    hub: MiniHub, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags in ([], ["--dry-run"]):
        with pytest.raises(SystemExit, match="2"):
            main(["push-space", name, *flags])
        assert "is not a Space name" in capsys.readouterr().err
    assert hub.log == []


def refuse(expected: str) -> None:
    with pytest.raises(HubError, match=expected) as raised:
        push_space("ada/faces")
    assert "\n" not in str(raised.value)


def test_no_token(hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    refuse("No Hugging Face token is saved: run `hf auth login`")
    assert not hub.repos


def test_refused_token(hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_old")
    refuse("the token was refused")
    assert not hub.repos


def test_token_that_may_only_read(hub: MiniHub) -> None:
    hub.read_only = True
    refuse("no write permission")


def test_no_network(hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    refuse("cannot be reached")


def test_offline_switch(hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refuse("offline mode is enabled")


def test_every_tab_works_on_a_pushed_space_with_its_requirements_alone(tmp_path: Path) -> None:
    """What requirements.txt does not bring cannot be imported there."""
    space, uploads = tmp_path / "space", tmp_path / "uploads"
    uploads.mkdir()
    for place, path in list_space_files().items():
        (space / place).parent.mkdir(parents=True, exist_ok=True)
        (space / place).write_bytes(path.read_bytes())
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["GRADIO_TEMP_DIR"] = str(uploads)
    command = [sys.executable, str(Path(__file__).parents[1] / "pushed_space.py"), str(space)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "compare": 4,
        "compare endpoint": 4,
        "live": [[1], [1]],
        "video": ["faces: 1"],
        "many pictures": ["Pictures: 1. Faces: 4"],
    }


def test_requirements_are_the_packages_own() -> None:
    project = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    index, *lines = (find_space() / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert index.startswith("--extra-index-url") and len(lines) > 5
    assert [line for line in lines if f'"{line}"' not in project] == []
