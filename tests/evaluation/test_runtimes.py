"""The two runtimes start side by side on the same model."""

from pathlib import Path

from fer_zoo.artifacts.resolve import resolve_folder
from fer_zoo.evaluation.runtimes import time_first_answers


def test_onnx_runtime_answers_first(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FER_ZOO_CACHE", str(tmp_path))
    seconds = time_first_answers(resolve_folder("cnn-baseline"), starts=1)
    assert seconds["torch"] / seconds["onnx"] > 1  # importing torch alone takes longer
