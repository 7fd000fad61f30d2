"""A peer package in a process of its own Python: requests, replies and errors."""

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

from fer_zoo.bench import peer_runner
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import FerZooError
from fer_zoo.utils.progress import track

TIMEOUT_S = 300  # for a reply; a peer that downloads weights may wait for a missing network
BATCH = 64  # faces in a request

Request = Callable[[str], dict[str, Any]]  # sends a line, returns the reply: see `fer_zoo.bench.peer_runner`


class PeerError(Exception):
    """Why a peer cannot run, in one line."""


def check_python(python: str | Path) -> None:
    """Raises FerZooError if it is not a program."""
    if shutil.which(python) is None:
        raise FerZooError(
            f"--peer {str(python)!r} is not a program; give the Python of an environment with "
            f"some of {', '.join(peer_runner.NAMES)} installed, such as other/bin/python."
        )


@contextmanager
def start_peer(python: str | Path, name: str, folder: str | Path) -> Iterator[tuple[Request, dict[str, Any]]]:
    """Run a peer of NAMES in a process; yields a function that sends requests, and the peer's first reply.

    folder: with faces.npy and optionally photo.npy. Raises PeerError where it cannot run, also in a request.
    """
    process = subprocess.Popen(
        [str(python), peer_runner.__file__, name, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )

    def request(line: str = "") -> dict[str, Any]:
        """Send a line, if any, and read a reply."""
        assert process.stdin and process.stdout
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.start()
        try:
            if line:
                print(line, file=process.stdin, flush=True)
            reply: dict[str, Any] | None = json.loads(process.stdout.readline() or "null")
        except BrokenPipeError:
            raise PeerError("its process has ended") from None
        except ValueError:
            raise PeerError(f"{str(python)!r} is not a Python interpreter") from None
        finally:
            timer.cancel()
        if reply is None:
            raise PeerError(f"it ended without a reply (the time limit is {TIMEOUT_S} s)")
        if "error" in reply:
            raise PeerError(reply["error"])
        return reply

    try:
        yield request, request()
    finally:
        process.kill()
        process.communicate()


def predict_all_peers(python: str | Path, pixels: np.ndarray) -> list[dict[str, Any]]:
    """A row for each peer: name, version and probabilities as in `predict_with_peer`, or name and error."""
    rows: list[dict[str, Any]] = []
    for name in peer_runner.NAMES:
        try:
            version, probabilities = predict_with_peer(python, name, pixels)
            rows.append({"name": name, "version": version, "probabilities": probabilities})
        except PeerError as error:
            rows.append({"name": name, "error": str(error)})
    return rows


def predict_with_peer(python: str | Path, name: str, pixels: np.ndarray) -> tuple[str, np.ndarray]:
    """Version of the peer, and its probabilities (N, 7), in EMOTIONS order, of uint8 pixels (N, 1, 48, 48).
    Raises PeerError.
    """
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "faces.npy", pixels[:, 0])
        bar = track(f"{name} on {len(pixels):,} faces")
        with bar as progress, start_peer(python, name, folder) as (request, hello):
            parts = []
            for first in range(0, len(pixels), BATCH):
                last = min(first + BATCH, len(pixels))
                parts.append(parse_probabilities(request(f"faces {first} {last}")["answers"], last - first))
                progress(last, len(pixels))
    return hello["version"], np.concatenate(parts)


def parse_probabilities(answers: list[dict[str, float]], count: int) -> np.ndarray:
    """Probabilities (count, 7), normalized. Raises PeerError if an answer is missing or invalid."""
    if len(answers) != count:
        raise PeerError(f"it answered {len(answers)} of {count} faces")
    try:
        scores = np.array([[answer[name] for name in EMOTIONS] for answer in answers], np.float64)
    except KeyError as error:
        raise PeerError(f"its answers have no {error.args[0]!r}") from None
    totals = scores.sum(1, keepdims=True)
    if not (np.isfinite(scores).all() and (scores >= 0).all() and (totals > 0).all()):
        raise PeerError("its answers are not probabilities")
    return scores / totals
