"""Prediction speed of our models and of other packages, interleaved on the same pictures."""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from fer_zoo.artifacts.hub import load
from fer_zoo.bench.peer_process import PeerError, check_python, start_peer
from fer_zoo.bench.peer_runner import NAMES
from fer_zoo.bench.prediction_speed import draw_photo, show_times, summarize
from fer_zoo.data.synthetic import draw_faces
from fer_zoo.evaluation.evaluate import format_not_run
from fer_zoo.evaluation.latency import WARM_UP, has_exporter
from fer_zoo.recognition.recognizer import Recognizer
from fer_zoo.utils.images import read_photo
from fer_zoo.utils.progress import track

FACES = 64  # in one call
STARTS = 2  # the first one reads the packages from the disk, the second is measured

Call = Callable[[str], dict[str, Any]]  # `face`, `faces` or `photo` to its ms and the number of answers
Contender = tuple[dict[str, Any], Call]  # with its row


def measure_peers(
    python: str | Path, model: str, photo: str | Path | None = None, *, repeats: int = 20
) -> list[dict[str, Any]]:
    """Time a picture of one face, 64 such pictures in one call, and a photo (default six drawn faces) from
    pixels to probabilities, in interleaved rounds. `python`: the interpreter of an environment with the
    peers.

    Returns rows of the model in each runtime (only torch reads photos), then of each peer. `face` and
    `photo`: median and 95th percentile in milliseconds. `start_s`, only of peers: from the import to the
    first prediction. A peer that cannot run has a row with its `error`.
    """
    check_python(python)
    gray = draw_faces(FACES, np.random.default_rng(0)).pixels[:, 0]
    faces, pixels = np.stack([gray] * 3, axis=-1), np.array(read_photo(photo or draw_photo()))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        np.save(Path(folder) / "faces.npy", gray)
        np.save(Path(folder) / "photo.npy", pixels)
        contenders = _open_ours(model, faces, pixels)
        contenders += [_start_peer(python, folder, name, stack) for name in NAMES]
        progress = stack.enter_context(track("interleaved rounds"))
        for number in range(total := repeats + WARM_UP):
            for row, call in contenders:
                _run_round(call, row)
            progress(number + 1, total)
    return [_finish(row) for row, _ in contenders]


def format_peers(rows: list[dict[str, Any]]) -> str:
    """Text table, and the ratio of each peer's time for one face to our fastest."""
    lines = [f"  {'interleaved':<24}{'one face, ms':>20}{'faces/s':>9}{'photo, ms':>26}{'start':>9}"]
    running = [row for row in rows if "error" not in row]
    for row in running:
        title = f"{row['name']} {row.get('runtime') or row['version']}"
        face, photo = (show_times(row[key]) if key in row else "-" for key in ("face", "photo"))
        if "photo" in row:
            photo += f", {row['photo_faces']} faces"
        start = f"{row['start_s']:.1f} s" if "start_s" in row else "-"
        lines.append(f"  {title:<24}{face:>20}{row['faces_per_s']:>9,}{photo:>26}{start:>9}")
    lines += [f"  {line}" for line in format_not_run(rows)]
    fastest = min((row for row in running if "runtime" in row), key=lambda row: row["face"]["median_ms"])
    for row in running:
        if "runtime" not in row:
            times = row["face"]["median_ms"] / fastest["face"]["median_ms"]
            ours = f"{fastest['name']} in {fastest['runtime']}"
            lines.append(f"  {row['name']} takes {times:.1f} times as long for one face as {ours}")
    return "\n".join(lines)


def _open_ours(model: str, faces: np.ndarray, pixels: np.ndarray) -> list[Contender]:
    """In each runtime. ONNX Runtime only if the packages for the export are installed; it takes no photo."""

    def build_call(classifier: Any, recognizer: Recognizer | None) -> Call:
        def call(kind: str) -> dict[str, Any]:
            start = time.perf_counter()
            if kind != "photo":
                count = len(classifier.predict(list(faces if kind == "faces" else faces[:1])))
            elif recognizer:
                count = len(recognizer.recognize(pixels)["faces"])
            else:
                return {}
            return {"ms": 1000 * (time.perf_counter() - start), "count": count}

        return call

    torch_model = load(model)
    calls = {"torch": build_call(torch_model, Recognizer([torch_model]))}
    if has_exporter():
        calls["onnx"] = build_call(load(model, runtime="onnx"), None)
    return [({"name": model, "runtime": runtime}, call) for runtime, call in calls.items()]


def _start_peer(python: str | Path, folder: str, name: str, stack: ExitStack) -> Contender:
    row: dict[str, Any] = {"name": name}
    try:
        for _ in range(STARTS - 1):
            with start_peer(python, name, folder):
                pass
        request, hello = stack.enter_context(start_peer(python, name, folder))
    except PeerError as error:
        return row | {"error": str(error)}, lambda kind: {}
    lines = {"face": "faces 0 1", "faces": f"faces 0 {FACES}", "photo": "photo"}

    def call(kind: str) -> dict[str, Any]:
        reply = request(lines[kind])
        return reply | ({"count": len(reply["answers"])} if "answers" in reply else {})

    return row | {"version": hello["version"], "start_s": round(hello["start_s"], 2)}, call


def _run_round(call: Call, row: dict[str, Any]) -> None:
    """One call of each kind; the row gets the times, or an error, which excludes it from later rounds."""
    if "error" in row:
        return
    try:
        for kind, expected in (("face", 1), ("faces", FACES), ("photo", None)):
            if reply := call(kind):
                if expected not in (None, reply["count"]):
                    raise PeerError(f"it answered {reply['count']} of {expected} faces")
                row.setdefault(kind, []).append(reply["ms"])
                row[f"{kind}_count"] = reply["count"]
    except PeerError as error:
        row["error"] = str(error)


def _finish(row: dict[str, Any]) -> dict[str, Any]:
    if "error" in row:
        return {"name": row["name"], "error": row["error"]}
    times = {kind: summarize(row[kind][WARM_UP:]) for kind in ("face", "photo", "faces") if kind in row}
    row["faces_per_s"] = round(1000 * FACES / times.pop("faces")["median_ms"])
    if "photo" in times:
        row["photo_faces"] = row["photo_count"]
    fields = ("name", "runtime", "version", "start_s", "faces_per_s", "photo_faces")
    return {key: row[key] for key in fields if key in row} | times
