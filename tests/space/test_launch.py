"""The folder as a Space runs it: somewhere else, beside nothing, with fer_zoo installed."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

import fer_zoo
from fer_zoo.errors import ImageError

PACKAGE_HOME = str(Path(fer_zoo.__file__).parents[1])


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    import app

    folder = tmp_path / "space"
    shutil.copytree(Path(app.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_page_is_built_without_torch(alone: Path) -> None:
    code = "import app, sys; app.build_page(); assert 'torch' not in sys.modules, 'torch was imported'"
    environment = {**os.environ, "PYTHONPATH": PACKAGE_HOME}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=alone, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr


def test_served_page_leaves_no_folder_behind(alone: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": PACKAGE_HOME, "TMPDIR": str(temporary)}
    environment.pop("GRADIO_TEMP_DIR", None)
    served = subprocess.Popen(
        [sys.executable, "app.py"], cwd=alone, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert served.stdout is not None
        url = next(word for word in served.stdout.readline().split() if word.startswith("http"))
        assert httpx.get(url).status_code == 200
        (answer,) = httpx.post(f"{url}gradio_api/upload", files={"files": ("a.png", b"picture")}).json()
        assert Path(answer).is_relative_to(temporary) and Path(answer).is_file()
    finally:
        served.terminate()
    assert served.wait(20) == 0
    assert list(temporary.iterdir()) == []


def test_a_launched_page_decodes_pictures_in_bounded_children(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, portrait: Path
) -> None:
    """A hostile picture then ends a child and not the page. Here no time at all is allowed to a picture."""
    import app
    import page.server
    from fer_zoo.recognition import decoder_process, video
    from fer_zoo.utils import images

    told = []

    class Page:
        def __init__(self, **_: object) -> None:
            pass

        def block_thread(self) -> None:
            with pytest.raises(ImageError) as caught:
                fer_zoo.Recognizer().inspect(portrait.read_bytes())
            told.append(caught.value.kind)

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))  # launch sets it
    monkeypatch.setattr(decoder_process, "PICTURE_WALL_S", 0.0)
    monkeypatch.setattr(page.server, "exit_on_signals", threading.Event)
    monkeypatch.setattr(app, "build_page", Page)
    monkeypatch.setattr(app, "serve", lambda *_: "http://127.0.0.1/")
    try:
        app.launch()
    finally:
        images.decode_bytes_with(None)
        video.read_frames_with(None)
        decoder_process.stop_children()
    assert told == ["limit"]


def test_the_models_that_are_ticked_are_loaded_before_anybody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    import app
    from page.offered_models import list_first_ticked

    read: list[list[str]] = []
    warm = threading.Event()

    def inspect(self: fer_zoo.Recognizer, *_: object, **__: object) -> None:
        read.append(self.names)
        warm.set()
        raise fer_zoo.FerZooError("as of a broken installation: it ends no page")

    monkeypatch.setattr(fer_zoo.Recognizer, "inspect", inspect)
    monkeypatch.setattr("page.gradio_private.wrap_protocol", lambda *_: None)
    page = SimpleNamespace(launch=lambda **_: (None, "http://127.0.0.1/", None))
    assert app.serve(page) == "http://127.0.0.1/"
    assert warm.wait(10) and read == [list_first_ticked()]


def test_what_is_ticked_at_first_fits_side_by_side() -> None:
    from page.offered_models import SIDE_BY_SIDE, list_first_ticked, list_offered

    names = [row["name"] for row in list_offered()]
    ticked = list_first_ticked()
    assert len(ticked) == SIDE_BY_SIDE and ticked == [name for name in names if name in ticked]
    assert "ensemble" in ticked


def test_other_models_are_offered_under_names_that_tell_them_apart(tmp_path: Path) -> None:
    import torch

    from fer_zoo.artifacts.classifier import create_model
    from fer_zoo.artifacts.save import save_artifact
    from page.offered_models import create_recognizer, list_offered, offer_models

    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        save_artifact(tmp_path / name, create_model("cnn-baseline"), {"metrics": {}, "labels": "ferplus"})
    folders = [str(tmp_path / "first"), str(tmp_path / "second")]
    try:
        offer_models([*folders, "resnet_48"])
        rows = {row["name"]: row for row in list_offered()}
        assert list(rows) == [*folders, "resnet_48"] and rows[folders[0]]["label_source"] == "ferplus"
        assert rows[folders[1]]["params"] == 5_014_119 and rows[folders[1]]["bytes"] > 1_000_000
        assert create_recognizer([folders[1]]).names == [folders[1]]
        with pytest.raises(fer_zoo.FerZooError, match="no model folder"):
            offer_models([str(tmp_path / "third")])
    finally:
        offer_models([])
    assert "cnn-baseline" in [row["name"] for row in list_offered()]


def test_the_page_is_served_at_the_given_address_and_may_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio's relay is on the internet: here a page stands in that only notes how it is launched."""
    import app
    import page.gradio_private
    from page.request_rules import list_hosts

    given: dict[str, object] = {}

    class Page:
        def launch(self, **options: object) -> tuple[None, str, str | None]:
            given.update(options)
            return None, "http://0.0.0.0:7860/", "https://abc.gradio.live" if given.get("found") else None

    monkeypatch.setenv("FER_ZOO_DEMO_HOSTS", "proxy.example")
    monkeypatch.setattr(app, "launch_options", dict)
    monkeypatch.setattr(app, "warm_up", lambda: None)
    monkeypatch.setattr(page.gradio_private, "wrap_protocol", lambda *_: None)
    assert app.serve(Page(), 7860, host="faces.local") == "http://0.0.0.0:7860/"
    assert given["server_name"] == "faces.local" and given["share"] is False
    assert {"faces.local", "proxy.example"} <= list_hosts()
    with pytest.raises(fer_zoo.FerZooError, match="needs the internet"):
        app.serve(Page(), share=True)
    given["found"] = True
    assert app.serve(Page(), share=True) == "https://abc.gradio.live"
    assert "abc.gradio.live" in list_hosts()


