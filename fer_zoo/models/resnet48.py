"""A residual network made for 48-pixel faces: 24x24, 12x12, then 6x6 features that are kept to the end."""

from typing import Any

from torch import Tensor, nn


def convolve(channels_in: int, channels_out: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """Convolution without bias and batch normalization."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels_out),
    )


class SqueezeExcitation(nn.Module):
    """Each channel times a gate that the means of all channels set: Hu et al. 2017 (arXiv:1709.01507)."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // reduction, 1)
        self.excite = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        return features * self.excite(self.squeeze(features.mean((2, 3), keepdim=True)).relu()).sigmoid()


class ResidualBlock(nn.Module):
    """He et al. 2015 (arXiv:1512.03385), basic block; a 1x1 convolution where the shape changes. gated: with
    squeeze and excitation.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int, gated: bool) -> None:
        super().__init__()
        self.first = convolve(channels_in, channels_out, stride)
        self.second = convolve(channels_out, channels_out)
        self.gate = SqueezeExcitation(channels_out) if gated else nn.Identity()
        same = channels_in == channels_out and stride == 1
        self.shortcut = nn.Identity() if same else convolve(channels_in, channels_out, stride, kernel=1)
        # the block starts as its shortcut (arXiv:1706.02677, 5.1)
        nn.init.zeros_(self.second.get_parameter("1.weight"))
        self.activation = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.activation(
            self.gate(self.second(self.activation(self.first(features)))) + self.shortcut(features)
        )


class ResNet48(nn.Module):
    """(N, 1, 48, 48) to logits (N, classes)."""

    def __init__(
        self,
        widths: tuple[int, ...] = (64, 128, 320),
        blocks: int = 2,
        dropout: float = 0.3,
        gated: bool = False,
        num_classes: int = 7,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolve(1, 32), nn.ReLU(inplace=True))
        channels = 32
        stages: list[nn.Module] = []
        for width in widths:
            for index in range(blocks):
                stages.append(ResidualBlock(channels, width, stride=2 if index == 0 else 1, gated=gated))
                channels = width
        self.features = nn.Sequential(*stages)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.features(self.stem(images)).mean((2, 3))
        return self.classifier(self.dropout(features))


def build_seresnet_48(**options: Any) -> nn.Module:
    return ResNet48(widths=(64, 128, 384), gated=True, **options)
