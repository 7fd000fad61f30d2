"""A model in memory as a folder: weights, config.json (timm's Hub schema and the block `fer_zoo`), card."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from fer_zoo.artifacts.artifact import FILE_KEYS, WEIGHTS_NAME, hash_weights, write_config
from fer_zoo.artifacts.card import write_card
from fer_zoo.artifacts.classifier_settings import is_setting
from fer_zoo.artifacts.origin import describe_changed, describe_settings, is_changed
from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import ArtifactError
from fer_zoo.models.ensemble import Ensemble
from fer_zoo.models.registry import create_backbone, find_architecture
from fer_zoo.utils.tensors import write_tensors

if TYPE_CHECKING:
    from fer_zoo.artifacts.classifier import FaceClassifier

# Without these, timm opens a folder only with the stored numbers of classes and channels.
LAYERS = ("first_conv", "classifier", "fixed_input_size", "pool_size", "crop_mode")


def build_config(model: "FaceClassifier", info: dict[str, Any]) -> dict[str, Any]:
    """timm's Hub schema, so that timm itself opens the folder of a timm row, plus our own `fer_zoo` block.

    An ensemble has no row: its members stand in `info`.
    """
    row = None if "members" in info else find_architecture(model.architecture)
    scale = model.preprocessing
    network: Any = model.backbone if row and row.timm_name else None
    return {
        "architecture": (row and row.timm_name) or model.architecture,
        "num_classes": len(model.classes),
        **describe_head(network),
        "label_names": list(model.classes),
        "model_args": {"in_chans": 1, **(row.arguments if row else {})},
        "pretrained_cfg": {
            "tag": info.get("tag") or info.get("labels") or "fer2013",
            "input_size": [1, scale.size, scale.size],
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "mean": [scale.mean],
            "std": [scale.std],
            "num_classes": len(model.classes),
            **describe_layers(network),
            "license": "mit",
        },
        "fer_zoo": {
            "name": model.architecture,
            "classes": list(model.classes),
            **({"emotions": list(EMOTIONS)} if model.classes == EMOTIONS else {}),  # for version 0.1
            "input": {
                "dtype": "uint8",
                "shape": ["N", 1, SIDE, SIDE],
                **asdict(scale),
            },
            **describe_settings(model),
            **({"network": model.info["network"]} if model.info.get("network") else {}),
            **info,
        },
    }


def describe_head(network: Any | None) -> dict[str, Any]:
    """Width and pooling of the features, as timm's `save_for_hf` names them; empty for None."""
    if network is None:
        return {}
    head = getattr(network, "head", None)
    pool: Any = getattr(network, "global_pool", None) or getattr(head, "global_pool", None)
    return {
        "num_features": network.num_features,
        "global_pool": pool if isinstance(pool, str) else pool.pool_type,
    }


def describe_layers(network: Any | None) -> dict[str, Any]:
    """The `pretrained_cfg` fields that name a timm network's first and last layer; empty for None."""
    if network is None:
        return {}
    known = network.pretrained_cfg
    # The features' size after the last stage is that of timm's own input, not of ours.
    return {key: known.get(key) for key in LAYERS} | {"pool_size": None}


def describe_member(model: "FaceClassifier", folder: Path, weight: float) -> dict[str, Any]:
    """What an ensemble's config.json keeps of a member. `sha256` is of its weights' file."""
    return {
        "name": model.architecture,
        **({"tag": model.info["tag"]} if model.info.get("tag") else {}),
        "weight": weight,
        "sha256": hash_weights(folder),
        "input": asdict(model.preprocessing),
        **describe_settings(model),
        **({"network": model.info["network"]} if model.info.get("network") else {}),
    }


def save_artifact(
    folder: Path, model: "FaceClassifier", info: dict[str, Any], dtype: torch.dtype | None = None
) -> None:
    """Write weights and config.json, which also has the settings of an ensemble's members.

    info: recipe, seed, metrics, data fingerprint, versions. dtype: of the file.
    """
    tensors = {
        key: value.to(dtype) if dtype and value.is_floating_point() else value
        for key, value in model.backbone.state_dict().items()
        if not is_setting(key)
    }
    digest = write_tensors(folder / WEIGHTS_NAME, tensors, {"format": "pt"})
    write_config(folder, build_config(model, {**info, "weights_sha256": digest}))


def save_model(
    model: "FaceClassifier", out: str | Path, *, half: bool = False, hub_name: str | None = None
) -> None:
    """Write a model in memory as an artifact, over one that is there: weights, config.json and card.

    What `model.info` says goes with it. A model that was changed since it was loaded (weights, temperature
    or preprocessing) is another one: it is saved without metrics, calibration, latency and recipe, with the
    name and SHA-256 of the weights that it came from as its `base_model`.

    Args:
        model: on any device, in any mode.
        out: a folder, made if it is missing.
        half: store 16-bit weights.
        hub_name: as in `build_card`.

    Raises:
        ArtifactError: the network has another number of outputs than the model has classes, or is no longer
            the network that its name says. Nothing is written then.
    """
    _check_tensors(model)
    write_with_card(model, Path(out), describe_info(model), half, hub_name)


def _check_tensors(model: "FaceClassifier") -> None:
    """Raises ArtifactError for a model whose folder could not be loaded again: one with other tensors than
    its name says, such as another number of classes.
    """
    if isinstance(model.backbone, Ensemble):
        for member in model.backbone.members:
            _check_tensors(cast("FaceClassifier", member))
        return
    with torch.random.fork_rng(devices=[]):  # saving must not change what a run draws next
        row, options = find_architecture(model.architecture), model.info.get("network")
        new = create_backbone(row, options=options, num_classes=len(model.classes))
    wanted = {key: value.shape for key, value in new.state_dict().items()}
    given = {key: value.shape for key, value in model.backbone.state_dict().items()}
    wrong = [key for key in {**wanted, **given} if wanted.get(key) != given.get(key)]
    if not wrong:
        return
    named = len(model.classes)
    outputs = {given[key][0] for key in wrong if key in given and wanted.get(key, ())[:1] == (named,)}
    if len(outputs) == 1:
        raise ArtifactError(
            f"This {model.name} has {outputs.pop()} outputs, and names {named} classes. Set model.classes to "
            "the names of its outputs, then save it."
        )
    raise ArtifactError(
        f"This {model.name} has other tensors than the network of that name ({wrong[0]!r}), so its folder "
        "could not be loaded again. torch.save(model.state_dict(), PATH) keeps the weights."
    )


def describe_info(model: "FaceClassifier") -> dict[str, Any]:
    """What config.json says of a model in memory."""
    if is_changed(model):
        return describe_changed(model)
    return {"metrics": {}} | {key: value for key, value in model.info.items() if key not in FILE_KEYS}


def write_with_card(
    model: "FaceClassifier", out: Path, info: dict[str, Any], half: bool = False, hub_name: str | None = None
) -> None:
    save_artifact(out, model, info, dtype=torch.float16 if half else None)
    write_card(out, hub_name=hub_name)
