"""Batch-norm statistics, temperature, weight interpolation, fitted after training, without augmentation."""

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_zoo.artifacts.classifier import FaceClassifier
from fer_zoo.artifacts.classifier_settings import is_setting
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.evaluation.calibration import class_prior, fit_prior_correction, fit_temperature
from fer_zoo.evaluation.inference import predict_logits

STATISTICS_FACES = 2560  # of Training, evenly spread
STATISTICS_BATCH = 256
ALPHAS = (1.0, 0.8, 0.6, 0.4, 0.2)  # weight of the run; the initial weights have the rest
MIN_CALIBRATION_FACES = 30  # of PublicTest; fewer, if all are right, would make a model certain of anything
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def calibrate(
    model: FaceClassifier,
    dataset: FER2013,
    device: torch.device,
    start: Mapping[str, Tensor] | None = None,
) -> dict[str, Any]:
    """Fit temperature and prior correction on PublicTest, and recalibrate batch normalization on Training
    where that lowers PublicTest's log loss and its accuracy by at most one standard error.

    In training the statistics are those of augmented faces under changing weights; averaged weights and faces
    without augmentation have others (Izmailov et al. 2018, arXiv:1803.05407).

    Args:
        model: changed in place.
        dataset: Training and PublicTest are read.
        device: where the model is.
        start: the initial weights. They are interpolated with the run's (WiSE-FT, Wortsman et al. 2022,
            arXiv:2109.01903) by the alpha with the lowest PublicTest log loss, under the same condition.

    Returns:
        What config.json stores: `statistics_faces` (0: the statistics of the training stay),
        `temperature_faces` (0: too few in PublicTest, so the temperature is 1), the fingerprint of the data,
        with `start` the alpha `run_share`, and `tried`: PublicTest's accuracy and log loss (`nll`) of each
        candidate, the run as it was first.
    """
    pixels = dataset.training.pixels[:: max(1, len(dataset.training) // STATISTICS_FACES)]
    run = copy.deepcopy(model)
    own = best = {"statistics_faces": 0, "run_share": 1.0} | _fit_temperature(model, dataset, device)
    standard_error = math.sqrt(own["accuracy"] * (1 - own["accuracy"]) / len(dataset.public_test))
    tried = [own]
    for alpha in ALPHAS if start is not None else ALPHAS[:1]:
        candidate = copy.deepcopy(run)
        state = candidate.state_dict()
        for name, initial in (start or {}).items():
            if initial.is_floating_point() and not is_setting(name):
                state[name].lerp_(initial.to(state[name]), 1 - alpha)
        recalibrated = recalibrate_batchnorm(candidate, pixels, device)
        if alpha == 1.0 and not recalibrated:
            continue  # the run as it was
        measured = _fit_temperature(candidate, dataset, device)
        tried.append({"statistics_faces": len(pixels) if recalibrated else 0, "run_share": alpha} | measured)
        if tried[-1]["nll"] < best["nll"] and tried[-1]["accuracy"] >= own["accuracy"] - standard_error:
            model.load_state_dict(candidate.state_dict())
            model.temperature, best = candidate.temperature, tried[-1]
    chosen = {
        "statistics_faces": best["statistics_faces"],
        "temperature_faces": correct_prior(model, dataset, device),
        "data_fingerprint": dataset.fingerprint,
    }
    return chosen | ({} if start is None else {"run_share": best["run_share"]}) | {"tried": tried}


def describe_choice(calibration: Mapping[str, Any]) -> str:
    """What `calibrate` chose over what, and why, in one sentence; empty if there was no choice."""
    tried = calibration.get("tried", [])
    if len(tried) < 2:
        return ""
    own, *others = tried
    key = calibration["statistics_faces"], calibration.get("run_share", 1.0)
    chosen = next(row for row in tried if (row["statistics_faces"], row["run_share"]) == key)
    other = own if chosen is not own else min(others, key=lambda row: row["nll"])
    reason = "whose log loss is higher"
    if other["nll"] < chosen["nll"]:
        reason = "whose accuracy is lower by more than one standard error"
    return f"PublicTest chose {_describe_candidate(chosen)} over {_describe_candidate(other)}, {reason}."


def _describe_candidate(row: Mapping[str, Any]) -> str:
    alpha = row["run_share"]
    weights = f"weights interpolated with the initial ones (alpha {alpha:.1f}), " if alpha < 1 else ""
    statistics = "re-estimated" if row["statistics_faces"] else "the run's own"
    return f"{weights}{statistics} batch-norm statistics ({row['accuracy']:.2%}, log loss {row['nll']:.3f})"


def _fit_temperature(model: FaceClassifier, dataset: FER2013, device: torch.device) -> dict[str, float]:
    """Fit it on PublicTest, without a prior correction; returns accuracy and log loss (`nll`) there."""
    faces = dataset.public_test
    model.set_calibration(temperature=1.0)
    logits = predict_logits(model, faces.pixels, device=device)
    model.temperature = fit_temperature(logits, faces.labels) if len(faces) >= MIN_CALIBRATION_FACES else 1.0
    labels = torch.as_tensor(faces.labels).long()
    return {
        "accuracy": (logits.argmax(1) == labels).double().mean().item(),
        "nll": nn.functional.cross_entropy(logits / model.temperature, labels).item(),
    }


def correct_prior(model: FaceClassifier, dataset: FER2013, device: torch.device) -> int:
    """Set the temperature, and the correction of Training's class prior, that PublicTest chooses.

    Returns the number of its faces, or 0 where they are too few: then the temperature is 1, without a
    correction.
    """
    faces, prior = dataset.public_test, class_prior(dataset.training.labels, len(model.classes))
    model.set_calibration(temperature=1.0)
    if len(faces) < MIN_CALIBRATION_FACES:
        return 0
    logits = predict_logits(model, faces.pixels, device=device)
    temperature, tau = fit_prior_correction(logits, faces.labels, prior)
    model.set_calibration(temperature, tau, prior.tolist())
    return len(faces)


@torch.no_grad()
def recalibrate_batchnorm(model: FaceClassifier, pixels: NDArray[Any] | Tensor, device: torch.device) -> bool:
    """Estimate mean and variance of each batch normalization on uint8 faces (N, 1, 48, 48), all else in
    evaluation mode. False where there is no such layer, or fewer than two faces.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, BATCH_NORMS)]
    if not layers or len(pixels) < 2:
        return False
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # then the result is the mean over the batches
        layer.train()
    batches = -(-len(pixels) // STATISTICS_BATCH)
    for faces in torch.as_tensor(pixels).tensor_split(batches):  # of equal size: no batch of one face
        model(faces.to(device).to(memory_format=torch.channels_last))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    model.eval()
    return True
