"""A stored model calibrated on other faces, without training."""

from datetime import datetime, timezone
from pathlib import Path

from fer_zoo.artifacts.classifier import load_artifact
from fer_zoo.artifacts.export import refuse_existing_model
from fer_zoo.artifacts.origin import describe_data
from fer_zoo.artifacts.save import describe_info, write_with_card
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.errors import ArtifactError
from fer_zoo.evaluation.batchnorm import calibrate
from fer_zoo.evaluation.metrics import Scores, evaluate
from fer_zoo.evaluation.model_data import require_faces
from fer_zoo.models.ensemble import Ensemble
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.progress import track


def calibrate_artifact(
    source: Path, dataset: FER2013, out: Path, device: str = "auto", score_on: Faces | None = None
) -> Scores:
    """Write the model `source`, calibrated on other faces, to the new folder `out`; returns its metrics on
    their PublicTest. config.json keeps the data, the day, and the weights it came from.

    score_on: PublicTest with the data set's own labels, where `dataset` has others. Raises ArtifactError for
    an ensemble, or if `out` is taken, DataError for a split without a face.
    """
    refuse_existing_model(out)
    require_faces(dataset, "train", "public")
    torch_device = pick_device(device)
    model = load_artifact(source).to(torch_device)
    if isinstance(model.backbone, Ensemble):
        raise ArtifactError("An ensemble's members are calibrated one by one; give the name of one of them.")
    assert model.origin is not None
    info = {key: value for key, value in describe_info(model).items() if key != "tag"}
    with track(f"calibrating {model.name}"):
        calibration = calibrate(model, dataset, torch_device)
        metrics = evaluate(
            model, score_on or dataset.public_test, name=model.name, split="public", device=torch_device
        )
    calibration |= {"data": describe_data(dataset), "day": datetime.now(timezone.utc).date().isoformat()}
    made = {
        "calibration": calibration,
        "metrics": {"public": metrics},
        "base_model": model.origin.describe(),
    }
    write_with_card(model, out, info | made)
    return metrics
