"""A model's output for many faces, with or without test-time augmentation (TTA)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_zoo.emotions import SIDE
from fer_zoo.errors import UnknownNameError
from fer_zoo.models.float32_buffers import in_eval_mode
from fer_zoo.utils.devices import keep_freed_memory

CROP_SIDE = 44  # pixels, as in the VGG and ResNet results on FER2013 that average ten crops


def predict_logits(
    model: Callable[[Tensor], Tensor],
    pixels: np.ndarray | Tensor,
    *,
    tta: str = "none",
    batch_size: int | None = None,
    device: str | torch.device = "cpu",
    progress: Callable[[int, int], object] | None = None,
) -> Tensor:
    """Run `model` in evaluation mode, batch by batch; its own modes are not touched.

    Args:
        model: from uint8 (N, 1, 48, 48) to logits (N, 7), on `device`.
        pixels: uint8 faces (N, 1, 48, 48).
        tta: `none` gives the model's own logits. `flip` (the face and its mirror image) and `tencrop` (crops
            of 44 pixels, the four corners and the center, resized to 48, and their mirror images) give the
            logarithm of the mean probability. A softmax makes probabilities of all three.
        batch_size: default 64 on a CPU, whose caches hold no more, and 512 elsewhere.
        device: where the model is.
        progress: called after each batch with (faces done, faces in all).

    Returns:
        float32 (N, 7) on the CPU.

    Raises:
        UnknownNameError: another tta.
        ValueError: no face, or faces of another shape or dtype.
    """
    if tta not in TTA_MODES:
        raise UnknownNameError("tta", tta, TTA_MODES)
    _check_faces(pixels)
    on_cpu = torch.device(device).type == "cpu"
    batch_size = batch_size or (64 if on_cpu else 512)
    if on_cpu:
        keep_freed_memory()
    outputs = []
    network = in_eval_mode(model) if isinstance(model, nn.Module) else model
    with torch.inference_mode():
        for start in range(0, len(pixels), batch_size):
            batch = pixels[start : start + batch_size]
            # torch warns of a read-only array; the copy is 0.6 MB a batch
            faces = torch.from_numpy(batch.copy()) if isinstance(batch, np.ndarray) else batch
            outputs.append(_predict_batch(network, faces.to(device), tta))
            if progress:
                progress(min(start + batch_size, len(pixels)), len(pixels))
    return torch.cat(outputs).cpu()  # only at the end: a GPU's next batch does not wait for it


def _predict_batch(model: Callable[[Tensor], Tensor], faces: Tensor, tta: str) -> Tensor:
    # Channels-last input carries its layout through the network: 1.4 times as fast on a CPU for cnn-baseline
    # and for efficientnet_b0, without touching the model's own tensors.
    logits = [
        model(variant.to(memory_format=torch.channels_last)).float() for variant in TTA_MODES[tta](faces)
    ]
    if tta == "none":
        return logits[0]
    # the logarithm of the mean probability, without underflow
    return torch.stack(logits).log_softmax(-1).logsumexp(0) - np.log(len(logits))


def predict_probabilities(
    model: Callable[[Tensor], Tensor], pixels: np.ndarray | Tensor, **options: Any
) -> NDArray[np.float64]:
    """Probabilities (N, 7) of faces (N, 1, 48, 48); options and errors are those of `predict_logits`."""
    return predict_logits(model, pixels, **options).double().softmax(1).numpy()


def augment_ten_crop(faces: Tensor) -> list[Tensor]:
    """Ten crops of uint8 faces (N, 1, 48, 48), each of the same shape: see `predict_logits`."""
    from torchvision.transforms.v2.functional import five_crop, resize

    # One resize for all: bilinear by default, rounded back to uint8 by torchvision. Before torch 2.9 it does
    # not give a mirror image its mirror image.
    crops = resize(torch.cat(five_crop(faces, [CROP_SIDE, CROP_SIDE])), [SIDE, SIDE]).chunk(5)
    return [*crops, *(crop.flip(-1) for crop in crops)]


TTA_MODES: dict[str, Callable[[Tensor], list[Tensor]]] = {
    "none": lambda faces: [faces],
    "flip": lambda faces: [faces, faces.flip(-1)],
    "tencrop": augment_ten_crop,
}


def _check_faces(pixels: np.ndarray | Tensor) -> None:
    is_uint8 = pixels.dtype in (np.dtype(np.uint8), torch.uint8)
    if not (is_uint8 and len(pixels) and tuple(pixels.shape[1:]) == (1, SIDE, SIDE)):
        given = f"{pixels.dtype} {tuple(pixels.shape)}"
        raise ValueError(f"Faces are {given}; allowed is uint8 (N, 1, {SIDE}, {SIDE}) with N of at least 1.")
