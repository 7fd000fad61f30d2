"""What is written in a model's config.json: timm's Hub schema, plus the block `fer_zoo`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fer_zoo.artifacts.origin import describe_settings
from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.models.registry import find_architecture

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
