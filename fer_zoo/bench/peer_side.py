"""Runs in another Python, in which a peer is installed and fer_zoo is not: does the peer's calls on demand.

    python peer_side.py NAME FOLDER

FOLDER holds faces.npy, uint8 (N, 48, 48, 3), and photo.npy, uint8 (H, W, 3), both RGB. The first line of the
answer has the peer's version and the seconds until its first answer; then each line that comes in names a
call, and one with its milliseconds and the number of its answers goes out. An error is a line, and the end.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple


class Calls(NamedTuple):
    """How many faces were answered: `score` takes faces in BGR, as both peers do, `search` a photo."""

    score: Callable[[list[Any]], int]
    search: Callable[[Any], int]


def build_fer() -> Calls:
    """github.com/justinshenk/fer, with its own settings. Of faces that are given it takes several in one
    picture.
    """
    model = import_module("fer.fer").FER()

    def score(faces: list[Any]) -> int:
        import numpy as np

        boxes = [(0, 48 * number, 48, 48) for number in range(len(faces))]
        return len(model.detect_emotions(np.vstack(faces), boxes))

    return Calls(score, lambda photo: len(model.detect_emotions(photo)))


def build_deepface() -> Calls:
    """github.com/serengil/deepface, with its own settings, which find faces by OpenCV."""
    analyze = import_module("deepface.DeepFace").analyze
    settings = {"actions": ["emotion"], "enforce_detection": False, "silent": True}

    def score(faces: list[Any]) -> int:
        given = faces if len(faces) > 1 else faces[0]
        return len(analyze(given, detector_backend="skip", **settings))

    return Calls(score, lambda photo: len(analyze(photo, **settings)))


BUILDERS: dict[str, Callable[[], Calls]] = {"fer": build_fer, "deepface": build_deepface}


def main(name: str, folder: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the peer prints is no answer

    def tell(**values: object) -> None:
        print(json.dumps(values), file=answers, flush=True)

    try:
        if find_spec(name) is None:
            raise ModuleNotFoundError("it is not installed there")
        begin = time.perf_counter()
        import numpy as np

        faces = list(np.load(Path(folder) / "faces.npy")[..., ::-1].copy())
        photo = np.load(Path(folder) / "photo.npy")[..., ::-1].copy()
        score, search = BUILDERS[name]()
        calls = {
            "face": lambda: score(faces[:1]),
            "faces": lambda: score(faces),
            "photo": lambda: search(photo),
        }
        calls["face"]()
        tell(version=version(name), start_s=time.perf_counter() - begin)
        for line in sys.stdin:
            begin = time.perf_counter()
            count = calls[line.strip()]()
            tell(ms=1000 * (time.perf_counter() - begin), count=count)
    except (Exception, SystemExit) as error:  # another's code may fail in any way
        reason = " ".join(str(error).split()) or type(error).__name__
        tell(error=reason if len(reason) < 200 else reason[:200] + "...")


if __name__ == "__main__":
    del sys.path[0]  # the peer must not take a module of this folder for one of its own
    main(*sys.argv[1:])
