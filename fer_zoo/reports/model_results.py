"""The numbers of a report on one model, measured once."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch

from fer_zoo.artifacts import learned_scores
from fer_zoo.artifacts.classifier import FaceClassifier, load_artifact
from fer_zoo.artifacts.score_plots import read_history
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.ferplus import majority_labels
from fer_zoo.data.quality import find_training_duplicates
from fer_zoo.evaluation.error_analysis import describe_duplicates, describe_errors, find_examples
from fer_zoo.evaluation.evaluate import predict_split, read_split_votes, score_split
from fer_zoo.evaluation.features import extract_features, knn_purity, tsne_map
from fer_zoo.evaluation.metrics import SplitScores
from fer_zoo.evaluation.raters import RATED_CLASSES, add_contempt, select_rated
from fer_zoo.evaluation.robustness import choose_sample, measure_robustness
from fer_zoo.recognition.saliency import explain
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.progress import track

MAP_FACES = 1200  # points of the map: t-SNE takes 5 to 10 s on one core, and more would cover each other


class FaceMap(NamedTuple):
    """A t-SNE map."""

    chosen: np.ndarray  # (N,), indices of its faces in the split
    positions: np.ndarray  # (N, 2), -1 to 1
    purity: float  # mean fraction of their ten nearest neighbors with the same label


class Heatmap(NamedTuple):
    """Maps (48, 48) in [0, 1] of a face: for the prediction, and for the label where that differs."""

    face: int
    prediction: np.ndarray
    label: np.ndarray | None


@dataclass(frozen=True)
class ModelResults:
    """What was not asked for, or the model does not have, is None."""

    scores: SplitScores
    faces: Faces  # of the split
    probabilities: np.ndarray  # (N, classes) of the faces
    robustness: dict[str, Any]  # as `measure_robustness` gives it
    history: dict[str, np.ndarray] | None  # the columns of history.csv
    votes: np.ndarray | None  # of FER+'s raters (N, 10), where they are not the labels
    duplicates: list[dict[str, Any]] | None  # as `describe_duplicates` gives them
    face_map: FaceMap | None = None
    heatmaps: tuple[Heatmap, ...] = ()

    @property
    def name(self) -> str:
        return self.scores["model"]

    @property
    def majority(self) -> np.ndarray | None:
        """Of FER+'s raters (N,), indices in EMOTIONS or NO_MAJORITY."""
        return None if self.votes is None else majority_labels(self.votes)

    @property
    def numbers(self) -> dict[str, Any]:
        """For JSON: the fields of `fer-zoo eval`, then what the report adds."""
        added: dict[str, Any] = {"robustness": self.robustness, "duplicates": self.duplicates}
        if (majority := self.majority) is not None:
            added["mistakes"] = describe_errors(self.probabilities, self.faces.labels, majority)
        if self.face_map:
            added["map"] = {"n": len(self.face_map.chosen), "alike_neighbors": self.face_map.purity}
        return {**self.scores, **added}


def measure_model(
    folder: Path,
    dataset: FER2013,
    *,
    split: str = "private",
    ferplus: Path | None = None,
    by_raters: bool = False,
    device: str = "auto",
    detailed: bool = True,
) -> ModelResults:
    """Measure a model on a split.

    ferplus: FER+'s fer2013new.csv. by_raters: the labels are the majority of its raters, over RATED_CLASSES,
    and faces without one are left out. detailed: also heatmaps and a t-SNE map.
    """
    votes = read_split_votes(ferplus, dataset, split) if ferplus else None  # an error comes before the work
    name, probabilities, _ = predict_split(folder, dataset, split, "none", device)
    scores, faces = score_split(name, probabilities, dataset, split, votes=votes), dataset.split(split)
    duplicate = None if split in ("train", "all") else find_training_duplicates(dataset, faces)
    if by_raters and votes is not None:
        rated, labels = select_rated(votes)
        faces = replace(faces.select(rated), labels=labels, classes=RATED_CLASSES)
        probabilities = add_contempt(probabilities[rated])
        scores = cast(SplitScores, learned_scores.by_raters(scores))
        duplicate, votes = None if duplicate is None else duplicate[rated], None
    torch_device = pick_device(device)
    model = load_artifact(folder).to(torch_device)
    with track(f"{name} under blur, noise, ...") as progress:
        robustness = measure_robustness(model, faces, device=torch_device, progress=progress)
    history = folder / "history.csv"
    return ModelResults(
        scores=scores,
        faces=faces,
        probabilities=probabilities,
        robustness=robustness,
        history=read_history(history) if history.is_file() else None,
        votes=votes,
        duplicates=None if duplicate is None else describe_duplicates(probabilities, faces.labels, duplicate),
        face_map=_map_faces(model, faces) if detailed and len(faces) > 2 else None,
        heatmaps=_explain_examples(model, faces, probabilities) if detailed else (),
    )


def _map_faces(model: FaceClassifier, faces: Faces) -> FaceMap:
    chosen = choose_sample(len(faces), MAP_FACES)
    with track(f"{model.name}: map of {len(chosen):,} faces"):
        positions = tsne_map(extract_features(model, faces.pixels[chosen]))
    return FaceMap(chosen, positions, knn_purity(positions, faces.labels[chosen]))


def _explain_examples(model: FaceClassifier, faces: Faces, probabilities: np.ndarray) -> tuple[Heatmap, ...]:
    known = np.flatnonzero(faces.labels < len(model.classes))  # there is no map for contempt
    table, truth = probabilities[known], faces.labels[known]
    chosen = known[np.concatenate([find_examples(table, truth, right=right) for right in (True, False)])]
    device = next(model.parameters()).device
    pixels = torch.from_numpy(faces.pixels[chosen]).to(device)
    predictions, labels = probabilities[chosen].argmax(1), faces.labels[chosen]
    for_prediction, for_label = (
        explain(model, pixels, targets.tolist()).numpy() for targets in (predictions, labels)
    )
    return tuple(
        Heatmap(int(face), for_prediction[row], for_label[row] if predictions[row] != labels[row] else None)
        for row, face in enumerate(chosen)
    )
