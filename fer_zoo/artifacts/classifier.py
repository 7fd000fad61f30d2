"""The one contract: uint8 faces (N, 1, 48, 48) in, logits (N, C) out, whatever the network inside."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from fer_zoo.artifacts.artifact import WEIGHTS_NAME, explain_members, find_member, hash_weights, read_config
from fer_zoo.artifacts.classifier_settings import ClassifierSettings, load_weights
from fer_zoo.artifacts.config_check import (
    check_members,
    check_network,
    check_same_classes,
    check_scale,
    check_size,
    check_weight,
)
from fer_zoo.artifacts.origin import Origin, fingerprint_model
from fer_zoo.artifacts.preprocessing import Preprocessing as Preprocessing
from fer_zoo.artifacts.preprocessing import resize_faces
from fer_zoo.artifacts.prior_correction import read_prior
from fer_zoo.artifacts.resolve import ModelRef, require_folder, resolve
from fer_zoo.emotions import EMOTIONS, SIDE, check_classes
from fer_zoo.errors import ArtifactError
from fer_zoo.models.ensemble import Ensemble
from fer_zoo.models.float32_buffers import in_eval_mode
from fer_zoo.models.registry import create_backbone, find_architecture
from fer_zoo.models.weights import name_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

    from fer_zoo.utils.photo_inputs import Photos

# A forked process has none of its parent's OpenMP threads, and torch would wait for them forever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


class FaceClassifier(ClassifierSettings):
    """A backbone with its preprocessing, calibration and class names, for uint8 faces (N, 1, 48, 48).

    `backbone` is the plain network on normalized input of `preprocessing.size` pixels, usable without this
    class. `name` is the shortest that leads to it, `architecture` the network's. `info` is the `fer_zoo`
    block of the artifact it was loaded from (metrics, recipe, seed), empty for a new one. `classes` are the
    names of the outputs, EMOTIONS by default. `accepts_crops`: set while it trains on, or teaches from, parts
    of faces (`augment.train_crop`). `state_dict` has, beside the backbone's tensors, the buffers of
    `ClassifierSettings`.
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
        classes: Sequence[str] = EMOTIONS,
    ) -> None:
        super().__init__(preprocessing, classes)
        self.backbone = backbone
        self.name = name
        self.architecture = architecture or name
        self.temperature = temperature
        self.info = info or {}

    def forward(self, faces: Tensor) -> Tensor:
        """uint8 (or floating point in [0, 1]) faces (N, 1, 48, 48) to calibrated logits (N, C), in the order
        of `classes` and the dtype of the weights.
        """
        gray = resize_faces(faces, self._size, self.accepts_crops)
        logits = self.backbone(((gray - self.input_mean) / self.input_std).to(self._find_dtype()))
        if logits.shape[-1] != len(self.classes):
            raise ValueError(
                f"The network of {self.name} has {logits.shape[-1]} outputs, and its classes are "
                f"{len(self.classes)}: set model.classes to the names of the outputs."
            )
        return logits / self.calibration_temperature + self.prior_correction.to(logits.dtype)

    def _find_dtype(self) -> torch.dtype:
        """Of the backbone's input. An ensemble's members cast the faces themselves."""
        weight = None if isinstance(self.backbone, Ensemble) else next(self.backbone.parameters(), None)
        return torch.float32 if weight is None or not weight.is_floating_point() else weight.dtype

    @torch.inference_mode()
    def predict(self, photo: "Photos") -> Any:
        """Probability of each class for a picture that shows one face, by name; several give a list.

        A face crop is taken as it is; in a photo its face is found first: see `read_one_face`.
        `fer_zoo.predict` answers every face of a photo. Dropout is off and batch-norm statistics stay as they
        are, also for a model in training mode, whose modes are not touched: threads may share it.

        Args:
            photo: a path, bytes, an open file, a Pillow image, a uint8 array (H, W) or (H, W, C), a tensor
                (H, W) or (C, H, W), uint8 or from 0 to 1; or several: a list, a generator, an array (N, H, W)
                or (N, H, W, C), a tensor (N, H, W) or (N, C, H, W).

        Raises:
            ImageError: a picture cannot be read.
        """
        from fer_zoo.artifacts.answer_table import name_answers

        network, device = in_eval_mode(self), self.prior_correction.device

        def score(faces: "NDArray[np.uint8]") -> list[list[float]]:
            # as in predict_logits
            batch = torch.from_numpy(faces).to(device, memory_format=torch.channels_last)
            return network(batch).float().softmax(1).tolist()

        return name_answers(photo, self.classes, score)

    def to_frame(self, photos: "Photos") -> "DataFrame":
        """Answer pictures that show one face each, as a pandas DataFrame: a row a picture.

        Args:
            photos: one or several, as in `predict`.

        Returns:
            Columns image (path, or position from 0), model, top (the most probable class), probability (of
            it), and a column a class with its probability.
        """
        from fer_zoo.artifacts.answer_table import classify_to_frame

        return classify_to_frame(self, photos)

    def embed(self, faces: Any, batch_size: int | None = None) -> "NDArray[np.float32]":
        """Features of faces before the last layer, for nearest neighbors, clusters or a linear probe.

        Those of an ensemble are its members', concatenated. Modes and hooks are not touched, as in `predict`.

        Args:
            faces: uint8 crops (N, 48, 48) or (N, 1, 48, 48), or what `predict` takes.
            batch_size: 64 on a CPU and 512 elsewhere by default.

        Returns:
            float32 (N, D), computed on the model's device.

        Raises:
            FerZooError: the network does not end in a linear layer.
            ImageError: a picture cannot be read.
        """
        from fer_zoo.artifacts.embedding import embed_faces

        return embed_faces(self, faces, batch_size)

    # Three habits of huggingface_hub's PyTorchModelHubMixin, whose own loader is not strict, and would leave
    # random weights where a file lacks some.

    @classmethod
    def from_pretrained(cls, name: "str | Path", *, revision: str | None = None) -> "FaceClassifier":
        """`fer_zoo.load`: an embedded name, a folder, or OWNER/NAME on the Hub; strict, in eval mode."""
        found = resolve(name, revision)
        require_folder(found, name)
        return load_found(found)

    def save_pretrained(self, folder: "str | Path") -> None:
        """`fer_zoo.save_model`: weights, config.json and card into a folder, over what is there."""
        from fer_zoo.artifacts.save import save_model

        save_model(self, folder)

    def push_to_hub(self, repo: str, *, private: bool = False, branch: str | None = None) -> str:
        """`fer_zoo.push_model`: this model into OWNER/NAME on the Hub, in one commit. Returns its address."""
        from fer_zoo.artifacts.hub_push import push_written
        from fer_zoo.artifacts.save import save_model

        return push_written(lambda folder: save_model(self, folder, hub_name=repo), repo, private, branch)


