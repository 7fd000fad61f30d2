"""Statistics of batch normalisation and temperature, measured on the faces as they are; and a mean of a run's
weights and its start's, chosen by them.
"""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.evaluation.calibration import fit_temperature
from fer_zoo.evaluation.views import predict_logits
from fer_zoo.models.classifier import FaceClassifier

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
    is lower with them. Returns what config.json keeps: of how many faces the statistics are (0: those of
    the training were kept), and the fingerprint of the data.

    In training they are the statistics of turned, cut and partly erased faces under weights that change;
    averaged weights and faces as they are have others (Izmailov et al. 2018, arXiv:1803.05407).

    start: the state of the model that the run went on from. Its weights and the run's are then averaged, by
    the share with which PublicTest's log loss is lowest (Wortsman et al. 2022, arXiv:2109.01903), and the
    answer has `run_share`.
    """
    pixels = dataset.training.pixels[:: max(1, len(dataset.training) // STATISTICS_FACES)]
    run = copy.deepcopy(model)
    lowest, used, best_share = _fit_temperature(model, dataset, device), 0, 1.0
    for share in SHARES if start is not None else SHARES[:1]:
        tried = copy.deepcopy(run)
        if start is not None:
            _mix(tried, start, share)
        renewed = renew_statistics(tried, pixels, device)
        if share == 1.0 and not renewed:
            continue  # the run as it was
        loss = _fit_temperature(tried, dataset, device)
        if loss < lowest:
            model.load_state_dict(tried.state_dict())
            model.temperature = tried.temperature
            lowest, used, best_share = loss, len(pixels) if renewed else 0, share
    shares = {} if start is None else {"run_share": best_share}
    return {"statistics_faces": used, "data_fingerprint": dataset.fingerprint} | shares


@torch.no_grad()
def _mix(model: FaceClassifier, start: Mapping[str, Tensor], share: float) -> None:
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            value.lerp_(start[name].to(value), 1 - share)


def _fit_temperature(model: FaceClassifier, dataset: FER2013, device: torch.device) -> float:
    """Set it by PublicTest, and return the log loss there."""
    faces = dataset.public_test
    model.temperature = 1.0
    logits = predict_logits(model, faces.pixels, device=device)
    model.temperature = fit_temperature(logits, faces.labels)
    labels = torch.as_tensor(faces.labels).long()
    return float(nn.functional.cross_entropy(logits / model.temperature, labels))


@torch.no_grad()
def renew_statistics(model: FaceClassifier, pixels: NDArray[Any] | Tensor, device: torch.device) -> bool:
    """Measure mean and variance of each batch normalisation on uint8 faces (N, 1, 48, 48), all else in eval
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
