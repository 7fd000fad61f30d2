"""Statistics of batch normalization and temperature, measured on the faces as they are; and a mean of a run's
weights and its start's, chosen by them.
"""

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_zoo.artifacts.classifier import FaceClassifier
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.evaluation.calibration import fit_temperature
from fer_zoo.evaluation.inference import predict_logits

STATISTICS_FACES = 2560  # of Training, evenly spread
STATISTICS_BATCH = 256
SHARES = (1.0, 0.8, 0.6, 0.4, 0.2)  # of the run, the start having the rest


def calibrate(
    model: FaceClassifier,
    dataset: FER2013,
    device: torch.device,
    start: Mapping[str, Tensor] | None = None,
) -> dict[str, Any]:
    """Set the model's temperature by PublicTest, and its statistics by Training where PublicTest's log loss
    is lower with them and its accuracy not lower by more than one standard error.

    In training they are the statistics of turned, cut and partly erased faces under weights that change;
    averaged weights and faces as they are have others (Izmailov et al. 2018, arXiv:1803.05407).

    start: the state of the model that the run went on from. Its weights and the run's are then averaged, by
    the share with which PublicTest's log loss is lowest (Wortsman et al. 2022, arXiv:2109.01903), under the
    same condition.

    Returns what config.json keeps: `statistics_faces`, of how many faces the statistics are (0: those of the
    training were kept), the fingerprint of the data, with a start `run_share`, and `tried`: PublicTest's
    accuracy and log loss (`nll`) of each choice, the run as it was first.
    """
    pixels = dataset.training.pixels[:: max(1, len(dataset.training) // STATISTICS_FACES)]
    run = copy.deepcopy(model)
    own = best = {"statistics_faces": 0, "run_share": 1.0} | _fit_temperature(model, dataset, device)
    tried, least_accuracy = [own], own["accuracy"] - _standard_error(own["accuracy"], dataset)
    for share in SHARES if start is not None else SHARES[:1]:
        changed = copy.deepcopy(run)
        if start is not None:
            _mix(changed, start, share)
        renewed = recalibrate_batchnorm(changed, pixels, device)
        if share == 1.0 and not renewed:
            continue  # the run as it was
        measured = _fit_temperature(changed, dataset, device)
        tried.append({"statistics_faces": len(pixels) if renewed else 0, "run_share": share} | measured)
        if tried[-1]["nll"] < best["nll"] and tried[-1]["accuracy"] >= least_accuracy:
            model.load_state_dict(changed.state_dict())
            model.temperature, best = changed.temperature, tried[-1]
    kept = {"statistics_faces": best["statistics_faces"], "data_fingerprint": dataset.fingerprint}
    return kept | ({} if start is None else {"run_share": best["run_share"]}) | {"tried": tried}


def describe_choice(calibration: Mapping[str, Any]) -> str:
    """One sentence on what `calibrate` kept, what it did not, and what both measured; empty where there was
    no choice, or where an older version made it.
    """
    tried = calibration.get("tried", [])
    if len(tried) < 2:
        return ""
    own, *others = tried
    wanted = calibration["statistics_faces"], calibration.get("run_share", 1.0)
    kept = next(row for row in tried if (row["statistics_faces"], row["run_share"]) == wanted)
    other = own if kept is not own else min(others, key=lambda row: row["nll"])
    reason = "whose log loss is higher"
    if other["nll"] < kept["nll"]:
        reason = "whose accuracy is lower by more than one standard error"
    return f"PublicTest chose {_describe_try(kept)} over {_describe_try(other)}, {reason}."


def _describe_try(row: Mapping[str, Any]) -> str:
    mean = f"the mean with its start (share of the run {row['run_share']:.1f}), "
    statistics = "re-estimated" if row["statistics_faces"] else "the run's own"
    return (
        f"{mean if row['run_share'] < 1 else ''}{statistics} batch-norm statistics "
        f"({row['accuracy']:.2%}, log loss {row['nll']:.3f})"
    )


def _standard_error(accuracy: float, dataset: FER2013) -> float:
    return math.sqrt(accuracy * (1 - accuracy) / len(dataset.public_test))


@torch.no_grad()
def _mix(model: FaceClassifier, start: Mapping[str, Tensor], share: float) -> None:
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            value.lerp_(start[name].to(value), 1 - share)


def _fit_temperature(model: FaceClassifier, dataset: FER2013, device: torch.device) -> dict[str, float]:
    """Set it by PublicTest, and return accuracy and log loss (`nll`) there."""
    faces = dataset.public_test
    model.temperature = 1.0
    logits = predict_logits(model, faces.pixels, device=device)
    model.temperature = fit_temperature(logits, faces.labels)
    labels = torch.as_tensor(faces.labels).long()
    return {
        "accuracy": (logits.argmax(1) == labels).double().mean().item(),
        "nll": nn.functional.cross_entropy(logits / model.temperature, labels).item(),
    }


@torch.no_grad()
def recalibrate_batchnorm(model: FaceClassifier, pixels: NDArray[Any] | Tensor, device: torch.device) -> bool:
    """Measure mean and variance of each batch normalization on uint8 faces (N, 1, 48, 48), all else in eval
    mode. False where there is none, or fewer than two faces.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if not layers or len(pixels) < 2:
        return False
    usual = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # then the result is the mean over the batches
        layer.train()
    batches = -(-len(pixels) // STATISTICS_BATCH)
    for faces in torch.as_tensor(pixels).tensor_split(batches):  # of equal size: none of one face
        model(faces.to(device).to(memory_format=torch.channels_last))
    for layer, momentum in zip(layers, usual, strict=True):
        layer.momentum = momentum
    model.eval()
    return True
