"""fer_zoo: facial-expression models for FER2013. Importing it is cheap: torch comes with the first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import FerZooError

if TYPE_CHECKING:
    from fer_zoo.data.dataset import FaceDataset, build_loader
    from fer_zoo.data.fer2013 import read_fer2013
    from fer_zoo.evaluation.latency import measure_latency
    from fer_zoo.export import save_model
    from fer_zoo.hub import describe_model, list_models, load, pull_model
    from fer_zoo.hub_push import push_model
    from fer_zoo.models.classifier import FaceClassifier
    from fer_zoo.onnx_model import OnnxClassifier
    from fer_zoo.recognition.explain import draw_heat
    from fer_zoo.recognition.one_line import predict, read_one_face
    from fer_zoo.recognition.recognizer import Recognizer
    from fer_zoo.recognition.tracking import FaceTracker
    from fer_zoo.registry import create_model
    from fer_zoo.training.trainer import fit
    from fer_zoo.video.frames import follow_video
    from fer_zoo.video.story import VideoStory

__version__ = "0.1.0"

_HOMES = {
    "FaceClassifier": "fer_zoo.models.classifier",
    "FaceDataset": "fer_zoo.data.dataset",
    "FaceTracker": "fer_zoo.recognition.tracking",
    "OnnxClassifier": "fer_zoo.onnx_model",
    "Recognizer": "fer_zoo.recognition.recognizer",
    "VideoStory": "fer_zoo.video.story",
    "build_loader": "fer_zoo.data.dataset",
    "create_model": "fer_zoo.registry",
    "describe_model": "fer_zoo.hub",
    "draw_heat": "fer_zoo.recognition.explain",
    "fit": "fer_zoo.training.trainer",
    "follow_video": "fer_zoo.video.frames",
    "list_models": "fer_zoo.hub",
    "load": "fer_zoo.hub",
    "measure_latency": "fer_zoo.evaluation.latency",
    "predict": "fer_zoo.recognition.one_line",
    "pull_model": "fer_zoo.hub",
    "push_model": "fer_zoo.hub_push",
    "read_fer2013": "fer_zoo.data.fer2013",
    "read_one_face": "fer_zoo.recognition.one_line",
    "save_model": "fer_zoo.export",
}

__all__ = [
    "EMOTIONS",
    "FaceClassifier",
    "FaceDataset",
    "FaceTracker",
    "FerZooError",
    "OnnxClassifier",
    "Recognizer",
    "VideoStory",
    "build_loader",
    "create_model",
    "describe_model",
    "draw_heat",
    "fit",
    "follow_video",
    "list_models",
    "load",
    "measure_latency",
    "predict",
    "pull_model",
    "push_model",
    "read_fer2013",
    "read_one_face",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fer_zoo' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
