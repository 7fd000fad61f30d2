"""The small pieces of a run: optimizer, sampling, averaged weights, precision, freezing."""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from fer_zoo.artifacts.classifier import FaceClassifier
from fer_zoo.errors import RecipeError
from fer_zoo.models.registry import ARCHITECTURES, Architecture, check_options
from fer_zoo.recipes.recipe import Recipe, network_options
from fer_zoo.training.schedule import check_warmup
from fer_zoo.utils.torch_private import has_bfloat16


def build_optimizer(
    model: nn.Module, recipe: Recipe, head: Sequence[Tensor], backbone_lr_mult: float
) -> torch.optim.Optimizer:
    """Vectors (biases, norms) do not decay. `backbone_lr_mult` scales the rate of what is not in `head`.
    Fused: one pass over each tensor, and on a GPU no step counter that is read.
    """
    heads = {id(parameter) for parameter in head}
    groups: dict[tuple[bool, bool], list[Tensor]] = {}
    for parameter in model.parameters():
        groups.setdefault((id(parameter) in heads, parameter.ndim > 1), []).append(parameter)
    settings = [
        {
            "params": parameters,
            "weight_decay": recipe.weight_decay if decays else 0.0,
            "lr_scale": 1.0 if in_head else backbone_lr_mult,
            "use_fallback": in_head or not decays,  # of Muon
        }
        for (in_head, decays), parameters in groups.items()
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            settings,
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
            fused=True,
        )
    if recipe.optimizer == "muon":
        return _build_muon(settings, recipe.learning_rate)
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(settings, lr=recipe.learning_rate, fused=True)


def _build_muon(settings: Sequence[dict[str, Any]], learning_rate: float) -> torch.optim.Optimizer:
    """Muon (Jordan et al. 2024) for matrices and convolutions, its steps as large as AdamW's
    (arXiv:2502.16982), so that a rate suits both; NAdamW for the head, vectors and what timm finds
    unsuitable, such as depthwise convolutions.
    """
    from timm.optim import Muon, muon

    on_cpu = settings[0]["params"][0].device.type == "cpu"
    # timm has bfloat16 and no argument for it; a CPU without bfloat16 takes 18 times as long
    dtype = torch.float32 if on_cpu and not has_bfloat16() else torch.bfloat16
    muon.zeropower_via_newtonschulz = partial(muon.zeropower_via_newtonschulz, dtype=dtype)
    return Muon(settings, lr=learning_rate, momentum=0.95, nesterov=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["lr_scale"]


def match_memory_format(optimizer: torch.optim.Optimizer) -> None:
    """Put moments that were read from a file into their weights' order in memory (channels-last or not): a
    fused optimizer walks through both side by side.
    """
    for weights, moments in optimizer.state.items():
        for name, value in moments.items():
            if isinstance(value, Tensor) and value.shape == weights.shape:
                moments[name] = torch.empty_like(weights).copy_(value)


def draw_order(labels: Tensor, recipe: Recipe, generator: Generator) -> Tensor:
    """Indices of one epoch: every image once, or as many draws with each class equally likely."""
    if not recipe.balanced_sampling:
        return torch.randperm(len(labels), generator=generator, device=labels.device)
    counts = torch.bincount(labels).clamp(min=1)
    return torch.multinomial(1 / counts[labels].float(), len(labels), replacement=True, generator=generator)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Exponential moving average of weights and statistics; its decay warms up, so the start is forgotten."""
    decay = min(decay, (1 + step) / (10 + step))
    pairs = list(zip(average.state_dict().values(), model.state_dict().values(), strict=True))
    floating = [(old, new) for old, new in pairs if old.is_floating_point()]
    get_ema_multi_avg_fn(decay)([old for old, _ in floating], [new for _, new in floating], None)
    for old, new in pairs:
        if not old.is_floating_point():
            old.copy_(new)


def select_precision(row: Architecture | None, precision: str, device: torch.device) -> Any:
    """bfloat16 autocast where the recipe asks for it, or by itself where it was measured to be faster: on a
    CPU only where it has instructions for it. row: None for an ensemble, whose members differ.
    """
    faster = device.type != "cpu" or (row is not None and row.bfloat16_on_cpu and has_bfloat16())
    if precision == "bfloat16" or (precision == "auto" and faster):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def set_frozen(model: FaceClassifier, head: Sequence[Tensor], frozen: bool) -> None:
    heads = {id(parameter) for parameter in head}
    for parameter in model.parameters():
        parameter.requires_grad_(not frozen or id(parameter) in heads)


def check_network(row: Architecture, recipe: Recipe) -> None:
    """Raises RecipeError for a recipe with an option that the network lacks, crops that it cannot take, or a
    warm-up beside the schedule's own.
    """
    check_options(row, network_options(recipe))
    check_warmup(recipe)
    if recipe.augment.train_crop:
        _check_train_crop(row.name)


def _check_train_crop(architecture: str) -> None:
    """Raises RecipeError for a network whose layers need whole faces."""
    able = [row.name for row in ARCHITECTURES.values() if row.supports_variable_size]
    if architecture not in able:
        raise RecipeError(
            f"augment.train_crop makes crops of faces, and {architecture} needs whole ones; set "
            f"augment.train_crop=0, or use one of: {', '.join(able)}."
        )


def allow_train_crops(models: Sequence[FaceClassifier]) -> None:
    """Let them take parts of faces. Raises RecipeError for one whose layers need the whole."""
    for model in models:
        _check_train_crop(model.architecture)
        model.accepts_crops = True


def find_head(model: FaceClassifier) -> list[Tensor]:
    """Parameters of the new classifier layer: a timm network names it, ours call it `classifier`."""
    network: Any = model.backbone
    head = network.get_classifier() if hasattr(network, "get_classifier") else network.classifier
    return list(head.parameters())
