"""A network that learns drawn faces in two seconds, for tests of the machinery around networks."""

from torch import Tensor, nn

from fer_zoo.models.registry import Architecture


def halve(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


class SmallNetwork(nn.Module):
    """(N, 1, 48, 48) to logits (N, classes)."""

    def __init__(self, num_classes: int = 7, dropout: float = 0.1, head_width: int = 64) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.AvgPool2d(2), halve(1, 16), halve(16, 32), halve(32, 32))
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(32 * 3 * 3, head_width)
        self.classifier = nn.Linear(head_width, num_classes)

    def forward(self, faces: Tensor) -> Tensor:
        features = self.dropout(self.features(faces).flatten(1))
        return self.classifier(self.hidden(features).relu())


SMALL = Architecture(
    "small",
    family="cnn",
    recipe="baseline",
    parameters=33_159,
    note="",
    builder=f"{__name__}:SmallNetwork",
    options=("dropout", "head_width"),
)
