"""A peer as a process: what it is asked, what it answers, and why it cannot."""

import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fer_zoo.bench import peer_runner as side
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import FerZooError
from fer_zoo.utils.progress import track

TIMEOUT_S = 300  # for an answer; a peer that would fetch weights may wait for a network that is not there
BATCH = 64  # faces that are asked for at once

Ask = Callable[[str], dict[str, Any]]  # a line to its answer, as `fer_zoo.bench.peer_runner` has them


class PeerError(Exception):
    """Why a peer cannot run, on one line."""


def check_python(python: str | Path) -> None:
    """Raises FerZooError where it is no program."""
    if shutil.which(python) is None:
        raise FerZooError(
            f"--peer {str(python)!r} is no program; give the Python of an environment in which "
            f"some of {', '.join(side.NAMES)} are installed, such as other/bin/python."
        )


@contextmanager
def start_peer(python: str | Path, name: str, folder: str | Path) -> Iterator[tuple[Ask, dict[str, Any]]]:
    """A way to ask the peer, and its first line. folder: with faces.npy and perhaps photo.npy. Raises
    PeerError, when asked too.
    """
    process = subprocess.Popen(
        [str(python), side.__file__, name, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin and process.stdout
    requests, answers = process.stdin, process.stdout

    def read() -> dict[str, Any]:
        clock = threading.Timer(TIMEOUT_S, process.kill)
        clock.start()
        try:
            line = answers.readline()
            answer = json.loads(line) if line else None
        except ValueError:
            raise PeerError(f"{str(python)!r} answers as no Python does") from None
        finally:
            clock.cancel()
        if answer is None:
            raise PeerError(f"it ended without an answer (at most {TIMEOUT_S} s are waited)")
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer

    def ask(line: str) -> dict[str, Any]:
        try:
            print(line, file=requests, flush=True)
        except BrokenPipeError:
            raise PeerError("it ended on its own") from None
        return read()

    try:
        yield ask, read()
    finally:
        process.kill()
        process.communicate()


def predict_all_peers(python: str | Path, pixels: np.ndarray) -> list[dict[str, Any]]:
    """A row for each peer: name, version and probabilities as in `predict_with_peer`, or name and error."""
    rows: list[dict[str, Any]] = []
    for name in side.NAMES:
        try:
            with track(f"{name} on {len(pixels):,} faces") as progress:
                version, probabilities = predict_with_peer(python, name, pixels, progress)
            rows.append({"name": name, "version": version, "probabilities": probabilities})
        except PeerError as error:
            rows.append({"name": name, "error": str(error)})
    return rows


def predict_with_peer(
    python: str | Path,
    name: str,
    pixels: np.ndarray,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> tuple[str, np.ndarray]:
    """Version of the peer, and its probabilities (N, 7) in the order of EMOTIONS for pixels, uint8
    (N, 1, 48, 48). Raises PeerError.
    """
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "faces.npy", pixels[:, 0])
        with start_peer(python, name, folder) as (ask, hello):
            parts = []
            for first in range(0, len(pixels), BATCH):
                last = min(first + BATCH, len(pixels))
                parts.append(parse_probabilities(ask(f"faces {first} {last}")["answers"], last - first))
                progress(last, len(pixels))
    return hello["version"], np.concatenate(parts)


def parse_probabilities(answers: list[dict[str, float]], count: int) -> np.ndarray:
    """Probabilities (count, 7), which add up to one. Raises PeerError where an answer is none."""
    if len(answers) != count:
        raise PeerError(f"it answered {len(answers)} of {count} faces")
    try:
        shares = np.array([[answer[name] for name in EMOTIONS] for answer in answers], np.float64)
    except KeyError as error:
        raise PeerError(f"it says nothing of {error.args[0]!r}") from None
    totals = shares.sum(1, keepdims=True)
    if not (np.isfinite(shares).all() and (shares >= 0).all() and (totals > 0).all()):
        raise PeerError("its answers are no probabilities")
    return shares / totals
