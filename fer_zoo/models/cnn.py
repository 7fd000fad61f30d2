"""The tutorial's network: three blocks of two convolutions, then a wide dense part."""

from torch import Tensor, nn


def _block(channels_in: int, channels_out: int) -> nn.Sequential:
    """Two times 3x3 convolution, ReLU, batch normalization (in the tutorial's order), then halve the side."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(channels_out),
        nn.Conv2d(channels_out, channels_out, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(channels_out),
        nn.MaxPool2d(2),
    )


class CNNBaseline(nn.Module):
    """(N, 1, 48, 48) to logits (N, classes). 5.0 M parameters, of which the first dense layer holds 4.7 M.

    dropout: of the convolutions' features. head_width: units of the dense layer.
    """

    def __init__(self, num_classes: int = 7, dropout: float = 0.5, head_width: int = 1024) -> None:
        super().__init__()
        self.features = nn.Sequential(_block(1, 32), _block(32, 64), _block(64, 128))
        self.hidden = nn.Linear(128 * 6 * 6, head_width)
        self.classifier = nn.Linear(head_width, num_classes)
        self.dropout_features = nn.Dropout(dropout)
        self.dropout_hidden = nn.Dropout(0.2)

    def forward(self, images: Tensor) -> Tensor:
        features = self.dropout_features(self.features(images).flatten(1))
        return self.classifier(self.dropout_hidden(self.hidden(features).relu()))
