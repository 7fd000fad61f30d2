"""Prediction speed: each step from a photo to probabilities, each model and runtime, and a new process."""

import io
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import PIL.Image
import torch

from fer_zoo.artifacts.classifier import load_artifact
from fer_zoo.artifacts.onnx_model import OnnxClassifier, write_onnx
from fer_zoo.artifacts.resolve import resolve_folder
from fer_zoo.data.synthetic import draw_faces
from fer_zoo.detection.detector import crop_face, find_faces
from fer_zoo.emotions import SIDE
from fer_zoo.evaluation.inference import predict_logits
from fer_zoo.evaluation.latency import has_exporter, run_python, time_first_answers, time_interleaved
from fer_zoo.recognition.recognizer import Recognizer
from fer_zoo.utils.images import read_photo
from fer_zoo.utils.progress import track

BATCH_SIZES = (1, 4, 16, 64, 256)
STARTS = 5
IMPORT = "import time; s = time.perf_counter(); import fer_zoo; print(time.perf_counter() - s)"
LOAD = """
import sys, time
start = time.perf_counter()
import fer_zoo
fer_zoo.load(sys.argv[1])
from fer_zoo.bench.peak_memory import read_peak_mb
print(time.perf_counter() - start, read_peak_mb())
"""


def measure_prediction(
    models: Sequence[str], photo: str | Path | None = None, *, repeats: int = 20
) -> dict[str, Any]:
    """Measure milliseconds (median and 95th percentile) on the CPU with torch's threads.

    Returns `steps`: reading the photo (default six drawn faces), finding and cropping its faces, and
    `whole_way` with all models. `models`: from uint8 (batch, 1, 48, 48) to logits, channels-last, in torch
    and, with the packages of fer-zoo[onnx], in ONNX Runtime. `together`: all models, one face each. `start`:
    see `measure_start`. Some calls before the `repeats` are not counted.
    """
    folders = [resolve_folder(name) for name in models]
    if photo:
        read_photo(photo)  # or the error would not have its name
    encoded = Path(photo).read_bytes() if photo else draw_photo()
    steps = _time_photo(encoded, models, repeats)
    faces = np.random.default_rng(0).integers(0, 256, (max(BATCH_SIZES), 1, SIDE, SIDE), dtype=np.uint8)
    rows: list[dict[str, Any]] = []
    singles = []
    with track("measuring") as progress:
        for number, folder in enumerate(folders):
            for runtime, classify in _open(folder).items():
                for batch in BATCH_SIZES:
                    times = _time(partial(classify, faces[:batch]), repeats)
                    row = {"model": models[number], "runtime": runtime, "batch": batch}
                    rows.append({**row, **times, "faces_per_s": round(1000 * batch / times["median_ms"])})
                if runtime == "torch":
                    singles.append(classify)
            progress(number + 1, len(folders))
    result = {"threads": torch.get_num_threads(), "steps": steps, "models": rows}
    result["together"] = _time(lambda: [call(faces[:1]) for call in singles], repeats)
    result["start"] = measure_start(models[0])
    return result


def measure_start(model: str, starts: int = STARTS) -> dict[str, Any]:
    """Median seconds of new processes: `import fer_zoo`, `fer-zoo list` with the start of Python,
    `import fer_zoo; load` with its peak memory in MB, and the first prediction in each runtime.
    """
    loads = [[float(word) for word in run_python("-c", LOAD, model).split()] for _ in range(starts)]
    list_seconds = []
    for _ in range(starts):
        start = time.perf_counter()
        run_python("-m", "fer_zoo", "list")
        list_seconds.append(time.perf_counter() - start)
    return {
        "import_s": round(median(float(run_python("-c", IMPORT)) for _ in range(starts)), 3),
        "list_s": round(median(list_seconds), 3),
        "load_s": round(median(seconds for seconds, _ in loads), 2),
        "load_peak_mb": round(median(peak for _, peak in loads)),
        "first_answer_s": time_first_answers(resolve_folder(model), starts),
    }


