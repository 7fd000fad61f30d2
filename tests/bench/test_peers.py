"""Other packages, each in its own Python, interleaved with ours; one that cannot run has an error."""

import json
import sys
from pathlib import Path

import pytest

import fer_zoo.bench.peer_speed as peers
from fer_zoo.cli.main import main

FER = """
import time
class FER:
    def __init__(self, **settings): pass
    def detect_emotions(self, image, boxes=None):
        print("what the peer prints")
        time.sleep(0.02)
        assert image.shape[2] == 3 and (boxes is None or image.shape[0] == 48 * len(boxes))
        return [{"box": box, "emotions": {}} for box in (boxes or [(0, 0, 9, 9)] * 2)]
"""
DEEPFACE = r"""
def analyze(picture, **settings):
    raise ValueError("the weights cannot\nbe downloaded")
"""


@pytest.fixture(autouse=True)
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(peers, "STARTS", 1)
    monkeypatch.setattr(peers, "has_exporter", lambda: False)


def test_one_peer_is_measured_and_another_has_an_error(install) -> None:
    install("fer", {"fer.py": FER})
    install("deepface", {"DeepFace.py": DEEPFACE})
    ours, fer, deepface, *_ = rows = peers.measure_peers(sys.executable, "cnn-baseline", repeats=2)
    assert (ours["name"], ours["runtime"]) == ("cnn-baseline", "torch")
    assert fer["version"] == "1.2" and fer["start_s"] >= 0.02 and fer["photo_faces"] == 2
    assert all(fer[kind]["p95_ms"] >= fer[kind]["median_ms"] >= 20 for kind in ("face", "photo"))
    assert 0 < fer["faces_per_s"] <= 64 / 0.02
    assert deepface == {"name": "deepface", "error": "the weights cannot be downloaded"}
    table = peers.format_peers(rows)
    assert "fer 1.2" in table and "deepface cannot run: the weights cannot be downloaded" in table
    times = fer["face"]["median_ms"] / ours["face"]["median_ms"]
    assert f"fer takes {times:.1f} times as long for one face as cnn-baseline in torch" in table


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os; os._exit(3)", "ended without a reply"),
        (
            "class FER:\n  def __init__(self, **settings): pass\n"
            "  def detect_emotions(self, image, boxes=None): return [{'emotions': {}}]",
            "1 of 64 faces",
        ),
    ],
)
def test_a_peer_that_fails_has_an_error(install, body: str, reason: str) -> None:
    install("fer", {"fer.py": body})
    _, fer, deepface, *_ = peers.measure_peers(sys.executable, "cnn-baseline", repeats=1)
    assert reason in fer["error"] and "not installed there" in deepface["error"]


def test_the_command_adds_the_rows(monkeypatch, capsys) -> None:
    import fer_zoo.bench.prediction_speed as prediction

    monkeypatch.setattr(prediction, "measure_prediction", lambda *_, **__: {"threads": 2})
    monkeypatch.setattr(peers, "measure_peers", lambda python, *_, **__: [{"name": python}])
    main(["bench", "predict", "--peer", "other/python", "--json"])
    assert json.loads(capsys.readouterr().out) == {"threads": 2, "peers": [{"name": "other/python"}]}


def test_a_peer_that_is_not_a_program_is_a_one_line_error(capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(["bench", "predict", "--peer", "/no/such/python"])
    assert end.value.code == 2 and "--peer '/no/such/python' is not a program" in capsys.readouterr().err
