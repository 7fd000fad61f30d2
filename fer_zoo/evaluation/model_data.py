"""Data as a model takes it: with the class map and the split of the run that made the model."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_zoo.artifacts.artifact import name_model, read_config
from fer_zoo.artifacts.onnx_model import OnnxClassifier
from fer_zoo.artifacts.resolve import resolve
from fer_zoo.artifacts.train_command_line import FER2013_FINGERPRINT
from fer_zoo.data.class_map import HOW_TO_MAP, ClassMap, list_some, match_classes, restore_class_map
from fer_zoo.data.fer2013 import FER2013, Faces, read_faces
from fer_zoo.data.stratified_split import SPLIT_NAME, read_split
from fer_zoo.errors import DataError, FerZooError


def read_faces_for(
    folder: Path, path: str | Path | None, class_map: ClassMap | None = None
) -> tuple[FER2013, str]:
    """Read faces to score a model on: the data, and the split to score by default, `private`; `all` for data
    without a split of which the model's run has seen nothing.

    folder: of the model, or an ONNX file. A run's folder holds the split that it drew, if it drew one, and
    the classes that it merged or dropped. path: as `read_faces` takes it. class_map: instead of the run's.
    Raises as `read_faces`; DataError for a damaged split.csv.
    """
    kept, block = None, {}
    if folder.is_dir():
        block = read_config(folder)["fer_zoo"]
        if not class_map:
            class_map = restore_class_map(block.get("data", {}).get("class_map"))
        if (folder / SPLIT_NAME).is_file():
            kept = read_split(folder / SPLIT_NAME)
    # a copy of a run's model has no split.csv: draw it again
    seed = block.get("data", {}).get("split_seed", 0)
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


def require_faces(dataset: FER2013, *splits: str) -> None:
    """Raise DataError for a split without a face: data of held-out faces alone has only that one."""
    for split in splits:
        if not len(dataset.split(split)):
            raise DataError(f"{dataset.source}: no face in the split {split!r}. Give more pictures.")


def require_classes(name: str, classes: Sequence[str], of_data: Sequence[str]) -> None:
    """Raise DataError where a model's classes are not the data's."""
    if tuple(classes) != tuple(of_data):
        raise DataError(
            f"{name} has the classes {', '.join(classes)[:200]}, and the data {', '.join(of_data)[:200]}: "
            "give data or models of the same classes."
        )


def align_classes(dataset: FER2013, classes: Sequence[str]) -> tuple[FER2013, dict[str, int]]:
    """The data with a model's classes as its own: the faces that have a counterpart, and how many of each
    other class were left out. Raises DataError where no class has a counterpart.
    """
    if tuple(classes) == dataset.classes:
        return dataset, {}
    found = match_classes(dataset.classes, classes)
    if not found:
        raise DataError(
            f"The data's classes ({list_some(dataset.classes)}) have no counterpart among the model's "
            f"({list_some(classes)}): give --classes FILE.toml with {HOW_TO_MAP}."
        )
    left_out = {name: 0 for index, name in enumerate(dataset.classes) if index not in found}

    def align(faces: Faces) -> Faces:
        for index, count in enumerate(np.bincount(faces.labels, minlength=len(dataset.classes))):
            if index not in found:
                left_out[dataset.classes[index]] += int(count)
        table = np.array([found.get(index, -1) for index in range(len(dataset.classes))])
        kept = faces.select(table[faces.labels] >= 0)
        return replace(kept, labels=table[kept.labels].astype(np.int64), classes=tuple(classes))

    training, public = align(dataset.training), align(dataset.public_test)
    same = dataset.private_test is dataset.public_test
    private = public if same else align(dataset.private_test)
    return replace(dataset, training=training, public_test=public, private_test=private), left_out


def name_source(folder: Path) -> str:
    """A model's name. folder: or an ONNX file."""
    if resolve(folder).kind == "onnx":
        return OnnxClassifier(folder).name
    return name_model(read_config(folder)["fer_zoo"])


def require_models(folders: Sequence[Path], dataset: FER2013) -> None:
    """Raise FerZooError for a model that is given twice, DataError for one of other classes than the data's.

    folders: or ONNX files.
    """
    names = unique_names([name_source(folder) for folder in folders], folders)
    for name, folder in zip(names, folders, strict=True):
        if [other.resolve() for other in folders].count(folder.resolve()) > 1:
            raise FerZooError(f"{name} is given twice: name each model once.")
        require_classes(name, list_classes(folder), dataset.classes)


def unique_names(names: list[str], folders: Sequence[Path]) -> list[str]:
    """Distinguish models of one name by the shortest differing ends of their paths: a page that is shared
    does not show where the folders are.
    """
    shown = list(names)
    for name in {name for name in names if names.count(name) > 1}:
        paths = {i: folders[i].resolve().parts[1:] for i, other in enumerate(names) if other == name}
        count = 1
        while len({path[-count:] for path in paths.values()}) < len(set(paths.values())):
            count += 1
        for index, path in paths.items():
            shown[index] = "/".join(path[-count:])
    return shown


def suggest_votes(folders: Sequence[Path], dataset: FER2013) -> None:
    """Warn where FER2013's labels alone are to score a model that learned from FER+'s votes."""
    if dataset.fingerprint != FER2013_FINGERPRINT:
        return
    for folder in folders:
        if folder.is_dir() and read_config(folder)["fer_zoo"].get("labels") == "ferplus":
            warnings.warn(
                f"{name_source(folder)} learned from FER+'s votes and contradicts FER2013's labels: "
                "--ferplus fer2013new.csv scores it by FER+'s raters.",
                stacklevel=2,
            )
            return


def list_classes(folder: Path) -> tuple[str, ...]:
    """A model's classes, without loading its weights. folder: or an ONNX file."""
    if resolve(folder).kind == "onnx":
        return OnnxClassifier(folder).classes
    return tuple(read_config(folder)["fer_zoo"]["classes"])
