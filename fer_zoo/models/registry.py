"""The one table of architectures. Adding one is a row here, a builder in models/ and a recipe in recipes/."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.errors import ArtifactError, RecipeError, UnknownNameError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Architecture:
    """One row: how to build a network and what input it wants.

    input_size: side in pixels to which the 48-pixel face is resized. mean, std: of gray in [0, 1]; a row
    with start weights takes those of its weights. options: what a recipe may change in the network.
    bfloat16_on_cpu: measured to be faster on a CPU with instructions for it (fer_zoo/docs/log.md).
    supports_variable_size: averages its features, so that parts of faces can train it (`augment.train_crop`).
    """

    name: str
    family: str
    recipe: str
    parameters: int
    note: str
    input_size: int = 48
    mean: float = 0.5077  # of FER2013's Training images
    std: float = 0.2551
    builder: str = "fer_zoo.models.timm_backbones:build_timm"
    timm_name: str | None = None
    timm_tag: str | None = None  # of timm's ImageNet weights, with which --pretrained begins
    arguments: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ("dropout",)
    bfloat16_on_cpu: bool = True
    supports_variable_size: bool = False


def find_name(name: str, names: Iterable[str]) -> str | None:
    """That one of `names` which is the same, `-` and `_` being alike; None if there is none."""
    return next((known for known in names if known.replace("-", "_") == name.replace("-", "_")), None)


def _table(*rows: Architecture) -> dict[str, Architecture]:
    table: dict[str, Architecture] = {}
    for row in rows:
        if find_name(row.name, table):
            raise ValueError(f"Architecture {row.name!r} is twice in the registry.")
        table[row.name] = row
    return table


ARCHITECTURES = _table(
    Architecture(
        "cnn-baseline",
        family="cnn",
        recipe="baseline",
        parameters=5_014_119,
        note="The tutorial's network, unchanged",
        builder="fer_zoo.models.cnn:CNNBaseline",
        options=("dropout", "head_width"),
    ),
    Architecture(
        "resnet_48",
        family="cnn",
        recipe="resnet_48",
        parameters=3_837_479,
        note="Residual network made for 48 pixels",
        builder="fer_zoo.models.resnet48:ResNet48",
        supports_variable_size=True,
    ),
    Architecture(
        "seresnet_48",
        family="cnn",
        recipe="seresnet_48",
        parameters=5_222_263,
        note="Wider residual network with channel gates",
        builder="fer_zoo.models.resnet48:build_seresnet_48",
        supports_variable_size=True,
    ),
    Architecture(
        "efficientnet_b0",
        family="efficientnet",
        recipe="efficientnet",
        parameters=4_015_939,
        note="EfficientNet-B0 at 96 pixels",
        input_size=96,
        mean=0.449,
        std=0.226,
        timm_name="efficientnet_b0",
        timm_tag="ra_in1k",
        bfloat16_on_cpu=False,
        supports_variable_size=True,
    ),
    Architecture(
        "efficientnet_lite0",
        family="efficientnet",
        recipe="efficientnet",
        parameters=3_379_399,
        note="EfficientNet-Lite0 at 96 pixels, made for phones",
        input_size=96,
        mean=0.5,
        std=0.5,
        timm_name="tf_efficientnet_lite0",
        timm_tag="in1k",
        bfloat16_on_cpu=False,
        supports_variable_size=True,
    ),
    Architecture(
        "efficientnet_lite2",
        family="efficientnet",
        recipe="efficientnet_lite2",
        parameters=4_819_463,
        note="EfficientNet-Lite2, distilled from two other networks",
        input_size=96,
        mean=0.5,
        std=0.5,
        timm_name="tf_efficientnet_lite2",
        timm_tag="in1k",
        bfloat16_on_cpu=False,
        supports_variable_size=True,
    ),
    Architecture(
        "vit_tiny",
        family="vit",
        recipe="vit",
        parameters=5_359_879,
        note="ViT-Tiny at 48 pixels, 8-pixel patches (37 tokens)",
        mean=0.5,
        std=0.5,
        timm_name="vit_tiny_patch16_224",
        timm_tag="augreg_in21k_ft_in1k",
        arguments={"img_size": 48, "patch_size": 8},
    ),
    Architecture(
        "vit_48",
        family="vit",
        recipe="vit_48",
        parameters=4_123_367,
        note="Transformer on tokens made by residual blocks, for 48 pixels",
        builder="fer_zoo.models.vit48:build_vit_48",
    ),
    Architecture(
        "tiny_vit_5m",
        family="vit",
        recipe="tiny_vit",
        parameters=5_067_731,
        note="TinyViT-5M at 96 pixels",
        input_size=96,
        mean=0.449,
        std=0.226,
        timm_name="tiny_vit_5m_224",
        timm_tag="dist_in22k",
        # A whole number of windows: timm would fill 12, 6 and 3 tokens a side up to its own 7, 14 and 7.
        arguments={"window_sizes": (6, 6, 6, 3)},
    ),
)


# Names of an earlier release, which work for one release more: the architecture, and the recipe that it had.
RENAMED = {"efficientnet_lite0_distilled": ("efficientnet_lite0", "efficientnet_distilled")}


def find_architecture(name: str) -> Architecture:
    """The row of that name; `-` and `_` are alike. An earlier release's name gives today's architecture with
    the recipe of that name, and a warning that names both. Raises UnknownNameError with the nearest name and
    the whole list.
    """
    if old := find_name(name, RENAMED):
        today, recipe = RENAMED[old]
        text = f"The architecture {name!r} is now {today!r} with the recipe {recipe!r}: use these names."
        warnings.warn(text, FutureWarning, stacklevel=2)
        return replace(ARCHITECTURES[today], recipe=recipe)
    known = find_name(name, ARCHITECTURES)
    if known is None:
        raise UnknownNameError("architecture", name, ARCHITECTURES)
    return ARCHITECTURES[known]


MAX_HEAD_WIDTH = 8192  # units: a config.json from elsewhere must not ask for any amount of memory


def check_options(row: Architecture, options: Mapping[str, Any]) -> None:
    """Raises RecipeError for an option that the row does not have, or a value out of range."""
    for name, value in options.items():
        if name not in row.options:
            raise RecipeError(f"{row.name} has no {name}; it has: {', '.join(row.options)}.")
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if name == "dropout" and not (number and 0 <= value < 1):
            raise RecipeError(f"dropout is {value!r}; allowed is a number from 0 to below 1.")
        if name == "head_width" and not (number and isinstance(value, int) and 1 <= value <= MAX_HEAD_WIDTH):
            raise RecipeError(
                f"head_width is {value!r}; allowed is a whole number from 1 to {MAX_HEAD_WIDTH}."
            )


def create_backbone(
    row: Architecture,
    pretrained: bool | Path = False,
    options: Mapping[str, Any] | None = None,
    num_classes: int = 7,
) -> "nn.Module":
    """The plain network of a row. options: dropout and head_width instead of its own, where it has them.
    num_classes: its outputs.

    Raises ArtifactError where start weights are wanted and cannot be had, RecipeError for a wrong option.
    """
    from importlib import import_module

    options = options or {}
    check_options(row, options)
    module, function = row.builder.split(":")
    build = getattr(import_module(module), function)
    if row.timm_name:
        return build(row.timm_name, row.arguments, pretrained, num_classes, **options)
    if pretrained is not False:
        raise ArtifactError(
            f"{row.name} has no ImageNet start weights: train it without --pretrained, or give "
            "a trained model of the same network, a name of fer-zoo list or a run's folder."
        )
    return build(num_classes=num_classes, **options)
