"""Knowledge distillation: the student learns the probabilities of trained models beside the labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from fer_zoo.artifacts.artifact import hash_weights
from fer_zoo.artifacts.classifier import FaceClassifier, load_artifact
from fer_zoo.artifacts.resolve import resolve_folder
from fer_zoo.data.class_map import list_some
from fer_zoo.emotions import EMOTIONS
from fer_zoo.errors import TrainingError
from fer_zoo.models.registry import ARCHITECTURES
from fer_zoo.recipes.recipe import Distillation
from fer_zoo.training.optim import select_precision


@dataclass(frozen=True)
class Teacher:
    """A trained model, frozen. identity: its name and the start of its weights' SHA-256."""

    model: FaceClassifier
    autocast: Any
    identity: dict[str, str]

    @torch.no_grad()
    def soft_targets(self, faces: Tensor, temperature: float) -> Tensor:
        """Probabilities (N, 7), softened by the temperature."""
        with self.autocast:
            logits = self.model(faces)
        return (logits.float() / temperature).softmax(1)


def load_teachers(
    names: Sequence[str], device: torch.device, classes: Sequence[str] = EMOTIONS
) -> list[Teacher]:
    """From names or folders as in `fer_zoo.load`. classes: the student's. Raises ArtifactError,
    UnknownNameError, TrainingError for a teacher of other classes.
    """
    teachers = []
    for name in names:
        folder = resolve_folder(name, allow_hub=False)
        model = load_artifact(folder).to(device).to(memory_format=torch.channels_last)
        if model.classes != tuple(classes):
            raise TrainingError(
                f"The teacher {model.name} knows the classes {list_some(model.classes)}, and the data has "
                f"{list_some(classes)}: name other teachers, or none, by --set distill.teachers=[]."
            )
        identity = {"name": model.name, "sha256": hash_weights(folder)[:16]}
        row = ARCHITECTURES.get(model.architecture)
        teachers.append(Teacher(model.requires_grad_(False), select_precision(row, "auto", device), identity))
    return teachers


def pick_teacher(teachers: Sequence[Teacher], generator: Generator) -> Teacher:
    """One for this batch, each equally likely: the mean gradient is that of the teachers' mean probability,
    at the cost of one.
    """
    return teachers[int(torch.randint(len(teachers), (), generator=generator))]


def distillation_loss(logits: Tensor, faces: Tensor, teacher: Teacher, settings: Distillation) -> Tensor:
    """Cross-entropy against the teacher's answer to the same augmented faces; Hinton et al. 2015
    (arXiv:1503.02531). The square of the temperature keeps the gradient's size.
    """
    targets = teacher.soft_targets(faces, settings.temperature)
    log_probabilities = (logits / settings.temperature).log_softmax(1)
    return -(targets * log_probabilities).sum(1).mean() * settings.temperature**2