@pytest.mark.parametrize(
    ("host", "is_open"),
    [
        (None, False),
        ("localhost", False),
        ("127.0.0.2", False),
        ("::1", False),
        ("0.0.0.0", True),
        ("faces.local", True),
    ],
)
def test_that_others_can_reach_the_page_is_said_where_it_is_so(
    host: str | None, is_open: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import app
    import page.server

    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # launch sets it
    monkeypatch.setattr(page.server, "exit_on_signals", threading.Event)
    monkeypatch.setattr(page.server, "check_host", lambda _: None)
    monkeypatch.setattr(app, "isolate_decoding", lambda: None)
    monkeypatch.setattr(app, "serve", lambda *_: "http://127.0.0.1:7860/")
    served = SimpleNamespace(server_port=7860, block_thread=lambda: None)
    monkeypatch.setattr(app, "build_page", lambda **_: served)
    app.launch(host=host)
    assert ("Everybody who can reach" in capsys.readouterr().out) == is_open


def test_each_family_of_labels_is_led_by_its_ensemble_or_by_its_best_on_public_test() -> None:
    from page.offered_models import ModelFacts, choose_leads

    facts = {
        "a": ModelFacts(accuracy=0.7),
        "b.ferplus": ModelFacts("ferplus", accuracy=0.6),
        "c.ferplus": ModelFacts("ferplus", accuracy=0.8),
        "team": ModelFacts(is_ensemble=True, accuracy=0.6),
    }
    assert choose_leads(list(facts), facts) == ["team", "c.ferplus"]
    assert choose_leads(["b.ferplus", "a"], facts) == ["a", "b.ferplus"]
    assert choose_leads(["b.ferplus"], facts) == ["b.ferplus"] and choose_leads([], facts) == []
