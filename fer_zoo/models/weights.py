"""The one table of released weights, `architecture.tag`: what they learned, from what, and in which file.

A tag names the labels that the weights predict: `fer2013` (the data set's own; most learned from the votes
too) or `ferplus` (the votes of ten raters). A row is never changed: new weights are a new row, or replace a
whole row together with its card.
"""

import warnings
from dataclasses import dataclass

from fer_zoo.models.registry import find_name

ENSEMBLE_FAMILY = "ensemble"  # of models with members; none has an architecture
HASH_DIGITS = 16  # of a SHA-256, where it is abbreviated


@dataclass(frozen=True)
class Parent:
    """Weights from which others started, or were distilled or combined.

    A parent that is in the table itself can be loaded; for any other `IN_HISTORY` tells where it is.
    """

    name: str
    sha256: str  # the first 16 digits, of the file


@dataclass(frozen=True)
class ReleasedWeights:
    """One row: the weights in the folder `fer_zoo/weights/architecture.tag`."""

    architecture: str
    tag: str
    sha256: str | None  # of model.safetensors; None for an ensemble, whose members have it
    label_source: str  # as `fer-zoo train --labels` takes it
    recipe: str | None
    seed: int | None = 0
    init: tuple[Parent, ...] = ()
    teachers: tuple[Parent, ...] = ()
    members: tuple[Parent, ...] = ()
    is_default: bool = True
    note: str = ""  # instead of the architecture's

    @property
    def full_name(self) -> str:
        return f"{self.architecture}.{self.tag}"

    @property
    def name(self) -> str:
        """The shortest name that leads here: the architecture's alone for its default weights."""
        return self.architecture if self.is_default else self.full_name


def _table(*rows: ReleasedWeights) -> dict[str, ReleasedWeights]:
    table: dict[str, ReleasedWeights] = {}
    for row in rows:
        if find_name(row.full_name, table):
            raise ValueError(f"The weights {row.full_name!r} are in the table twice.")
        table[row.full_name] = row
    for architecture in {row.architecture for row in rows}:
        if sum(row.is_default for row in rows if row.architecture == architecture) != 1:
            raise ValueError(f"{architecture!r} needs exactly one row of default weights.")
    return table


