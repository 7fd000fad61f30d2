"""Runs in another Python, in which a peer is installed and fer_zoo is not: does the peer's calls on demand.

    python side.py NAME FOLDER

FOLDER holds faces.npy, uint8 (N, 48, 48) gray, and may hold photo.npy, uint8 (H, W, 3) RGB. The first line
of the answer has the peer's version and the seconds until its first answer. Then each line that comes in asks
for `faces FIRST LAST` or for `photo`, and one goes out with the milliseconds and with `answers`, the shares
of the emotions in each of these faces, or `count`, how many faces were found; it has nothing where the peer
finds no faces. An error is a line, and the end.
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

Answer = dict[str, float]


class Calls(NamedTuple):
    """`score` takes faces in BGR, three equal channels, `search` a photo in BGR and counts its faces."""

    score: Callable[[list[Any]], list[Answer]]
    search: Callable[[Any], int] | None = None


def build_fer() -> Calls:
    """github.com/justinshenk/fer. Of faces that are given it takes several in one picture; the border that it
    adds to a face it found itself would be drawn around these.
    """
    package = import_module("fer.fer")
    given, whole = package.FER(offsets=(0, 0)), package.FER()

    def score(faces: list[Any]) -> list[Answer]:
        import numpy as np

        boxes = [(0, 48 * number, 48, 48) for number in range(len(faces))]
        return [found["emotions"] for found in given.detect_emotions(np.vstack(faces), boxes)]

    return Calls(score, lambda photo: len(whole.detect_emotions(photo)))


def build_deepface() -> Calls:
    """github.com/serengil/deepface, with its own settings, which find faces by OpenCV."""
    analyze = import_module("deepface.DeepFace").analyze
    settings = {"actions": ["emotion"], "enforce_detection": False, "silent": True}

    def score(faces: list[Any]) -> list[Answer]:
        return [analyze(face, detector_backend="skip", **settings)[0]["emotion"] for face in faces]

    return Calls(score, lambda photo: len(analyze(photo, **settings)))


def build_hsemotion() -> Calls:
    """github.com/HSE-asavchenko/face-emotion-recognition in ONNX Runtime, its own choice of network. It was
    trained on AffectNet; its eighth emotion, contempt, is left out and the others share all of one.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reads it while it is imported
    import_module("urllib.request")  # it fetches its weights by it, and does not import it
    model = import_module("hsemotion_onnx.facial_emotions").HSEmotionRecognizer()
    other = {"anger": "angry", "happiness": "happy", "sadness": "sad"}
    names = [name.lower() for name in model.idx_to_class.values()]

    def score(faces: list[Any]) -> list[Answer]:
        shares = model.predict_multi_emotions(faces, logits=False)[1]
        return [{other.get(name, name): row[i] for i, name in enumerate(names)} for row in shares]

    return Calls(score)


def build_rmn() -> Calls:
    """github.com/phamquiluan/ResidualMaskingNetwork."""
    model = import_module("rmn").RMN()

    def score(faces: list[Any]) -> list[Answer]:
        told = [model.detect_emotion_for_single_face_image(face)[2] for face in faces]
        return [{name: share for item in items for name, share in item.items()} for items in told]

    return Calls(score, lambda photo: len(model.detect_emotion_for_single_frame(photo)))


# by the name under which pip knows them
BUILDERS: dict[str, Callable[[], Calls]] = {
    "fer": build_fer,
    "deepface": build_deepface,
    "hsemotion-onnx": build_hsemotion,
    "rmn": build_rmn,
}
NAMES = tuple(BUILDERS)


def main(name: str, folder: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the peer prints is no answer

    def tell(**values: object) -> None:
        print(json.dumps(values, default=float), file=answers, flush=True)  # also numbers of NumPy

    try:
        if find_spec(name.replace("-", "_")) is None:
            raise ModuleNotFoundError("not installed there")
        begin = time.perf_counter()
        import numpy as np

        pixels = np.load(Path(folder) / "faces.npy", mmap_mode="r")
        picture = Path(folder) / "photo.npy"
        photo = np.load(picture)[..., ::-1].copy() if picture.exists() else None
        peer = BUILDERS[name]()
        peer.score(_take(pixels, 0, 1))
        tell(version=version(name), start_s=time.perf_counter() - begin)
        for line in sys.stdin:
            kind, *places = line.split()
            faces = _take(pixels, *map(int, places)) if kind == "faces" else []
            begin = time.perf_counter()
            told: dict[str, Any] = {}
            if kind == "faces":
                told["answers"] = peer.score(faces)
            elif peer.search:
                told["count"] = peer.search(photo)
            if told:
                told["ms"] = 1000 * (time.perf_counter() - begin)
            tell(**told)
    except (Exception, SystemExit) as error:  # another's code may fail in any way
        reason = " ".join(str(error).split()) or type(error).__name__
        tell(error=reason if len(reason) < 200 else reason[:200] + "...")


def _take(pixels: Any, first: int, last: int) -> list[Any]:
    """In BGR, as all peers want them."""
    return [face[..., None].repeat(3, axis=2) for face in pixels[first:last]]


if __name__ == "__main__":
    del sys.path[0]  # the peer must not take a module of this folder for one of its own
    main(*sys.argv[1:])
