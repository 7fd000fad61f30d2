"""Latency: of one face, of several calls interleaved, and of the first prediction of a new Python process."""

import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import torch

from fer_zoo.artifacts.classifier import FaceClassifier
from fer_zoo.artifacts.onnx_model import open_onnx
from fer_zoo.emotions import SIDE

WARM_UP = 3  # calls that allocate, and are not counted
FIRST_ANSWER = """
import sys, time
start = time.perf_counter()
import fer_zoo, numpy
fer_zoo.load(sys.argv[1], runtime=sys.argv[2]).predict(numpy.zeros((48, 48), numpy.uint8))
print(time.perf_counter() - start)
"""


def measure_latency(model: FaceClassifier, repeats: int = 50) -> dict[str, Any]:
    """Measure how long the model takes for one face on this machine's CPU.

    Args:
        model: a classifier; it is moved to the CPU and put into evaluation mode.
        repeats: calls, after three that are not counted.

    Returns:
        `milliseconds`, the median from uint8 (1, 1, 48, 48) to logits, `threads` of torch, the name of the
        `processor`, and the `day`.
    """
    face = torch.randint(0, 256, (1, 1, SIDE, SIDE), dtype=torch.uint8)
    with torch.inference_mode():
        (seconds,) = time_interleaved([partial(model.to("cpu").eval(), face)], repeats)
    return {
        "milliseconds": round(1000 * median(seconds), 2),
        "threads": torch.get_num_threads(),
        "processor": _name_processor(),
        "day": time.strftime("%Y-%m-%d"),
    }


def _name_processor() -> str:
    """As Linux names it; elsewhere as Python does."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def time_interleaved(calls: Sequence[Callable[[], object]], repeats: int) -> list[list[float]]:
    """Seconds of `repeats` calls of each. Interleaved, all of them meet the same load of the machine."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats + WARM_UP):
        for call, times in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
    return [times[WARM_UP:] for times in seconds]


def has_exporter() -> bool:
    """Whether the packages of fer-zoo[onnx], which the export to ONNX needs, are installed."""
    return find_spec("onnxscript") is not None


def time_first_answers(folder: Path, starts: int) -> dict[str, float]:
    """Median seconds by runtime in which a new Python process imports fer_zoo, loads the model and scores one
    face. Its ONNX file is cached before; without the packages for the export only torch is timed.
    """
    runtimes = ["torch"]
    if has_exporter():
        open_onnx(folder)
        runtimes.append("onnx")
    return {
        runtime: round(
            median(float(run_python("-c", FIRST_ANSWER, str(folder), runtime)) for _ in range(starts)), 3
        )
        for runtime in runtimes
    }


def run_python(*arguments: str) -> str:
    """What a new process of this Python prints."""
    command = [sys.executable, "-X", "utf8", *arguments]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
