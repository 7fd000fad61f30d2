"""The two runtimes are timed side by side on the same model."""

from pathlib import Path

import pytest

from fer_zoo.artifact import find_artifact
from fer_zoo.evaluation.runtimes import compare_runtimes


def test_onnx_runtime_answers_first_and_both_are_timed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FER_ZOO_CACHE", str(tmp_path))
    result = compare_runtimes(find_artifact("cnn-baseline"), batch_sizes=(1, 4), repeats=2, starts=1)
    assert [row["batch"] for row in result["latency_ms"]] == [1, 4]
    for row in (result["first_answer_s"], *result["latency_ms"]):
        assert row["ratio"] == pytest.approx(row["torch"] / row["onnx"], rel=0.05)
    assert result["first_answer_s"]["ratio"] > 1  # importing torch alone takes longer
