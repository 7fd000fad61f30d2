"""The one contract: uint8 faces (N, 1, 48, 48) in, logits (N, 7) out, whatever the network inside."""

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.models.registry import create_backbone, find_architecture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fer_zoo.artifacts.origin import Origin
    from fer_zoo.utils.images import Photo

# A forked process has none of its parent's OpenMP threads, and torch would wait for them forever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Preprocessing:
    """How a face becomes the backbone's input: gray in [0, 1], resized to `size` pixels, then (x - mean) /
    std.
    """

    size: int
    mean: float
    std: float

    def __call__(self, faces: Tensor, cut: bool = False) -> Tensor:
        """uint8 0-255 or floating point 0-1, (N, 1, 48, 48), to float (N, 1, size, size). cut: also smaller
        square parts of faces, at the same scale.
        """
        side = faces.shape[-1]
        if (
            faces.ndim != 4
            or faces.shape[1:] != (1, side, side)
            or not (side == SIDE or (cut and side < SIDE))
        ):
            raise ValueError(f"Faces have shape {tuple(faces.shape)}; allowed is (N, 1, {SIDE}, {SIDE}).")
        if faces.dtype == torch.uint8:
            faces = faces.float() / 255
        elif not faces.is_floating_point():
            raise ValueError(
                f"Faces have dtype {faces.dtype}; allowed are uint8 (0-255) and floating point (0-1)."
            )
        if self.size != SIDE:
            size = self.size * side // SIDE
            faces = F.interpolate(faces, size=(size, size), mode="bilinear", align_corners=False)
        return (faces - self.mean) / self.std


class FaceClassifier(nn.Module):
    """A backbone with its preprocessing and calibration temperature.

    `backbone` is the plain network on normalized input of `preprocessing.size` pixels, usable without this
    class. `name` is the shortest that leads to it, `architecture` the network's. `info` is the `fer_zoo`
    block of the artifact it was loaded from (metrics, recipe, seed), empty for a new one. `accepts_crops`:
    set while it trains on, or teaches from, parts of faces (`augment.train_crop`).
    """

    accepts_crops = False
    origin: "Origin | None" = None  # set by loading

    def __init__(
        self,
        backbone: nn.Module,
        preprocessing: Preprocessing,
        name: str,
        temperature: float = 1.0,
        info: dict[str, Any] | None = None,
        architecture: str | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.preprocessing = preprocessing
        self.name = name
        self.architecture = architecture or name
        self.temperature = temperature
        self.info = info or {}

    def forward(self, faces: Tensor) -> Tensor:
        """uint8 (or floating point in [0, 1]) faces (N, 1, 48, 48) to calibrated logits (N, 7) in EMOTIONS
        order.
        """
        return self.backbone(self.preprocessing(faces, self.accepts_crops)) / self.temperature

    @torch.inference_mode()
    def predict(self, photo: "Photo | Sequence[Photo]") -> Any:
        """Probability of each emotion for a picture that shows one face, by name; a list gives a list.

        A face crop is taken as it is; in a photo its face is found first: see `read_one_face`.
        `fer_zoo.predict` answers every face of a photo. Dropout is off and batch-norm statistics stay as they
        are, also for a model in training mode, whose modes are not touched: threads may share it.

        Args:
            photo: a path, bytes, a Pillow image or a uint8 array (H, W) or (H, W, 3), or a list of them.

        Raises:
            ImageError: a picture cannot be read.
        """
        from fer_zoo.detection.crops import read_one_face

        if isinstance(photo, (list, tuple)):
            if not photo:
                return []
            faces = torch.stack([torch.from_numpy(read_one_face(one)) for one in photo])[:, None]
            device = next(self.parameters()).device
            faces = faces.to(device, memory_format=torch.channels_last)  # as in predict_logits
            probabilities = in_eval_mode(self)(faces).float().softmax(1).tolist()
            return [dict(zip(EMOTIONS, row, strict=True)) for row in probabilities]
        return self.predict([photo])[0]  # type: ignore[list-item]  # a single picture, by the test above

    def embed(self, faces: Any, batch_size: int | None = None) -> "NDArray[np.float32]":
        """Features of faces before the last layer, for nearest neighbors, clusters or a linear probe.

        Those of an ensemble are its members', concatenated. Modes and hooks are not touched, as in `predict`.

        Args:
            faces: uint8 crops (N, 48, 48) or (N, 1, 48, 48) as an array or a tensor; or what `predict` takes,
                of which the largest face counts.
            batch_size: 64 on a CPU and 512 elsewhere by default.

        Returns:
            float32 (N, D), computed on the model's device.

        Raises:
            FerZooError: the network does not end in a linear layer, or faces have another shape or type.
            ImageError: a picture cannot be read.
        """
        from fer_zoo.artifacts.embedding import embed_faces

        return embed_faces(self, faces, batch_size)

    # Three habits of huggingface_hub's PyTorchModelHubMixin, by the package's public functions: the mixin's
    # own loader is not strict, and would leave random weights where a file lacks some.

    @classmethod
    def from_pretrained(cls, name: "str | Path", *, revision: str | None = None) -> "FaceClassifier":
        """`fer_zoo.load`: an embedded name, a folder, or OWNER/NAME on the Hub; strict, in eval mode."""
        from fer_zoo.artifacts.hub import load

        return load(name, revision=revision)

    def save_pretrained(self, folder: "str | Path") -> None:
        """`fer_zoo.save_model`: weights, config.json and card into a folder, over what is there."""
        from fer_zoo.artifacts.export import save_model

        save_model(self, folder)

    def push_to_hub(self, repo: str, *, private: bool = False, branch: str | None = None) -> str:
        """`fer_zoo.push_model`: this model into OWNER/NAME on the Hub, in one commit. Returns its address."""
        from fer_zoo.artifacts.hub_push import push_model

        return push_model(self, repo, private=private, revision=branch)


def in_eval_mode(network: Network) -> Network:
    """The network itself, or, where one of its modules is in training mode, a copy in eval mode that shares
    every tensor. Switching the network's own modes would change the answers and the batch-norm statistics of
    other threads that use it.
    """
    in_training = any(module.training for module in network.modules())
    return share_weights(network).eval() if in_training else network


def share_weights(network: Network) -> Network:
    """A copy with modes and hooks of its own that shares every tensor."""
    tensors = [*network.parameters(), *network.buffers()]
    return copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})


def create_model(
    name: str, pretrained: bool | str | Path = False, options: Mapping[str, Any] | None = None
) -> FaceClassifier:
    """A new, untrained classifier of the architecture `name`, on the contract uint8 (N, 1, 48, 48) to
    logits (N, 7).

    pretrained: False for random weights; True for ImageNet weights from the Hub; a path to a safetensors
    file in timm's naming. Never falls back to random weights: raises ArtifactError. options: as in
    `create_backbone`. Raises UnknownNameError for an unknown name, RecipeError for a wrong option.
    """
    row = find_architecture(name)
    start = pretrained if isinstance(pretrained, bool) else Path(pretrained)
    return FaceClassifier(
        create_backbone(row, start, options),
        Preprocessing(row.input_size, row.mean, row.std),
        name=row.name,
        info={"network": dict(options)} if options else None,
    )