def format_prediction(result: dict[str, Any]) -> str:
    """Text tables."""
    steps, start = result["steps"], result["start"]
    lines = [
        f"On the CPU, {result['threads']} threads; milliseconds: median (95th percentile)",
        f"  a photo of {steps['width']}x{steps['height']} pixels with {steps['faces']} faces",
    ]
    lines += [
        f"    {title:<28}{show_times(steps[key])}"
        for key, title in (
            ("read", "read"),
            ("find", "find the faces"),
            ("crop", "crop them"),
            ("whole_way", "read to probabilities"),
        )
        if steps[key]
    ]
    lines.append(f"  {'all models, one face':<30}{show_times(result['together'])}")
    width = max(20, *(len(row["model"]) + 2 for row in result["models"]))
    lines.append(f"  {'model':<{width}}{'runtime':<8}{'batch':>5}{'ms':>22}{'faces/s':>10}")
    lines += [
        f"  {row['model']:<{width}}{row['runtime']:<8}{row['batch']:>5}{show_times(row):>22}"
        f"{row['faces_per_s']:>10,}"
        for row in result["models"]
    ]
    answers = ", ".join(f"{runtime} {seconds:.2f} s" for runtime, seconds in start["first_answer_s"].items())
    lines.append(
        f"  import fer_zoo {start['import_s']:.3f} s; fer-zoo list {start['list_s']:.2f} s; "
        f"load {start['load_s']:.1f} s and {start['load_peak_mb']:.0f} MB; first answer: {answers}"
    )
    return "\n".join(lines)


def show_times(times: dict[str, Any]) -> str:
    """Median (95th percentile)."""
    return f"{times['median_ms']:.2f} ({times['p95_ms']:.2f})"


def _time(call: Callable[[], object], repeats: int) -> dict[str, float]:
    (seconds,) = time_interleaved([call], repeats)
    return summarize([1000 * one for one in seconds])


def summarize(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile of milliseconds."""
    return {"median_ms": round(median(times), 3), "p95_ms": round(float(np.percentile(times, 95)), 3)}


def draw_photo() -> bytes:
    """A PNG of 640x480 pixels with six drawn faces."""
    photo = PIL.Image.new("L", (640, 480), 128)
    for number, face in enumerate(draw_faces(6, np.random.default_rng(0)).pixels[:, 0]):
        corner = (40 + number % 3 * 200, 50 + number // 3 * 210)
        photo.paste(PIL.Image.fromarray(face).resize((160, 160)), corner)
    buffer = io.BytesIO()
    photo.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def _time_photo(encoded: bytes, models: Sequence[str], repeats: int) -> dict[str, Any]:
    photo, recognizer = read_photo(encoded), Recognizer(models)
    faces = find_faces(photo)
    return {
        "width": photo.width,
        "height": photo.height,
        "faces": len(faces),
        "read": _time(lambda: read_photo(encoded), repeats),
        "find": _time(lambda: find_faces(photo), repeats),
        "crop": _time(lambda: [crop_face(photo, face) for face in faces], repeats) if faces else None,
        "whole_way": _time(lambda: recognizer.inspect(encoded), repeats),
    }


def _open(folder: Path) -> dict[str, Callable[[np.ndarray], object]]:
    """By runtime, a function from faces to logits; without ONNX if its packages are missing."""
    model = load_artifact(folder)
    opened: dict[str, Callable[[np.ndarray], object]] = {
        "torch": lambda faces: predict_logits(model, faces, batch_size=len(faces))
    }
    if not has_exporter():
        return opened
    with tempfile.TemporaryDirectory() as temporary:
        write_onnx(model, path := Path(temporary) / "model.onnx")
        opened["onnx"] = OnnxClassifier(path, threads=torch.get_num_threads())
    return opened
