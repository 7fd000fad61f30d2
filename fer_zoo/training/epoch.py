"""One pass over the training faces, and the validation on PublicTest after it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from fer_zoo.data.augment import augment_batch, mix_batch
from fer_zoo.evaluation.inference import predict_logits
from fer_zoo.training.checkpoint import Progress
from fer_zoo.training.context import TrainContext
from fer_zoo.training.distill import distillation_loss, pick_teacher
from fer_zoo.training.distributed import SEED_STEP, Group
from fer_zoo.training.losses import LabelLoss, build_label_loss
from fer_zoo.training.optim import draw_order, set_learning_rate, update_average
from fer_zoo.training.schedule import batch_size_at, count_plateaus, lr_multiplier


class Batch(NamedTuple):
    """This process's shard of a batch. partner: the labels of the faces mixed in, which weigh 1 - lam."""

    faces: Tensor
    target: Tensor
    partner: Tensor
    lam: float


def train_epoch(
    context: TrainContext, progress: Progress, forward: Callable[[Tensor], Tensor] | None = None
) -> tuple[float, float]:
    """Returns mean loss and accuracy as seen in training: augmented faces, dropout on.

    Soft labels count in the accuracy by their largest class. An epoch's draws depend on nothing but the seed
    and its number. forward: the model's forward pass, where it is compiled or one of several processes.
    """
    recipe, group, epoch = context.recipe, context.group, len(progress.history)
    epoch_seed = context.seed * 100_003 + epoch
    torch.manual_seed(epoch_seed + SEED_STEP * group.rank)  # dropout
    generator = Generator(device=context.device).manual_seed(epoch_seed)
    cpu_generator = Generator().manual_seed(epoch_seed)
    labels = context.train_labels
    classes = labels if labels.ndim == 1 else labels.argmax(1)
    label_loss = build_label_loss(classes, recipe, len(context.model.classes))
    size = batch_size_at(recipe, epoch)
    steps = count_steps(len(labels), size)
    plateaus = (
        count_plateaus(progress.accuracies, recipe.plateau_epochs) if recipe.schedule == "plateau" else 0
    )
    totals, seen = torch.zeros(2, device=context.device), 0
    forward = forward or context.model
    context.model.train()
    batches = draw_order(classes, recipe, generator).split(size)[:steps]
    for step, indices in enumerate(batches, start=epoch * steps):
        rate = recipe.learning_rate * lr_multiplier(recipe, step, steps, plateaus)
        set_learning_rate(context.optimizer, rate)
        batch = _make_batch(context, indices, generator, cpu_generator)
        with context.autocast:
            logits = forward(batch.faces)
        logits = logits.float()
        loss = _measure_loss(context, label_loss, logits, batch, cpu_generator)
        _update_weights(context, loss, progress)
        correct = logits.argmax(1) == classes[indices][group.shard(len(indices))]
        totals += torch.stack([loss.detach() * len(logits), correct.sum()])
        seen += len(logits)
        context.display.advance(seen, totals)
    group.all_reduce(totals)
    loss_sum, correct_sum = totals.tolist()
    seen *= group.size
    return loss_sum / seen, correct_sum / seen


def _make_batch(
    context: TrainContext, indices: Tensor, generator: Generator, cpu_generator: Generator
) -> Batch:
    """The whole batch is augmented by every process, so that the draws are those of one process."""
    augment = context.recipe.augment
    faces, target = (
        augment_batch(context.train_pixels[indices], augment, generator),
        context.train_labels[indices],
    )
    partner, lam = target, 1.0
    if augment.mixup or augment.cutmix:
        faces, order, lam = mix_batch(faces, augment, generator, cpu_generator)
        partner = target[order]
    shard = context.group.shard(len(indices))
    return Batch(faces[shard], target[shard], partner[shard], lam)


def _measure_loss(
    context: TrainContext, label_loss: LabelLoss, logits: Tensor, batch: Batch, cpu_generator: Generator
) -> Tensor:
    loss = label_loss(logits, batch.target)
    if batch.lam < 1:
        loss = batch.lam * loss + (1 - batch.lam) * label_loss(logits, batch.partner)
    if context.teachers:
        settings = context.recipe.distill
        teacher = pick_teacher(context.teachers, cpu_generator)
        distilled = distillation_loss(logits, batch.faces, teacher, settings)
        loss = settings.weight * distilled + (1 - settings.weight) * loss
    return loss


def _update_weights(context: TrainContext, loss: Tensor, progress: Progress) -> None:
    context.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if context.recipe.clip_norm:
        nn.utils.clip_grad_norm_(context.model.parameters(), context.recipe.clip_norm)
    context.optimizer.step()
    progress.step += 1
    if context.average is not None:
        update_average(context.average, context.model, context.recipe.ema_decay, progress.step)


def count_steps(images: int, batch_size: int) -> int:
    """Steps in an epoch, without a last partial batch: a tiny one would upset batch normalization."""
    return max(1, images // batch_size)


def validate(
    model: nn.Module, pixels: Tensor, labels: Tensor, autocast: Any, group: Group
) -> tuple[float, float]:
    """Loss (natural logarithm, no smoothing) and accuracy on PublicTest, dropout off. Each process predicts
    its shard, and all of them return the same. pixels: uint8 (N, 1, 48, 48), on the model's device. labels:
    int64 (N,) on the CPU.
    """
    shard = group.shard(len(pixels))
    with autocast:
        own = predict_logits(model, pixels[shard], device=pixels.device).to(pixels.device)
    gathered = torch.zeros(len(pixels), own.shape[1], device=pixels.device)
    gathered[shard] = own
    group.all_reduce(gathered)
    logits = gathered.cpu()
    return F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()
