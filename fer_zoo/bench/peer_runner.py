"""Runs in another Python, in which a peer is installed and fer_zoo is not, and calls the peer on request.

    python peer_runner.py NAME FOLDER

FOLDER has faces.npy, uint8 (N, 48, 48) gray, and perhaps photo.npy, uint8 (H, W, 3) RGB. Requests are lines,
replies lines of JSON. The first reply has the peer's version and the seconds until its first prediction. The
request `faces FIRST LAST` gets milliseconds and `answers`, the scores of the emotions of these faces; `photo`
gets milliseconds and `count`, the number of faces found, or {} if the peer has no face detector. A reply with
an error is the last one.
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
    """The functions of a peer."""

    score: Callable[[list[Any]], list[Answer]]  # of faces in BGR, three equal channels
    count_faces: Callable[[Any], int] | None = None  # of a photo in BGR


def build_fer() -> Calls:
    """github.com/justinshenk/fer. It takes several given faces in one picture, here without the margin that
    it adds to the faces of its own detector.
    """
    package = import_module("fer.fer")
    classifier, pipeline = package.FER(offsets=(0, 0)), package.FER()

    def score(faces: list[Any]) -> list[Answer]:
        import numpy as np

        boxes = [(0, 48 * number, 48, 48) for number in range(len(faces))]
        return [found["emotions"] for found in classifier.detect_emotions(np.vstack(faces), boxes)]

    return Calls(score, lambda photo: len(pipeline.detect_emotions(photo)))


def build_deepface() -> Calls:
    """github.com/serengil/deepface, with its default face detector, OpenCV's."""
    analyze = import_module("deepface.DeepFace").analyze
    settings = {"actions": ["emotion"], "enforce_detection": False, "silent": True}

    def score(faces: list[Any]) -> list[Answer]:
        return [analyze(face, detector_backend="skip", **settings)[0]["emotion"] for face in faces]

    return Calls(score, lambda photo: len(analyze(photo, **settings)))


def build_hsemotion() -> Calls:
    """github.com/HSE-asavchenko/face-emotion-recognition in ONNX Runtime, with its default network,
    trained on AffectNet. Its eighth emotion, contempt, is left out and the others are normalized.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reads it at its import
    import_module("urllib.request")  # the package downloads its weights with it, and does not import it
    model = import_module("hsemotion_onnx.facial_emotions").HSEmotionRecognizer()
    renamed = {"anger": "angry", "happiness": "happy", "sadness": "sad"}
    names = [name.lower() for name in model.idx_to_class.values()]

    def score(faces: list[Any]) -> list[Answer]:
        table = model.predict_multi_emotions(faces, logits=False)[1]
        return [{renamed.get(name, name): row[i] for i, name in enumerate(names)} for row in table]

    return Calls(score)


def build_rmn() -> Calls:
    """github.com/phamquiluan/ResidualMaskingNetwork."""
    model = import_module("rmn").RMN()

    def score(faces: list[Any]) -> list[Answer]:
        found = [model.detect_emotion_for_single_face_image(face)[2] for face in faces]
        return [{name: score for item in items for name, score in item.items()} for items in found]

    return Calls(score, lambda photo: len(model.detect_emotion_for_single_frame(photo)))


# by their names on PyPI
BUILDERS: dict[str, Callable[[], Calls]] = {
    "fer": build_fer,
    "deepface": build_deepface,
    "hsemotion-onnx": build_hsemotion,
    "rmn": build_rmn,
}
NAMES = tuple(BUILDERS)


def main(name: str, folder: str) -> None:
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # the peer may print to stdout

    def send(**values: object) -> None:
        print(json.dumps(values, default=float), file=replies, flush=True)  # float: NumPy's scalars

    try:
        if find_spec(name.replace("-", "_")) is None:
            raise ModuleNotFoundError("not installed there")
        start = time.perf_counter()
        import numpy as np

        pixels = np.load(Path(folder) / "faces.npy", mmap_mode="r")
        path = Path(folder) / "photo.npy"
        photo = np.load(path)[..., ::-1].copy() if path.exists() else None
        peer = BUILDERS[name]()
        peer.score(_to_bgr(pixels[:1]))
        send(version=version(name), start_s=time.perf_counter() - start)
        for line in sys.stdin:
            kind, *bounds = line.split()
            faces = _to_bgr(pixels[slice(*map(int, bounds))]) if kind == "faces" else []
            start = time.perf_counter()
            reply: dict[str, Any] = {}
            if kind == "faces":
                reply["answers"] = peer.score(faces)
            elif peer.count_faces:
                reply["count"] = peer.count_faces(photo)
            if reply:
                reply["ms"] = 1000 * (time.perf_counter() - start)
            send(**reply)
    except (Exception, SystemExit) as error:  # third-party code may fail in any way
        reason = " ".join(str(error).split()) or type(error).__name__
        send(error=reason if len(reason) < 200 else reason[:200] + "...")


def _to_bgr(faces: Any) -> list[Any]:
    return [face[..., None].repeat(3, axis=2) for face in faces]


if __name__ == "__main__":
    del sys.path[0]  # the peer must not import modules of this folder
    main(*sys.argv[1:])
