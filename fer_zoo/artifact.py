"""A trained model as a folder: model.safetensors, config.json and README.md. The same folder everywhere."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.emotions import EMOTIONS, SIDE
from fer_zoo.errors import ArtifactError
from fer_zoo.files import write_atomically
from fer_zoo.registry import create_backbone, find_architecture

if TYPE_CHECKING:
    import torch

    from fer_zoo.models.classifier import FaceClassifier

WEIGHTS_NAME = "model.safetensors"
CONFIG_NAME = "config.json"


def build_config(model: "FaceClassifier", info: dict[str, Any]) -> dict[str, Any]:
    """timm's Hub schema, so that timm itself opens the folder of a timm row, plus our own `fer_zoo` block."""
    row = find_architecture(model.name)
    scale = model.preprocessing
    return {
        "architecture": row.timm_name or row.name,
        "num_classes": len(EMOTIONS),
        "label_names": list(EMOTIONS),
        "model_args": {"in_chans": 1, "num_classes": len(EMOTIONS), **row.arguments},
        "pretrained_cfg": {
            "tag": "fer2013",
            "input_size": [1, scale.size, scale.size],
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "mean": [scale.mean],
            "std": [scale.std],
            "num_classes": len(EMOTIONS),
            "license": "mit",
        },
        "fer_zoo": {
            "name": row.name,
            "emotions": list(EMOTIONS),
            "input": {
                "dtype": "uint8",
                "shape": ["N", 1, SIDE, SIDE],
                "size": scale.size,
                "mean": scale.mean,
                "std": scale.std,
            },
            "temperature": model.temperature,
            **info,
        },
    }


def save_artifact(
    folder: Path, model: "FaceClassifier", info: dict[str, Any], dtype: "torch.dtype | None" = None
) -> None:
    """Write weights and config.json. info: recipe, seed, metrics, data fingerprint, versions. dtype: of the
    file.
    """
    from safetensors.torch import save_file

    tensors = {
        key: (value.to(dtype) if dtype and value.is_floating_point() else value).detach().cpu().contiguous()
        for key, value in model.backbone.state_dict().items()
    }
    write_atomically(folder / WEIGHTS_NAME, lambda path: save_file(tensors, path, metadata={"format": "pt"}))
    write_config(folder, build_config(model, info))


def write_config(folder: Path, config: dict[str, Any]) -> None:
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    write_atomically(folder / CONFIG_NAME, lambda path: path.write_text(text, encoding="utf-8"))


def read_config(folder: Path) -> dict[str, Any]:
    """The checked config.json of an artifact. Raises ArtifactError in one line."""
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ArtifactError(f"{str(folder)!r} is no model folder: it has no {CONFIG_NAME}.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        block = config["fer_zoo"]
        scale = block["input"]
        numbers = [block["temperature"], scale["size"], scale["mean"], scale["std"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{str(path)!r} is not a fer_zoo config ({type(error).__name__}: {error})."
        ) from error
    if block.get("emotions") != list(EMOTIONS):
        raise ArtifactError(
            f"{str(path)!r} names the emotions {block.get('emotions')}; allowed is {list(EMOTIONS)}."
        )
    numeric = all(isinstance(value, (int, float)) and math.isfinite(value) for value in numbers)
    if not numeric or block["temperature"] <= 0 or scale["std"] <= 0 or not 8 <= scale["size"] <= 1024:
        raise ArtifactError(
            f"{str(path)!r} has an input size, mean, std or temperature that is out of range."
        )
    return config


def load_artifact(folder: Path) -> "FaceClassifier":
    """The model of a folder, in eval mode, float32, on the CPU. Strict: every tensor must be there and fit.

    Raises ArtifactError for a missing or damaged file, UnknownNameError for an unknown architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from fer_zoo.models.classifier import FaceClassifier, Preprocessing

    config = read_config(folder)
    block = config["fer_zoo"]
    row = find_architecture(str(block.get("name")))
    path = folder / WEIGHTS_NAME
    if not path.is_file():
        raise ArtifactError(f"{str(folder)!r} has no {WEIGHTS_NAME}; fer_zoo reads safetensors only.")
    try:
        tensors = load_file(path)
        backbone = create_backbone(row)
        backbone.load_state_dict(tensors, strict=True)
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(f"{str(path)!r} is damaged or not a {row.name}: {reason}") from error
    scale = block["input"]
    model = FaceClassifier(
        backbone,
        Preprocessing(scale["size"], scale["mean"], scale["std"]),
        name=row.name,
        temperature=block["temperature"],
        info=block,
    )
    return model.eval()
