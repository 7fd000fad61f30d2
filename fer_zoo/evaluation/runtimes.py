"""How long until the first answer of a new Python in torch and in ONNX Runtime, and calls that take turns."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from fer_zoo.artifacts.onnx_cache import open_onnx

FIRST_ANSWER = """
import sys, time
start = time.perf_counter()
import fer_zoo, numpy
fer_zoo.load(sys.argv[1], runtime=sys.argv[2]).predict(numpy.zeros((48, 48), numpy.uint8))
print(time.perf_counter() - start)
"""


def has_exporter() -> bool:
    """Whether the packages of fer-zoo[onnx], which the export to ONNX works with, are there."""
    return find_spec("onnxscript") is not None


def time_first_answers(folder: Path, starts: int = 3) -> dict[str, float]:
    """Median seconds by runtime: a new Python imports fer_zoo, loads the model and scores one face. Its ONNX
    file is there already; without the packages for the export only torch is timed.
    """
    runtimes = ["torch"]
    if has_exporter():
        open_onnx(folder)
        runtimes.append("onnx")
    return {runtime: round(_time_first_answer(folder, runtime, starts), 3) for runtime in runtimes}


def time_interleaved(calls: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Median seconds of each call. Taking turns, all of them meet the same load of the machine."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats + 3):  # the first calls allocate
        for call, times in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
    return [median(times[3:]) for times in seconds]


def _time_first_answer(folder: Path, runtime: str, starts: int) -> float:
    command = [sys.executable, "-c", FIRST_ANSWER, str(folder), runtime]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(starts)]
    return median(float(run.stdout) for run in runs)
