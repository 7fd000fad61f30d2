"""Choose an ensemble: which trained models vote, and with what weight, by PublicTest alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from fer_zoo.artifacts.artifact import list_embedded, write_config
from fer_zoo.artifacts.classifier import FaceClassifier, Preprocessing, load_artifact
from fer_zoo.artifacts.export import refuse_existing_model
from fer_zoo.artifacts.origin import describe_data
from fer_zoo.artifacts.save import build_config, describe_member, save_artifact
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.emotions import SIDE
from fer_zoo.errors import ArtifactError, FerZooError
from fer_zoo.evaluation.batchnorm import correct_prior
from fer_zoo.evaluation.inference import predict_probabilities
from fer_zoo.evaluation.metrics import Scores, evaluate
from fer_zoo.evaluation.model_data import require_faces
from fer_zoo.models.ensemble import Ensemble, refuse_different_classes
from fer_zoo.models.weights import ENSEMBLE_FAMILY
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.progress import track

ROUNDS = 20


def select_ensemble_weights(tables: Sequence[ArrayLike], labels: ArrayLike) -> NDArray[np.int64]:
    """Votes (models,) that sum to ROUNDS, for each model's calibrated probabilities (N, 7) and labels (N,).

    Greedy selection with replacement (Caruana et al. 2004): each round adds the vote that makes the labels
    most likely.
    """
    probabilities = np.stack([np.asarray(table, dtype=np.float64) for table in tables])
    of_label = probabilities[:, np.arange(len(np.asarray(labels))), np.asarray(labels)]
    votes = np.zeros(len(tables), dtype=np.int64)
    total = np.zeros(of_label.shape[1])
    for _ in range(ROUNDS):
        gains = np.log(np.maximum(total + of_label, np.finfo(float).tiny)).mean(axis=1)
        best = int(gains.argmax())
        votes[best] += 1
        total += of_label[best]
    return votes


def build_ensemble(
    folders: list[Path],
    dataset: FER2013,
    out: Path,
    *,
    by_name: bool = False,
    device: str = "auto",
    score_on: Faces | None = None,
) -> Scores:
    """Write the ensemble of stored models, without those of weight 0; returns its PublicTest metrics.

    Args:
        folders: of the models.
        dataset: its PublicTest chooses the weights, its Training gives the class prior.
        out: a new folder.
        by_name: store the members' names, not their weights; all must come with the package.
        device: of the models.
        score_on: PublicTest with the data set's own labels, where `dataset` has others (FER+'s).

    Raises:
        ArtifactError: a member cannot be read or is an ensemble, or `out` is taken.
        DataError: a split has no face.
        FerZooError: fewer than two folders.
    """
    if len(folders) < 2:
        raise FerZooError(f"ensemble got {len(folders)} model; allowed are two or more names or folders.")
    refuse_existing_model(out)
    require_faces(dataset, "train", "public")
    torch_device = pick_device(device)
    models = [load_artifact(folder).to(torch_device) for folder in folders]
    refuse_different_classes(models)
    if any(isinstance(model.backbone, Ensemble) for model in models):
        raise ArtifactError("An ensemble cannot be a member of another: give the models that it consists of.")
    weights = _choose_weights(models, dataset.public_test, torch_device)
    chosen = [index for index in np.argsort(-weights, kind="stable") if weights[index]]
    embedded = list_embedded()
    if by_name and any(folders[index] != embedded.get(models[index].name) for index in chosen):
        raise ArtifactError(f"--by-name is for models that come with the package: {', '.join(embedded)}.")
    ensemble = _combine([models[index] for index in chosen], weights[chosen].tolist()).to(torch_device)
    calibration = {"temperature_faces": correct_prior(ensemble, dataset, torch_device)}
    faces = score_on or dataset.public_test
    metrics = evaluate(ensemble, faces, name=ensemble.name, split="public", device=torch_device)
    members = [describe_member(models[index], folders[index], float(weights[index])) for index in chosen]
    info = {
        "members": members,
        "labels": dataset.label_source,
        "data": describe_data(dataset),
        "calibration": calibration,
        "data_fingerprint": dataset.fingerprint,
        "metrics": {"public": metrics},
    }
    if by_name:
        write_config(out, build_config(ensemble, info))
    else:
        save_artifact(out, ensemble, info)
    return metrics


def _combine(members: list[FaceClassifier], weights: list[float]) -> FaceClassifier:
    scale = Preprocessing(SIDE, 0.0, 1.0)  # each member has its own
    network = Ensemble(members, weights)
    return FaceClassifier(network, scale, name=ENSEMBLE_FAMILY, classes=members[0].classes).eval()


def _choose_weights(models: list[FaceClassifier], faces: Faces, device: torch.device) -> NDArray[np.float64]:
    """The weight of each model (models,), by `select_ensemble_weights`; they sum to 1."""
    tables = []
    for model in models:
        with track(f"{model.name} on public") as progress:
            tables.append(predict_probabilities(model, faces.pixels, device=device, progress=progress))
    return select_ensemble_weights(tables, faces.labels) / ROUNDS
