"""What models, raters and the face detector say about every face: the evidence of an audit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fer_zoo.artifacts.classifier import FaceClassifier, load_artifact
from fer_zoo.data.audit import Collection, find_disputed
from fer_zoo.detection.detector import find_faces
from fer_zoo.evaluation.inference import predict_probabilities
from fer_zoo.evaluation.model_data import unique_names
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.progress import track


def collect_evidence(
    collection: Collection, models: Mapping[str, FaceClassifier], votes: np.ndarray | None
) -> dict[str, Any]:
    """What `audit_faces` takes by the same names, of all faces. models: by name, with the data's classes.
    votes: FER+'s (N, 10).
    """
    probabilities = _predict(collection, models)
    disputed = find_disputed(collection, probabilities, votes)
    undetected = _find_undetected(collection, disputed)
    return {"probabilities": probabilities, "votes": votes, "undetected": undetected}


def load_models(folders: list[Path], device: str) -> dict[str, FaceClassifier]:
    """Models on a device by name; the folder's where two have the same."""
    torch_device = pick_device(device)
    models = [load_artifact(folder).to(torch_device) for folder in folders]
    return dict(zip(unique_names([model.name for model in models], folders), models, strict=True))


def _predict(collection: Collection, models: Mapping[str, FaceClassifier]) -> dict[str, np.ndarray]:
    tables = {}
    for name, model in models.items():
        device = next(model.parameters()).device
        with track(f"{name} on all faces") as progress:
            pixels = collection.faces.pixels
            tables[name] = predict_probabilities(model, pixels, device=device, progress=progress)
    return tables


def _find_undetected(collection: Collection, disputed: np.ndarray) -> np.ndarray:
    """bool (N,): disputed faces in which the detector finds none."""
    undetected = np.zeros_like(disputed)
    chosen = np.flatnonzero(disputed)
    with track("looking for faces where there may be none") as progress:
        for done, index in enumerate(chosen, 1):
            image = Image.fromarray(collection.faces.pixels[index, 0]).convert("RGB")
            undetected[index] = not find_faces(image)
            progress(done, len(chosen))
    return undetected
