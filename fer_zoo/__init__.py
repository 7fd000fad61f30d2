"""fer_zoo: facial-expression models for FER2013. Importing it is cheap: torch comes with the first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fer_zoo._version import __version__ as __version__
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import FerZooError

if TYPE_CHECKING:
    from fer_zoo.artifacts.classifier import FaceClassifier, create_model
    from fer_zoo.artifacts.hub import describe_model, list_models, load, pull_model, push_model
    from fer_zoo.artifacts.onnx_model import OnnxClassifier
    from fer_zoo.artifacts.save import save_model
    from fer_zoo.data.dataset import FaceDataset, build_loader
    from fer_zoo.data.fer2013 import read_faces, read_fer2013
    from fer_zoo.detection.crop_photos import crop_photos
    from fer_zoo.detection.crops import read_one_face
    from fer_zoo.evaluation.latency import measure_latency
    from fer_zoo.recognition.decoder_process import isolate_decoding
    from fer_zoo.recognition.face_drawing import draw_faces
    from fer_zoo.recognition.predict import predict
    from fer_zoo.recognition.recognizer import Recognizer
    from fer_zoo.recognition.saliency import draw_heat
    from fer_zoo.recognition.tracking import FaceTracker
    from fer_zoo.recognition.video import follow_video
    from fer_zoo.recognition.video_summary import VideoStory
    from fer_zoo.reports import charts
    from fer_zoo.training.trainer import fit

_NAMES = {  # by module
    "artifacts.classifier": "FaceClassifier create_model",
    "artifacts.hub": "describe_model list_models load pull_model push_model",
    "artifacts.onnx_model": "OnnxClassifier",
    "artifacts.save": "save_model",
    "data.dataset": "FaceDataset build_loader",
    "data.fer2013": "read_faces read_fer2013",
    "detection.crop_photos": "crop_photos",
    "detection.crops": "read_one_face",
    "evaluation.latency": "measure_latency",
    "recognition.decoder_process": "isolate_decoding",
    "recognition.face_drawing": "draw_faces",
    "recognition.predict": "predict",
    "recognition.recognizer": "Recognizer",
    "recognition.saliency": "draw_heat",
    "recognition.tracking": "FaceTracker",
    "recognition.video": "follow_video",
    "recognition.video_summary": "VideoStory",
    "reports": "charts",
    "training.trainer": "fit",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}

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
    "charts",
    "create_model",
    "crop_photos",
    "describe_model",
    "draw_faces",
    "draw_heat",
    "fit",
    "follow_video",
    "isolate_decoding",
    "list_models",
    "load",
    "measure_latency",
    "predict",
    "pull_model",
    "push_model",
    "read_faces",
    "read_fer2013",
    "read_one_face",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fer_zoo' has no attribute {name!r}")
    return getattr(import_module(f"fer_zoo.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
