"""timm networks adapted to one gray channel and the classes of the data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from fer_zoo.errors import ArtifactError
from fer_zoo.models.pretrained import FORMS, SUFFIXES, read_pretrained


def build_timm(
    timm_name: str,
    arguments: Mapping[str, Any],
    pretrained: bool | Path = False,
    num_classes: int = 7,
    dropout: float | None = None,
) -> nn.Module:
    """A timm network (N, 1, size, size) to logits (N, num_classes).

    pretrained: False for random weights, True for timm's own from the Hub, or a file: see `start_weights`.
    timm sums the RGB kernels of the first layer, so the network on gray equals the original on
    three equal channels, and resamples a ViT's position embeddings and patch kernel. The head of the
    original classes is loaded too, so that loading is strict, and is then replaced. dropout: before the
    head.

    Raises ArtifactError where the weights are unreachable, missing or of another network.
    """
    import timm

    network: Any
    arguments = {"in_chans": 1, **arguments}
    if dropout is not None:
        arguments["drop_rate"] = dropout
    if pretrained is False:
        return timm.create_model(timm_name, pretrained=False, num_classes=num_classes, **arguments)
    if isinstance(pretrained, Path) and not (pretrained.is_file() and pretrained.suffix in SUFFIXES):
        raise ArtifactError(
            f"No start weights at {str(pretrained)!r}: give {FORMS}, for {timm_name}, "
            "or a trained model of the same network, by name or folder."
        )
    try:
        if isinstance(pretrained, Path):
            arguments |= _adopt_file(pretrained, timm_name)
        network = timm.create_model(timm_name, pretrained=True, **arguments)
    except Exception as error:
        # timm lets through whatever the Hub client, safetensors or torch raise: each is a user's matter here.
        raise ArtifactError(_explain_failure(timm_name, pretrained, error)) from error
    network.reset_classifier(num_classes)
    return network


def _adopt_file(path: Path, timm_name: str) -> dict[str, Any]:
    """Arguments with which timm loads the file strictly, the head of its own classes too."""
    import timm

    source: Any = timm.get_pretrained_cfg(timm_name)
    tensors = read_pretrained(path, list(timm.create_model(timm_name).state_dict()))
    head = source.classifier + ".weight"
    if head not in tensors:
        raise ValueError(f"it has no tensor {head!r}")
    classes = len(tensors[head])
    overlay = {"state_dict": tensors, "num_classes": classes}
    return {"num_classes": classes, "pretrained_cfg_overlay": overlay}


def _explain_failure(timm_name: str, pretrained: bool | Path, error: Exception) -> str:
    if isinstance(pretrained, Path):
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return f"{str(pretrained)!r} does not hold the weights of timm's {timm_name}: {reason[:160]}"
    return (
        f"The ImageNet weights of {timm_name} cannot be fetched from the Hugging Face Hub "
        f"({type(error).__name__}). "
        "Connect once, or give a local file with --pretrained FILE, or train "
        "without --pretrained."
    )
