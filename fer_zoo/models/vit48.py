"""A vision transformer made for 48-pixel faces: residual blocks make the tokens, attention does the rest."""

from typing import Any

from torch import Tensor, nn

from fer_zoo.emotions import SIDE
from fer_zoo.models.resnet48 import ResidualBlock, convolve

PATCH = 8  # pixels: 6 x 6 tokens


class ResidualStem(nn.Module):
    """Residual blocks in place of one linear patch embedding: (N, 1, 48, 48) to (N, 36, channels).

    The hybrid of Dosovitskiy et al. 2020 (arXiv:2010.11929): on little data the locality that convolutions
    bring need not be learned.
    """

    def __init__(self, img_size: int, patch_size: int, in_chans: int, embed_dim: int, **_: Any) -> None:
        super().__init__()
        side = img_size // patch_size
        self.grid_size, self.num_patches = (side, side), side * side
        self.convolutions = nn.Sequential(
            convolve(in_chans, 32),
            nn.ReLU(inplace=True),
            ResidualBlock(32, 64, stride=2, gated=False),
            ResidualBlock(64, 64, stride=1, gated=False),
            ResidualBlock(64, 128, stride=2, gated=False),
            ResidualBlock(128, 128, stride=1, gated=False),
        )
        self.proj = nn.Conv2d(128, embed_dim, 3, 2, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(self.convolutions(images)).flatten(2).transpose(1, 2)


def build_vit_48(num_classes: int = 7, dropout: float = 0.0) -> nn.Module:
    """timm's VisionTransformer (N, 1, 48, 48) to logits (N, num_classes), mean of the tokens, no class
    token. dropout: before the head.
    """
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(
        img_size=SIDE,
        patch_size=PATCH,
        in_chans=1,
        num_classes=num_classes,
        embed_dim=256,
        depth=4,
        num_heads=4,
        global_pool="avg",
        class_token=False,
        embed_layer=ResidualStem,
        drop_rate=dropout,
        drop_path_rate=0.1,
    )
