"""Cross-validated predictions: what models that have not seen a face's label say of the face."""

import json
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_zoo.artifacts.classifier import FaceClassifier, load_artifact
from fer_zoo.artifacts.origin import fingerprint_model
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.quality import find_similar, group_similar
from fer_zoo.errors import DataError
from fer_zoo.evaluation.inference import predict_probabilities
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import describe_recipe, load_recipe
from fer_zoo.training.trainer import fit
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.files import write_atomically

Table = NDArray[np.float32]
Progress = Callable[[int, int], object]
MAX_FOLDS = 20
CHUNK = 1024  # faces between two steps of the progress bar
# Inverse strength of the linear head's L2 penalty, on standardized features, times the number of faces. Of
# FER2013's 500 most suspicious labels by the features of resnet_48, FER+'s majority contradicts 82 % with 25
# and 79 % with 250.
STRENGTH = 25.0


def predict_out_of_fold(
    dataset: FER2013,
    out: Path,
    learn: "Learner",
    folds: int = 5,
    *,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> Table:
    """Probabilities (N, C) of the Training faces, each by a model that was trained on other folds.

    Faces that show the same photo are in the same fold. Finished folds are stored in OUT, and a second call
    with the same data and settings continues after them. PublicTest may choose the epoch; PrivateTest is not
    used. `seed` is of the folds. Raises DataError for too few faces, or folds that are not 2 to 20.
    """
    training = dataset.training
    fold_of = assign_folds(training, folds, seed)
    key = {"data": dataset.fingerprint, "faces": len(training), "folds": folds, "seed": seed, **learn.key}
    probabilities = np.zeros((len(training), len(training.classes)), np.float32)
    for fold in range(folds):
        held_out, others = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        predict = partial(learn.predict, dataset, others, held_out, out / f"fold-{fold}", seed)
        probabilities[held_out] = compute_once(out / f"fold-{fold}.safetensors", key, predict)
        progress(fold + 1, folds)
    return probabilities


def assign_folds(faces: Faces, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold (N,) of each face: classes in equal proportions, faces that show the same photo together."""
    if not len(faces) or (faces.labels == faces.labels[0]).all():
        raise DataError("The Training faces are of one class; wrong labels are found between two or more.")
    largest = int(np.bincount(faces.labels).max())
    if not 2 <= folds <= min(MAX_FOLDS, largest):
        raise DataError(
            f"{folds} folds; allowed are 2 to {MAX_FOLDS}, at most the {largest:,} of the largest class."
        )
    group = group_similar(find_similar(faces.pixels), len(faces))
    group = np.where(group >= 0, group, len(faces) + np.arange(len(faces)))
    photos = len(np.unique(group))
    if folds > photos:
        raise DataError(
            f"{folds} folds; the Training faces show {photos:,} different photos, and copies of a photo stay "
            "in one fold: give fewer folds or more photos."
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold_of = np.zeros(len(faces), np.int64)
    with warnings.catch_warnings():  # a class of fewer faces than folds is in some of them
        warnings.filterwarnings("ignore", message="The least populated class")
        for fold, (_, held_out) in enumerate(splitter.split(faces.labels, faces.labels, group)):
            fold_of[held_out] = fold
    _check_folds(faces, fold_of, folds)
    return fold_of


def _check_folds(faces: Faces, fold_of: NDArray[np.int64], folds: int) -> None:
    """Raises DataError where the faces outside of a fold are of one class."""
    for fold in range(folds):
        learned = faces.labels[fold_of != fold]
        if (learned == learned[0]).all():
            raise DataError(
                f"Without one of the {folds} folds all Training faces are of {faces.classes[learned[0]]}: "
                "copies of a photo stay in one fold. Give faces of two or more photos of another class."
            )


class LinearHead:
    """A logistic regression on the features of trained models, which is fitted in seconds."""

    def __init__(
        self, models: Sequence[FaceClassifier], progress: Progress = lambda done, total: None
    ) -> None:
        self.models, self.progress = models, progress
        self.key = {"learner": "linear", "models": [fingerprint_model(model) for model in models]}

    def predict(
        self, dataset: FER2013, chosen: NDArray[Any], asked: NDArray[Any], folder: Path, seed: int
    ) -> Table:
        features = self.embed(dataset, folder.parent)
        labels = dataset.training.labels[chosen]
        strength = min(1.0, STRENGTH / len(chosen))
        head = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300))
        head.fit(features[chosen], labels)
        table = np.zeros((len(asked), len(dataset.training.classes)), np.float32)
        table[:, head.classes_] = head.predict_proba(features[asked])  # a class may be in one fold alone
        return table

    def embed(self, dataset: FER2013, out: Path) -> Table:
        """Features (N, D) of the Training faces, computed once for a folder."""
        key = {"data": dataset.fingerprint, "faces": len(dataset.training), "models": self.key["models"]}
        pixels = dataset.training.pixels
        return compute_once(out / "features.safetensors", key, lambda: self._compute(pixels))

    def _compute(self, pixels: NDArray[np.uint8]) -> Table:
        columns, total = [], len(self.models) * len(pixels)
        for number, model in enumerate(self.models):
            parts = []
            for start in range(0, len(pixels), CHUNK):
                parts.append(model.embed(pixels[start : start + CHUNK]))
                self.progress(number * len(pixels) + min(start + CHUNK, len(pixels)), total)
            columns.append(np.concatenate(parts))
        return np.concatenate(columns, axis=1)


class TrainedNetwork:
    """A network that is trained anew for each fold, in FOLDER/fold-N; PublicTest chooses its epoch."""

    def __init__(self, architecture: str, overrides: Sequence[str] = (), device: str = "auto") -> None:
        self.architecture, self.device = find_architecture(architecture), device
        self.recipe = load_recipe(self.architecture.recipe, list(overrides))
        self.key = {"learner": architecture, "recipe": describe_recipe(self.recipe)}

    def predict(
        self, dataset: FER2013, chosen: NDArray[Any], asked: NDArray[Any], folder: Path, seed: int
    ) -> Table:
        fit(
            self.architecture.name,
            dataset.training.select(chosen),
            dataset.public_test,
            self.recipe,
            out=folder,
            seed=seed,
            device=self.device,
            resume=True,
        )
        device = pick_device(self.device)
        model = load_artifact(folder).to(device)
        pixels = dataset.training.pixels[asked]
        return predict_probabilities(model, pixels, device=device).astype(np.float32)


Learner = LinearHead | TrainedNetwork


def compute_once(path: Path, key: dict[str, Any], compute: Callable[[], Table]) -> Table:
    """The table stored in a file for this key, or else the computed one, which is then stored."""
    spelled = json.dumps(key, sort_keys=True)
    try:
        with safe_open(path, framework="numpy") as file:
            if (file.metadata() or {}).get("key") == spelled:
                return file.get_tensor("table")
    except (OSError, SafetensorError):  # none yet, or a damaged one
        pass
    table = np.ascontiguousarray(compute())
    write_atomically(path, lambda part: save_file({"table": table}, part, metadata={"key": spelled}))
    return table
