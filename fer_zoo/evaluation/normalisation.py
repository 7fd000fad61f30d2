"""Statistics of batch normalisation and temperature, measured on the faces as they are."""

import copy
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


def calibrate(model: FaceClassifier, dataset: FER2013, device: torch.device) -> dict[str, Any]:
    """Set the model's temperature by PublicTest, and its statistics by Training where PublicTest's log loss
    is lower with them. Returns what config.json keeps: of how many faces the statistics are (0: those of
    the training were kept), and the fingerprint of the data.

    In training they are the statistics of turned, cut and partly erased faces under weights that change;
    averaged weights and faces as they are have others (Izmailov et al. 2018, arXiv:1803.05407).
    """
    pixels = dataset.training.pixels[:: max(1, len(dataset.training) // STATISTICS_FACES)]
    renewed = copy.deepcopy(model)
    loss, used = _fit_temperature(model, dataset, device), 0
    if renew_statistics(renewed, pixels, device) and _fit_temperature(renewed, dataset, device) < loss:
        model.load_state_dict(renewed.state_dict())
        model.temperature, used = renewed.temperature, len(pixels)
    return {"statistics_faces": used, "data_fingerprint": dataset.fingerprint}


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
