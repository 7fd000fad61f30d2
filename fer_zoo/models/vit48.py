"""A vision transformer made for 48-pixel faces: convolutions make the tokens, attention does the rest."""

from typing import Any

from torch import Tensor, nn

from fer_zoo.emotions import EMOTIONS, SIDE

PATCH = 8  # pixels: 6 x 6 tokens


def _convolution(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


class ConvolutionalStem(nn.Module):
    """Three halvings in place of one linear patch embedding: (N, 1, 48, 48) to (N, 36, channels).

    Xiao et al. 2021 (arXiv:2106.14881): a transformer from scratch trains faster and further on such tokens.
    """

    def __init__(self, img_size: int, patch_size: int, in_chans: int, embed_dim: int, **_: Any) -> None:
        super().__init__()
        side = img_size // patch_size
        self.grid_size, self.num_patches = (side, side), side * side
        self.convolutions = nn.Sequential(
            _convolution(in_chans, 48, 2),
            _convolution(48, 48, 1),
            _convolution(48, 96, 2),
            _convolution(96, 96, 1),
        )
        self.proj = nn.Conv2d(96, embed_dim, 3, 2, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(self.convolutions(images)).flatten(2).transpose(1, 2)


def build_vit_48() -> nn.Module:
    """timm's VisionTransformer (N, 1, 48, 48) to logits (N, 7), mean of the tokens, no class token."""
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(
        img_size=SIDE,
        patch_size=PATCH,
        in_chans=1,
        num_classes=len(EMOTIONS),
        embed_dim=256,
        depth=5,
        num_heads=4,
        global_pool="avg",
        class_token=False,
        embed_layer=ConvolutionalStem,
        drop_path_rate=0.1,
    )
