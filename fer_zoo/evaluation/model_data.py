"""Data as a model takes it: with the class map and the split of the run that made the model."""

import warnings
from pathlib import Path

from fer_zoo.artifacts.artifact import read_config
from fer_zoo.data.class_map import ClassMap, align_classes, restore_class_map
from fer_zoo.data.fer2013 import FER2013, read_faces
from fer_zoo.data.stratified_split import SPLIT_NAME, read_split
from fer_zoo.evaluation.evaluate import list_classes


def read_faces_for(
    folder: Path, path: str | Path | None, class_map: ClassMap | None = None
) -> tuple[FER2013, str]:
    """Read faces to score a model on.

    Args:
        folder: Of the model, or an ONNX file. A run's folder holds the split that it drew, if it drew one,
            and the classes that it merged or dropped.
        path: As `read_faces` takes it.
        class_map: Instead of the run's.

    Returns:
        The data, and the split to score by default: `private`; `all` for data without a split of which the
        model's run has seen nothing.

    Raises:
        As `read_faces`; DataError for a damaged split.csv.
    """
    kept, block = None, {}
    if folder.is_dir():
        block = read_config(folder)["fer_zoo"]
        if not class_map:
            class_map = restore_class_map(block.get("data", {}).get("class_map"))
        if (folder / SPLIT_NAME).is_file():
            kept = read_split(folder / SPLIT_NAME)
    seed = block.get("data", {}).get(
        "split_seed", 0
    )  # a copy of a run's model has no split.csv: draw it again
    dataset = read_faces(path, class_map=class_map, seed=seed, kept_split=kept)
    is_seen = kept is not None or dataset.fingerprint == block.get("data_fingerprint")
    is_unseen = dataset.split_seed is not None and not is_seen
    return dataset, "all" if is_unseen or not len(dataset.private_test) else "private"


def read_aligned_faces(folder: Path, path: str | Path | None) -> tuple[FER2013, str]:
    """The same, with the model's own classes; warns of faces that have none of them."""
    dataset, split = read_faces_for(folder, path)
    dataset, left_out = align_classes(dataset, list_classes(folder))
    if left_out:
        listed = ", ".join(f"{count:,} of {name}" for name, count in left_out.items())
        warnings.warn(f"{dataset.source}: no such class in the model, left out: {listed}.", stacklevel=2)
    return dataset, split
