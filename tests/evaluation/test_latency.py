"""Latency: which calls are counted, in which order, and that a new Python process answers in each runtime."""

from pathlib import Path

import pytest

from fer_zoo.artifacts.hub import load
from fer_zoo.artifacts.resolve import resolve_folder
from fer_zoo.evaluation import latency


def test_calls_are_interleaved_and_the_warm_up_is_not_counted(monkeypatch) -> None:
    """A clock that only the calls advance: the first takes 9 s while it warms up and then 1 s."""
    now, order = 0.0, []

    def call(name: str) -> None:
        nonlocal now
        order.append(name)
        now += 9.0 if order.count(name) <= latency.WARM_UP else {"a": 1.0, "b": 2.0}[name]

    monkeypatch.setattr(latency.time, "perf_counter", lambda: now)
    assert latency.time_interleaved([lambda: call("a"), lambda: call("b")], repeats=3) == [
        [1.0] * 3,
        [2.0] * 3,
    ]
    assert order == ["a", "b"] * (3 + latency.WARM_UP)


def test_latency_is_of_the_model_in_evaluation_mode() -> None:
    model = load("cnn-baseline").train()
    measured = latency.measure_latency(model, repeats=1)
    assert set(measured) == {"milliseconds", "threads", "processor", "day"}
    assert not model.training and measured["milliseconds"] > 0 and measured["processor"]


@pytest.mark.parametrize(("exporter", "runtimes"), [(True, ["torch", "onnx"]), (False, ["torch"])])
def test_a_new_process_answers_in_each_runtime(
    exporter: bool, runtimes: list[str], tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("FER_ZOO_CACHE", str(tmp_path))
    monkeypatch.setattr(latency, "has_exporter", lambda: exporter)
    monkeypatch.setattr(
        latency,
        "FIRST_ANSWER",
        "import sys, fer_zoo, numpy\n"
        "fer_zoo.load(sys.argv[1], runtime=sys.argv[2]).predict(numpy.zeros((48, 48), numpy.uint8))\n"
        "print(2.0 if 'torch' in sys.modules else 1.0)",
    )
    expected = {"torch": 2.0, "onnx": 1.0}  # ONNX Runtime answers without importing torch
    seconds = latency.time_first_answers(resolve_folder("cnn-baseline"), starts=1)
    assert seconds == {runtime: expected[runtime] for runtime in runtimes}
