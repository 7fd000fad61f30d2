"""A model's output for many faces, from one view of each face or from several."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from fer_zoo.emotions import SIDE
from fer_zoo.errors import UnknownNameError
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
    """Output of `model` for uint8 faces (N, 1, 48, 48), as float32 (N, 7) on the CPU.

    tta: `none` gives the model's own logits for the face as it is. `flip` (the face and its mirror image) and
    `tencrop` (44-pixel crops of the four corners and the centre, enlarged to 48 pixels, and their mirror
    images) give the logarithm of the mean probability over the views. A softmax makes probabilities of all
    three.

    Dropout and the like are off while it runs; then every module gets its own training flag back. `device` is
    where the model is. batch_size: 64 on a CPU, whose caches hold no more, and 512 elsewhere. After each
    batch, progress is called with (faces done, faces in all).
    Raises UnknownNameError for another tta, ValueError for no face or faces of another shape or dtype.
    """
    if tta not in VIEWS:
        raise UnknownNameError("tta", tta, VIEWS)
    _check_faces(pixels)
    on_cpu = torch.device(device).type == "cpu"
    batch_size = batch_size or (64 if on_cpu else 512)
    if on_cpu:
        keep_freed_memory()
    outputs = []
    with _evaluation_mode(model), torch.inference_mode():
        for start in range(0, len(pixels), batch_size):
            faces = _to_device(pixels[start : start + batch_size], device)
            # Channels-last input carries its layout through the network: 1.4 times as fast on a CPU
            # for cnn-baseline and for efficientnet_b0, without touching the model's own tensors.
            views = [model(view.to(memory_format=torch.channels_last)).float() for view in VIEWS[tta](faces)]
            outputs.append(views[0] if tta == "none" else _average_views(views))
            if progress:
                progress(min(start + batch_size, len(pixels)), len(pixels))
    return torch.cat(outputs).cpu()  # at the end alone: a GPU's next batch does not wait for it


def make_flip_views(faces: Tensor) -> list[Tensor]:
    """Faces (N, 1, 48, 48) as they are and mirrored."""
    return [faces, faces.flip(-1)]


def make_tencrop_views(faces: Tensor) -> list[Tensor]:
    """Ten views of uint8 faces (N, 1, 48, 48), in the same form: see `predict_logits`."""
    from torchvision.transforms.v2.functional import five_crop, resize

    # One resize for all: bilinear by default, rounded back to uint8 by torchvision. Before torch 2.9 it does
    # not give a mirror image its mirror image.
    crops = resize(torch.cat(five_crop(faces, [CROP_SIDE, CROP_SIDE])), [SIDE, SIDE]).chunk(5)
    return [*crops, *(crop.flip(-1) for crop in crops)]


VIEWS: dict[str, Callable[[Tensor], list[Tensor]]] = {
    "none": lambda faces: [faces],
    "flip": make_flip_views,
    "tencrop": make_tencrop_views,
}


def _average_views(logits: list[Tensor]) -> Tensor:
    """Logarithm of the mean probability over views of shape (N, 7), without underflow."""
    return torch.stack(logits).log_softmax(-1).logsumexp(0) - np.log(len(logits))


def _check_faces(pixels: np.ndarray | Tensor) -> None:
    right_type = pixels.dtype in (np.dtype(np.uint8), torch.uint8)
    if not (right_type and len(pixels) and tuple(pixels.shape[1:]) == (1, SIDE, SIDE)):
        given = f"{pixels.dtype} {tuple(pixels.shape)}"
        raise ValueError(f"Faces are {given}; allowed is uint8 (N, 1, {SIDE}, {SIDE}) with N of at least 1.")


def _to_device(faces: np.ndarray | Tensor, device: str | torch.device) -> Tensor:
    if isinstance(faces, np.ndarray):
        faces = torch.from_numpy(
            faces.copy()
        )  # torch warns of an array that cannot be written; 0.6 MB a batch
    return faces.to(device)


@contextmanager
def _evaluation_mode(model: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """A network in evaluation mode. A frozen part may differ from the rest: each module's flag is kept."""
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    flags = [module.training for module in modules]
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module, flag in zip(modules, flags, strict=True):
            module.training = flag
