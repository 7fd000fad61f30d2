"""One pass over the training faces, and the look at PublicTest after it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from fer_zoo.artifacts.classifier import FaceClassifier
from fer_zoo.data.augment import augment_batch, mix_batch
from fer_zoo.emotions import EMOTIONS
from fer_zoo.evaluation.inference import predict_logits
from fer_zoo.recipes.recipe import Recipe
from fer_zoo.training.checkpoint import Progress
from fer_zoo.training.display import TrainingDisplay
from fer_zoo.training.distill import Teacher, distillation_loss, pick_teacher
from fer_zoo.training.distributed import SEED_STEP, Group
from fer_zoo.training.losses import build_label_loss
from fer_zoo.training.optim import draw_order, update_average
from fer_zoo.training.schedule import batch_size_at, count_plateaus, lr_multiplier


@dataclass(frozen=True)
class Setup:
    """What stays the same through a run. autocast: a context of the precision. forward: the model's, where it
    is compiled.
    """

    model: FaceClassifier
    average: nn.Module | None
    optimizer: torch.optim.Optimizer
    recipe: Recipe
    seed: int
    autocast: Any
    teachers: list[Teacher]
    display: TrainingDisplay
    group: Group = field(default_factory=Group)
    forward: Callable[[Tensor], Tensor] | None = None


def train_epoch(setup: Setup, pixels: Tensor, labels: Tensor, progress: Progress) -> tuple[float, float]:
    """Returns mean loss and accuracy as seen in training: augmented faces, dropout on.

    labels: int64 (N,), or float (N, 7), the shares of the emotions in each face; accuracy then counts the
    largest share. An epoch's draws depend on nothing but the seed and its number.
    """
    recipe, epoch_seed = setup.recipe, setup.seed * 100_003 + len(progress.history)
    torch.manual_seed(epoch_seed + SEED_STEP * setup.group.rank)  # dropout
    generator = Generator(device=pixels.device).manual_seed(epoch_seed)
    host = Generator().manual_seed(epoch_seed)
    places = labels if labels.ndim == 1 else labels.argmax(1)
    label_loss = build_label_loss(places, recipe)
    size = batch_size_at(recipe, len(progress.history))
    steps = count_steps(len(labels), size)
    plateaus = (
        count_plateaus(progress.accuracies, recipe.plateau_epochs) if recipe.schedule == "plateau" else 0
    )
    totals = torch.zeros(2, device=pixels.device)
    seen = 0
    forward = setup.forward or setup.model
    setup.model.train()
    batches = draw_order(places, recipe, generator).split(size)[:steps]
    for step, batch in enumerate(batches, start=len(progress.history) * steps):
        rate = recipe.learning_rate * lr_multiplier(recipe, step, steps, plateaus)
        for group in setup.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        faces, target = augment_batch(pixels[batch], recipe.augment, generator), labels[batch]
        partner, share = target, 1.0
        if recipe.augment.mixup or recipe.augment.cutmix:
            faces, order, share = mix_batch(faces, recipe.augment, generator, host)
            partner = target[order]
        own = setup.group.cut(len(batch))
        faces, target, partner = faces[own], target[own], partner[own]
        with setup.autocast:
            logits = forward(faces)
        logits = logits.float()
        loss = label_loss(logits, target)
        if share < 1:
            loss = share * loss + (1 - share) * label_loss(logits, partner)
        if setup.teachers:
            taught = distillation_loss(logits, faces, pick_teacher(setup.teachers, host), recipe.distill)
            loss = recipe.distill.share * taught + (1 - recipe.distill.share) * loss
        setup.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        setup.group.average_gradients(setup.model)
        if recipe.clip_norm:
            nn.utils.clip_grad_norm_(setup.model.parameters(), recipe.clip_norm)
        setup.optimizer.step()
        progress.step += 1
        if setup.average is not None:
            update_average(setup.average, setup.model, recipe.ema_decay, progress.step)
        right = logits.argmax(1) == places[batch][own]
        totals += torch.stack([loss.detach() * len(target), right.sum()])
        seen += len(target)
        setup.display.advance(seen, totals)
    setup.group.add_up(totals)
    loss_sum, correct = totals.tolist()
    seen *= setup.group.size
    return loss_sum / seen, correct / seen


def count_steps(images: int, batch_size: int) -> int:
    """Steps in an epoch: a last partial batch is left out, since a tiny one would upset batch
    normalization.
    """
    return max(1, images // batch_size)


def validate(
    model: nn.Module, pixels: Tensor, labels: Tensor, autocast: Any, group: Group
) -> tuple[float, float]:
    """Loss (natural logarithm, no smoothing) and accuracy on PublicTest, dropout off. Each process of the
    group looks at its part, and all of them return the same. pixels: uint8 (N, 1, 48, 48), where the model
    is. labels: int64 (N,) on the CPU.
    """
    own = group.cut(len(pixels))
    shared = torch.zeros(len(pixels), len(EMOTIONS), device=pixels.device)
    with autocast:
        shared[own] = predict_logits(model, pixels[own], device=pixels.device).to(pixels.device)
    group.add_up(shared)
    logits = shared.cpu()
    return F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()
