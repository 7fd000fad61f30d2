"""A torch Dataset with an albumentations pipeline per sample, and its DataLoader, as in the tutorial."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from fer_zoo.data.augment import Augmentation, build_albumentations
from fer_zoo.data.fer2013 import Faces


class FaceDataset(Dataset[dict[str, torch.Tensor]]):
    """Samples {"image": uint8 (1, 48, 48), "label": int64 ()} of a split, inputs of a FaceClassifier.

    Soft labels, such as FER+'s, are float32 (classes,), as cross_entropy takes them too.

    Args:
        faces: The split.
        augment: An Augmentation, applied by albumentations without mixup and cutmix, which need a batch; or
            a callable that takes image=array (48, 48) and returns {"image": array}; or None.
        seed: Of the augmentation.
    """

    def __init__(
        self,
        faces: Faces,
        augment: Augmentation | Callable[..., dict[str, Any]] | None = None,
        seed: int | None = None,
    ) -> None:
        self.faces = faces
        self.transform = build_albumentations(augment, seed) if isinstance(augment, Augmentation) else augment

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        image = self.faces.pixels[index, 0]
        if self.transform is not None:
            image = self.transform(image=image)["image"]
        label = torch.tensor(self.faces.labels[index])
        return {
            "image": torch.from_numpy(image.copy())[None],
            "label": label if label.ndim else label.long(),
        }


def build_loader(
    faces: Faces,
    batch_size: int = 128,
    augment: Augmentation | None = None,
    shuffle: bool = False,
    workers: int = 0,
    seed: int | None = None,
) -> DataLoader[dict[str, torch.Tensor]]:
    """Build a DataLoader of {"image": uint8 (N, 1, 48, 48), "label": int64 (N,)}; soft labels are float32
    (N, classes).

    Args:
        faces: The split.
        batch_size: Faces per batch.
        augment: As in `FaceDataset`.
        shuffle: Whether to shuffle the faces in each epoch.
        workers: Processes that augment; 0 for this process.
        seed: Of the order and the augmentation.
    """
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return DataLoader(
        FaceDataset(faces, augment, seed),
        batch_size,
        shuffle=shuffle,
        num_workers=workers,
        generator=generator,
    )