def create_model(
    name: str,
    pretrained: bool | str | Path = False,
    options: Mapping[str, Any] | None = None,
    *,
    classes: Iterable[str] | None = None,
) -> FaceClassifier:
    """Create an untrained classifier from uint8 faces (N, 1, 48, 48) to logits (N, C).

    Args:
        name: of an architecture.
        pretrained: False for random weights; True for ImageNet weights from the Hub; a path to a safetensors
            file in timm's naming. Random weights never stand in for missing ones.
        options: as in `create_backbone`.
        classes: names of the outputs, 2 to 200; None for EMOTIONS.

    Raises:
        ArtifactError: start weights are missing or of another network.
        UnknownNameError: an unknown architecture.
        RecipeError: a wrong option.
        FerZooError: a class name is empty or given twice, or there are too many or too few.
    """
    names = EMOTIONS if classes is None else check_classes(classes)
    row = find_architecture(name)
    start = pretrained if isinstance(pretrained, bool) else Path(pretrained)
    return FaceClassifier(
        create_backbone(row, start, options, len(names)),
        Preprocessing(row.input_size, row.mean, row.std),
        name=row.name,
        info={"network": dict(options)} if options else None,
        classes=names,
    )


def load_found(found: ModelRef) -> FaceClassifier:
    """`load_artifact` of what `resolve` found; `info["hub"]` has the commit of the Hub."""
    model = load_artifact(found.path)
    if found.kind == "hub":
        model.info = {**model.info, "hub": {"repo": found.repo, "commit": found.commit}}
    return model


