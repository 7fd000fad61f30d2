"""Other packages are compared with ours on the same faces; one that cannot run has a one-line reason."""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fer_zoo.artifacts.resolve import resolve_folder
from fer_zoo.bench.peer_process import BATCH, PeerError, predict_all_peers, predict_with_peer
from fer_zoo.cli.main import main
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.synthetic import write_synthetic
from fer_zoo.evaluation.evaluate import compare_artifacts, format_comparison, predict_split
from fer_zoo.evaluation.metrics import compare_paired

COUNT = BATCH + 36  # two requests
# Each fake package reads the emotion of a face from its first pixel, and has the API of the real one.
FER = """
import numpy as np
NAMES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
class FER:
    def __init__(self, offsets=(10, 10)): self.offsets = offsets
    def detect_emotions(self, image, boxes=None):
        assert self.offsets == (0, 0)
        found = []
        for x, y, width, height in boxes:
            face = image[y : y + height, x : x + width]
            assert face.shape == (48, 48, 3) and (face == face[..., :1]).all()
            found.append({"emotions": {n: 0.94 if i == face[0, 0, 0] else 0.01 for i, n in enumerate(NAMES)}})
        return found
"""
DEEPFACE = """
import numpy as np
NAMES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
def analyze(face, actions, detector_backend, enforce_detection, silent):
    assert actions == ["emotion"] and detector_backend == "skip" and face.shape == (48, 48, 3)
    return [{"emotion": {n: np.float32(94 if i == face[0, 0, 0] else 1) for i, n in enumerate(NAMES)}}]
"""
HSEMOTION = """
import numpy as np
ORDER = [0, 7, 1, 2, 3, 6, 4, 5]  # contempt is not one of ours
NAMES = ["Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise"]
class HSEmotionRecognizer:
    idx_to_class = dict(enumerate(NAMES))
    def predict_multi_emotions(self, faces, logits=True):
        assert not logits
        scores = [[0.3 if j == 7 else 0.658 if j == face[0, 0, 0] else 0.007 for j in ORDER]
            for face in faces]
        return ["Anger"] * len(faces), np.array(scores, np.float32)
"""
RMN = """
NAMES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
class RMN:
    def detect_emotion_for_single_face_image(self, face):
        scores = [{n: 0.94 if i == face[0, 0, 0] else 0.01} for i, n in enumerate(NAMES)]
        return "angry", 0.5, scores
"""
FAKES = {
    "fer": {"fer.py": FER},
    "deepface": {"DeepFace.py": DEEPFACE},
    "hsemotion-onnx": {"facial_emotions.py": HSEMOTION},
    "rmn": {"__init__.py": RMN},
}


@pytest.fixture
def predicted() -> np.ndarray:
    """What the fake packages predict for each face."""
    return np.random.default_rng(1).integers(0, 7, COUNT)


@pytest.fixture
def dataset(drawn: FER2013, predicted: np.ndarray) -> FER2013:
    """PrivateTest's first pixels are what the fake packages predict."""
    private = drawn.split("private")
    faces = Faces(private.pixels[:COUNT].copy(), private.labels[:COUNT])
    faces.pixels[:, 0, 0, 0] = predicted
    return FER2013(drawn.training, drawn.split("public"), faces, fingerprint="fake", source="fake")


@pytest.mark.parametrize("name", FAKES)
def test_each_face_gets_its_own_prediction_in_the_order_of_emotions(
    install, dataset, predicted, name: str
) -> None:
    install(name, FAKES[name])
    version, probabilities = predict_with_peer(sys.executable, name, dataset.split("private").pixels)
    assert version == "1.2" and BATCH < len(probabilities) == COUNT
    assert np.allclose(probabilities, np.where(np.arange(7) == predicted[:, None], 0.94, 0.01), atol=1e-6)


def test_peers_are_compared_with_our_models_in_a_paired_test(install, dataset, predicted) -> None:
    install("fer", FAKES["fer"])
    install("rmn", {"__init__.py": "raise OSError('the weights\\ncannot be downloaded')"})
    folder = resolve_folder("cnn-baseline")
    result = compare_artifacts([folder], dataset, predict_peers=partial(predict_all_peers, sys.executable))
    assert [row["model"] for row in result["models"]] == ["cnn-baseline", "fer 1.2"]
    assert result["models"][1]["accuracy"] == np.mean(predicted == dataset.split("private").labels)
    ours = predict_split(folder, dataset, "private", "none", "cpu")[1]
    theirs = np.eye(7)[predicted]
    expected = compare_paired(ours, theirs, dataset.split("private").labels)
    assert result["pairs"] == [
        {"a": "cnn-baseline", "b": "fer 1.2", **expected, "p_holm": expected["p_value"]}
    ]
    text = format_comparison(result)
    assert "cnn-baseline - fer 1.2: " in text
    assert "deepface, hsemotion-onnx cannot run: not installed there" in text
    assert "rmn cannot run: the weights cannot be downloaded" in text


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("{'angry': 1.0}", "its answers have no 'disgust'"),
        ("dict.fromkeys(NAMES, float('nan'))", "its answers are not probabilities"),
        ("dict.fromkeys(NAMES, 0.0)", "its answers are not probabilities"),
        ("dict(dict.fromkeys(NAMES, 1.0), sad=-0.5)", "its answers are not probabilities"),
    ],
)
def test_invalid_answers_are_refused(install, dataset, answer: str, reason: str) -> None:
    body = (
        FER[: FER.index("        found = []")] + f"        return [{{'emotions': {answer}}} for _ in boxes]\n"
    )
    install("fer", {"fer.py": body})
    with pytest.raises(PeerError, match=reason):
        predict_with_peer(sys.executable, "fer", dataset.split("private").pixels)


def test_a_program_that_is_not_python_is_refused(dataset) -> None:
    with pytest.raises(PeerError, match="is not a Python interpreter"):
        predict_with_peer("echo", "fer", dataset.split("private").pixels)


def test_the_command_lists_the_packages_that_did_not_run(install, tmp_path: Path, capsys) -> None:
    install("deepface", FAKES["deepface"])
    write_synthetic(tmp_path / "drawn.csv", count=70)
    asked = ["compare", "cnn-baseline", "--data", str(tmp_path / "drawn.csv"), "--peer", sys.executable]
    main([*asked, "--json"])
    result = json.loads(capsys.readouterr().out)
    assert [row["model"] for row in result["models"]] == ["cnn-baseline", "deepface 1.2"]
    assert [row["name"] for row in result["not_run"]] == ["fer", "hsemotion-onnx", "rmn"]


def test_a_single_model_is_a_one_line_error(tmp_path: Path, capsys) -> None:
    write_synthetic(tmp_path / "drawn.csv", count=70)
    with pytest.raises(SystemExit) as end:
        main(["compare", "cnn-baseline", "--data", str(tmp_path / "drawn.csv"), "--peer", "echo"])
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.count("\n") == 1
    assert (
        "Nothing to compare cnn-baseline with: fer, deepface" in error
        and "is not a Python interpreter" in error
    )


def test_a_peer_that_is_not_a_program_is_a_one_line_error(tmp_path: Path, capsys) -> None:
    write_synthetic(tmp_path / "drawn.csv", count=70)
    with pytest.raises(SystemExit) as end:
        main(["compare", "cnn-baseline", "--data", str(tmp_path / "drawn.csv"), "--peer", "/no/such/python"])
    assert end.value.code == 2 and "--peer '/no/such/python' is not a program" in capsys.readouterr().err
