"""torch against ONNX Runtime: how long until the first answer, and how long for a batch."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fer_zoo.artifact import load_artifact
from fer_zoo.emotions import SIDE
from fer_zoo.onnx_cache import open_onnx

FIRST_ANSWER = """
import sys, time
start = time.perf_counter()
import fer_zoo, numpy
fer_zoo.load(sys.argv[1], runtime=sys.argv[2]).predict(numpy.zeros((48, 48), numpy.uint8))
print(time.perf_counter() - start)
"""


def compare_runtimes(
    folder: Path, batch_sizes: Sequence[int] = (1, 32, 256), repeats: int = 20, starts: int = 3
) -> dict[str, Any]:
    """Medians on this machine's processor, both runtimes with torch's number of threads.

    `first_answer_s`: a new Python imports fer_zoo, loads the model and scores one face; its ONNX file is
    there already. `latency_ms`: uint8 faces (batch, 1, 48, 48) to logits, by turns. `ratio`: torch / onnx.
    """
    import torch

    model, threads = load_artifact(folder), torch.get_num_threads()
    runtime = open_onnx(folder, threads)

    def run_torch(faces: np.ndarray) -> None:
        with torch.inference_mode():  # channels-last, as `predict_logits` does it
            model(torch.from_numpy(faces).to(memory_format=torch.channels_last))

    generator = np.random.default_rng(0)
    latency = []
    for batch in batch_sizes:
        faces = generator.integers(0, 256, (batch, 1, SIDE, SIDE), dtype=np.uint8)
        seconds = time_by_turns([partial(run_torch, faces), partial(runtime, faces)], repeats)
        latency.append({"batch": batch, **_compare(*(1000 * value for value in seconds))})
    first = [_time_first_answer(folder, kind, starts) for kind in ("torch", "onnx")]
    return {
        "model": model.name,
        "threads": threads,
        "first_answer_s": _compare(*first),
        "latency_ms": latency,
    }


def time_by_turns(calls: Sequence[Callable[[], object]], repeats: int) -> list[float]:
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


def _compare(of_torch: float, of_onnx: float) -> dict[str, float]:
    return {"torch": round(of_torch, 3), "onnx": round(of_onnx, 3), "ratio": round(of_torch / of_onnx, 2)}