def load_artifact(folder: Path) -> FaceClassifier:
    """The model of a folder, in eval mode, float32, on the CPU. Strict: every tensor must be there and fit.

    Its `origin` shows later whether it was changed. Raises ArtifactError for a missing or damaged file,
    UnknownNameError for an unknown architecture.
    """
    model, digest = _load(folder)
    _check_answers(model, folder)
    model.origin = Origin(model.name, digest, fingerprint_model(model))
    return model


def _load(folder: Path) -> tuple[FaceClassifier, str]:
    """The model, and what `hash_weights` gives for its folder."""
    block = read_config(folder)["fer_zoo"]
    architecture, path = block["name"], folder / WEIGHTS_NAME
    if "members" in block:
        backbone = _build_ensemble(block, from_package=not path.is_file())
    else:
        row = find_architecture(architecture)
        backbone = create_backbone(row, options=block.get("network"), num_classes=len(block["classes"]))
        architecture = row.name
        if not path.is_file():
            raise ArtifactError(f"{str(folder)!r} has no {WEIGHTS_NAME}; fer_zoo reads safetensors only.")
    digest = (
        load_weights(backbone, path, block.get("weights_sha256")) if path.is_file() else hash_weights(folder)
    )
    model = _assemble(backbone, block, block["classes"], name_weights(architecture, block.get("tag")))
    model.architecture, model.info = architecture, block
    return model.eval(), digest


def _assemble(backbone: nn.Module, row: dict[str, Any], classes: list[str], name: str) -> FaceClassifier:
    """row: a `fer_zoo` block, or that of an ensemble's member, with input and calibration."""
    scale = row["input"]
    preprocessing = Preprocessing(scale["size"], scale["mean"], scale["std"])
    model = FaceClassifier(backbone, preprocessing, name, row["temperature"], classes=classes)
    model.restore_prior(read_prior(row, classes))
    return model


def _check_answers(model: FaceClassifier, folder: Path) -> None:
    """Raises ArtifactError for weights so large that some answer would be NaN: black, white and noise."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (1, 1, SIDE, SIDE), dtype=torch.uint8, generator=generator)
    faces = torch.cat([torch.zeros_like(noise), torch.full_like(noise, 255), noise])
    with torch.inference_mode():
        answers = model(faces)
    if not answers.isfinite().all():
        raise ArtifactError(f"The weights in {str(folder)!r} are so large that the model outputs NaN.")


def _build_ensemble(block: dict[str, Any], from_package: bool) -> nn.Module:
    """The network of an ensemble's `members`: the package's trained ones, or new ones to fill from a file."""
    classes = block["classes"]
    try:
        rows = [(str(row["name"]), check_weight(row["weight"]), row) for row in check_members(block)]
        models = []
        for name, _, row in rows:
            if from_package:
                models.append(_load(find_member(row))[0])
                check_same_classes(classes, models[-1].classes)
            else:
                check_scale(row["input"], row["temperature"])
                check_network(row.get("network"))
                architecture = find_architecture(name)
                check_size(architecture, row["input"]["size"])
                backbone = create_backbone(architecture, options=row.get("network"), num_classes=len(classes))
                models.append(_assemble(backbone, row, classes, architecture.name))
        return Ensemble(models, [weight for _, weight, _ in rows])
    except (KeyError, TypeError, ValueError) as error:
        raise explain_members(error) from error