WEIGHTS = _table(
    ReleasedWeights(
        "cnn-baseline",
        "fer2013",
        sha256="1842b570989953027cf368fd46e2076e4b2103efefa39a888c4b8f58bcf65cfd",
        label_source="fer2013",
        recipe="baseline",
    ),
    ReleasedWeights(
        "cnn-baseline",
        "ferplus",
        sha256="f8cbeb2265bd49e5a8a07393a8ef2a6686904c5012161973ef93ae563fd54bdc",
        label_source="ferplus",
        recipe="baseline_ferplus",
        init=(Parent("cnn-baseline.fer2013", "1842b57098995302"),),
        is_default=False,
    ),
    ReleasedWeights(
        "resnet_48",
        "fer2013",
        sha256="54d621e96292f15decb81ff1993c1542674e4c250838d773d11382755be3c79a",
        label_source="both",
        recipe="resnet_48_distilled",
        init=(Parent("resnet_48", "0bdf27a1402a64d6"),),
        teachers=(Parent("resnet_48", "0bdf27a1402a64d6"), Parent("efficientnet_lite0", "6bab8e93ed66ff0e")),
    ),
    ReleasedWeights(
        "resnet_48",
        "ferplus",
        sha256="1c8312c7cab58e1c4d3211b4e8114274bb95e1de84beb3c2acdf79cee2994449",
        label_source="ferplus",
        recipe="resnet_48_ferplus",
        init=(Parent("resnet_48.fer2013", "54d621e96292f15d"),),
        is_default=False,
    ),
    ReleasedWeights(
        "efficientnet_lite0",
        "fer2013",
        sha256="67319e6c7f97b88ed4b9ccbb4a6e9cc8897bd93650923dfe8fb83f74958f16f9",
        label_source="both",
        recipe="efficientnet_raters",
        init=(Parent("efficientnet_lite0", "ea30534018670a97"),),
    ),
    ReleasedWeights(
        "efficientnet_lite0",
        "ferplus",
        sha256="c69d003c70da8dfb6a4ca19e055ea3bc75f5a42cf5739519ce42126d329e15f8",
        label_source="ferplus",
        recipe="efficientnet_ferplus",
        init=(Parent("efficientnet_lite0.fer2013", "67319e6c7f97b88e"),),
        is_default=False,
    ),
    ReleasedWeights(
        "tiny_vit_5m",
        "fer2013",
        sha256="fae85be8e2e360306d42728722ad0b09ee36da90df6ca8ac61b3a1df7e9de34b",
        label_source="both",
        recipe="tiny_vit_raters",
        init=(Parent("tiny_vit_5m.ferplus", "e31bc2d4bcff42fc"),),
        teachers=(
            Parent("resnet_48.fer2013", "54d621e96292f15d"),
            Parent("efficientnet_lite0.fer2013", "67319e6c7f97b88e"),
        ),
        note="TinyViT-5M at 96 pixels, pretrained as MobileSAM's encoder",
    ),
    ReleasedWeights(
        "tiny_vit_5m",
        "ferplus",
        sha256="e31bc2d4bcff42fcbc476d21d68d1ec1a9229b602f1932a40bb02e1578a1a154",
        label_source="ferplus",
        recipe="tiny_vit_ferplus",
        teachers=(Parent("resnet_48.ferplus", "1c8312c7cab58e1c"),),
        is_default=False,
        note="TinyViT-5M at 96 pixels, pretrained as MobileSAM's encoder",
    ),
    ReleasedWeights(
        "ensemble",
        "fer2013",
        sha256=None,
        label_source="both",
        recipe=None,
        seed=None,
        members=(
            Parent("resnet_48.fer2013", "54d621e96292f15d"),
            Parent("efficientnet_lite0.fer2013", "67319e6c7f97b88e"),
            Parent("cnn-baseline.fer2013", "1842b57098995302"),
        ),
    ),
    ReleasedWeights(
        "ensemble",
        "ferplus",
        sha256=None,
        label_source="ferplus",
        recipe=None,
        seed=None,
        members=(
            Parent("resnet_48.ferplus", "1c8312c7cab58e1c"),
            Parent("efficientnet_lite0.ferplus", "c69d003c70da8dfb"),
            Parent("tiny_vit_5m.ferplus", "e31bc2d4bcff42fc"),
            Parent("cnn-baseline.ferplus", "f8cbeb2265bd49e5"),
        ),
        is_default=False,
    ),
)

# Weights that left the package, which work for one release more: those that take their place.
REPLACED = {
    "efficientnet_lite0_distilled": "efficientnet_lite0",
    "efficientnet_lite0.fer2013_distilled": "efficientnet_lite0",
    "vit_48": "tiny_vit_5m",
    "vit_48.fer2013": "tiny_vit_5m",
}

# Weights that left the package, from which released ones learned: a commit that has them, and their folders.
HISTORY_COMMIT = "00b271c"
IN_HISTORY = {
    "0bdf27a1402a64d6": "fer_zoo/weights/resnet_48",
    "ea30534018670a97": "fer_zoo/weights/efficientnet_lite0",
    "6bab8e93ed66ff0e": "fer_zoo/weights/efficientnet_lite0_distilled",
}


def find_weights(name: str) -> ReleasedWeights | None:
    """The row of `architecture.tag`, or of an architecture's default weights; `-` and `_` are alike.

    The name of weights that left the package gives those in their place, with a warning that tells both.
    None for a name that is in no row.
    """
    if old := find_name(name, REPLACED):
        text = f"The weights {name!r} left the package; {REPLACED[old]!r} take their place: use that name."
        warnings.warn(text, FutureWarning, stacklevel=2)
        name = REPLACED[old]
    if known := find_name(name, WEIGHTS):
        return WEIGHTS[known]
    defaults = {row.architecture: row for row in WEIGHTS.values() if row.is_default}
    known = find_name(name, defaults)
    return defaults[known] if known else None


def find_weights_by_hash(sha256: str) -> ReleasedWeights | None:
    """The row whose file's SHA-256 begins so: 16 digits or more."""
    rows = WEIGHTS.values() if len(sha256) >= HASH_DIGITS else ()
    return next((row for row in rows if row.sha256 and row.sha256.startswith(sha256)), None)


def name_weights(architecture: str, tag: str | None) -> str:
    """The shortest name that leads to released weights; the architecture's for any other."""
    row = WEIGHTS.get(f"{architecture}.{tag}")
    return row.name if row else architecture
