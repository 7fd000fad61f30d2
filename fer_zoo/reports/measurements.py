"""Everything that a report says of one model, measured once."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fer_zoo.artifacts.artifact import load_artifact
from fer_zoo.artifacts.score_plots import read_history
from fer_zoo.data.fer2013 import FER2013, Faces
from fer_zoo.data.ferplus import majority_labels
from fer_zoo.data.quality import find_training_duplicates
from fer_zoo.evaluation.error_analysis import describe_duplicates, describe_errors, find_examples
from fer_zoo.evaluation.evaluate import predict_split, read_split_votes, score_split
from fer_zoo.evaluation.features import extract_features, knn_purity, tsne_map
from fer_zoo.evaluation.robustness import MAX_FACES, choose_sample, measure_robustness
from fer_zoo.recognition.saliency import explain
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.progress import track

if TYPE_CHECKING:
    from fer_zoo.artifacts.classifier import FaceClassifier

MAP_FACES = 1200  # points of the map: t-SNE takes 5 to 10 s on one core, and more would cover each other


class FaceMap(NamedTuple):
    """chosen: the faces' places in the split (N,). places: where they lie (N, 2). alike: mean share of their
    ten nearest neighbors with the same label.
    """

    chosen: np.ndarray
    places: np.ndarray
    alike: float


class Heat(NamedTuple):
    """Where the model looked: maps (48, 48) in [0, 1] of a face for its answer, and for its label where that
    is another.
    """

    face: int
    answer: np.ndarray
    label: np.ndarray | None


@dataclass(frozen=True)
class Study:
    """scores: the JSON of `fer-zoo eval`. probabilities: (N, 7) of the split's faces. majority: of the FER+
    raters (N,). What was not asked for, or the model has not got, is None.
    """

    scores: dict[str, Any]
    faces: Faces
    probabilities: np.ndarray
    robustness: dict[str, Any]
    history: dict[str, np.ndarray] | None
    majority: np.ndarray | None
    duplicates: list[dict[str, Any]] | None
    face_map: FaceMap | None = None
    heats: tuple[Heat, ...] = ()

    @property
    def name(self) -> str:
        return self.scores["model"]

    @property
    def numbers(self) -> dict[str, Any]:
        """For JSON: the fields of `fer-zoo eval`, then what the report adds."""
        added: dict[str, Any] = {"robustness": self.robustness, "duplicates": self.duplicates}
        if self.majority is not None:
            added["mistakes"] = describe_errors(self.probabilities, self.faces.labels, self.majority)
        if self.face_map:
            added["map"] = {"n": len(self.face_map.chosen), "alike_neighbors": self.face_map.alike}
        return {**self.scores, **added}


def study_model(
    folder: Path,
    dataset: FER2013,
    *,
    split: str = "private",
    ferplus: Path | None = None,
    device: str = "auto",
    closely: bool = True,
    robustness_faces: int = MAX_FACES,
) -> Study:
    """Measure the model of a folder on a split. closely: also its heatmaps and its map of faces, which a
    page of several models has no room for.
    """
    name, probabilities, _ = predict_split(folder, dataset, split, "none", device)
    faces, place = dataset.split(split), pick_device(device)
    model = load_artifact(folder).to(place)
    with track(f"{name} under blur, noise, ...") as progress:
        robustness = measure_robustness(
            model, faces, max_faces=robustness_faces, device=place, progress=progress
        )
    history = folder / "history.csv"
    duplicates = None
    if split != "train":
        duplicate = find_training_duplicates(dataset, faces)
        duplicates = describe_duplicates(probabilities, faces.labels, duplicate)
    return Study(
        scores=score_split(name, probabilities, dataset, split, ferplus=ferplus),
        faces=faces,
        probabilities=probabilities,
        robustness=robustness,
        history=read_history(history) if history.is_file() else None,
        majority=majority_labels(read_split_votes(ferplus, dataset, split)) if ferplus else None,
        duplicates=duplicates,
        face_map=_map_faces(model, faces, place) if closely and len(faces) > 2 else None,
        heats=_find_heats(model, faces, probabilities) if closely else (),
    )


def _map_faces(model: "FaceClassifier", faces: Faces, device: Any) -> FaceMap:
    chosen = choose_sample(len(faces), MAP_FACES)
    with track(f"{model.name}: map of {len(chosen):,} faces"):
        places = tsne_map(extract_features(model, faces.pixels[chosen], device))
    return FaceMap(chosen, places, knn_purity(places, faces.labels[chosen]))


def _find_heats(model: "FaceClassifier", faces: Faces, probabilities: np.ndarray) -> tuple[Heat, ...]:
    import torch

    chosen = np.concatenate(
        [find_examples(probabilities, faces.labels, right=right) for right in (True, False)]
    )
    device = next(model.parameters()).device
    pixels = torch.from_numpy(faces.pixels[chosen]).to(device)
    answers, labels = probabilities[chosen].argmax(1), faces.labels[chosen]
    for_answer, for_label = (
        explain(model, pixels, targets.tolist()).numpy() for targets in (answers, labels)
    )
    return tuple(
        Heat(int(face), for_answer[row], for_label[row] if answers[row] != labels[row] else None)
        for row, face in enumerate(chosen)
    )
