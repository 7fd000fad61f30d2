"""timm networks adapted to one grey channel and seven classes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import ArtifactError


def build_timm(timm_name: str, arguments: Mapping[str, Any], pretrained: bool | Path = False) -> nn.Module:
    """A timm network (N, 1, size, size) to logits (N, 7).

    pretrained: False for random weights, True for timm's own from the Hub, or a safetensors file in timm's
    naming. timm sums the RGB kernels of the first layer, so the network on grey equals the original on
    three equal channels, and resamples a ViT's position embeddings and patch kernel. The head of the
    original classes is loaded too, so that loading is strict, and is then replaced.

    Raises ArtifactError where the weights are unreachable, missing or of another network.
    """
    import timm

    network: Any
    arguments = {"in_chans": 1, **arguments}
    if pretrained is False:
        return timm.create_model(timm_name, pretrained=False, num_classes=len(EMOTIONS), **arguments)
    if isinstance(pretrained, Path) and not (pretrained.is_file() and pretrained.suffix == ".safetensors"):
        raise ArtifactError(
            f"No start weights at {str(pretrained)!r}: give a .safetensors file in timm's naming "
            f"of {timm_name}."
        )
    try:
        if isinstance(pretrained, Path):
            classes = _count_classes(pretrained, timm_name)
            arguments["num_classes"] = classes
            arguments["pretrained_cfg_overlay"] = {"file": str(pretrained), "num_classes": classes}
        network = timm.create_model(timm_name, pretrained=True, **arguments)
    except Exception as error:
        # timm lets through whatever the Hub client, safetensors or torch raise: each is a user's matter here.
        raise ArtifactError(_explain_failure(timm_name, pretrained, error)) from error
    network.reset_classifier(len(EMOTIONS))
    return network


def _count_classes(path: Path, timm_name: str) -> int:
    """Number of classes of the head in a safetensors file, so that the head loads strictly before it is
    replaced.
    """
    import timm
    from safetensors import safe_open

    source: Any = timm.get_pretrained_cfg(timm_name)
    head = source.classifier + ".weight"
    with safe_open(path, framework="pt") as file:
        if head not in file.keys():  # noqa: SIM118 - safe_open is no mapping
            raise ValueError(f"it has no tensor {head!r}")
        return file.get_slice(head).get_shape()[0]


def _explain_failure(timm_name: str, pretrained: bool | Path, error: Exception) -> str:
    if isinstance(pretrained, Path):
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return f"{str(pretrained)!r} does not hold the weights of timm's {timm_name}: {reason[:160]}"
    return (
        f"The ImageNet weights of {timm_name} cannot be fetched from the Hugging Face Hub "
        f"({type(error).__name__}). "
        "Connect once, or give a local file with --pretrained FILE.safetensors, or train "
        "without --pretrained."
    )
