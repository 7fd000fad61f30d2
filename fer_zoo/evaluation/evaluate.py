"""Evaluation of stored models: one split, one line of numbers, two pictures; several in a paired test."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fer_zoo.artifacts.artifact import read_config, write_config
from fer_zoo.artifacts.classifier import load_artifact
from fer_zoo.artifacts.learned_scores import by_raters
from fer_zoo.artifacts.onnx_model import OnnxClassifier, as_network
from fer_zoo.artifacts.resolve import resolve
from fer_zoo.artifacts.score_plots import draw_confusion, draw_reliability
from fer_zoo.artifacts.train_command_line import FER2013_FINGERPRINT, is_of_fer2013
from fer_zoo.data.class_map import require_emotions
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.ferplus import read_votes
from fer_zoo.data.quality import find_training_duplicates
from fer_zoo.errors import FerZooError
from fer_zoo.evaluation.inference import predict_probabilities
from fer_zoo.evaluation.latency import measure_latency
from fer_zoo.evaluation.metrics import SplitScores, score_predictions
from fer_zoo.evaluation.model_data import (
    align_classes,
    list_classes,
    require_classes,
    require_faces,
    require_models,
    unique_names,
)
from fer_zoo.evaluation.paired_tests import compare_pairs, format_pair
from fer_zoo.evaluation.raters import (
    RATED_CLASSES,
    add_contempt,
    ferplus_agreement,
    select_rated,
)
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.files import write_atomically
from fer_zoo.utils.progress import track


def predict_split(
    folder: Path, dataset: FER2013, split: str, tta: str, device: str
) -> tuple[str, np.ndarray, np.ndarray]:
    """Name of the model, calibrated probabilities (N, classes) and labels (N,) of a split.

    folder: or an ONNX file of `fer-zoo export`, which runs on the CPU. Raises DataError for a split without a
    face, and for data with other classes than the model's.
    """
    require_faces(dataset, split)
    faces = dataset.split(split)
    if resolve(folder).kind == "onnx":
        runtime, torch_device = OnnxClassifier(folder), pick_device("cpu")
        name, network, classes = runtime.name, as_network(runtime), runtime.classes
    else:
        torch_device = pick_device(device)
        model = load_artifact(folder).to(torch_device)
        name, network, classes = model.name, model, model.classes
    require_classes(name, classes, faces.classes)
    with track(f"{name} on {split}") as progress:
        table = predict_probabilities(network, faces.pixels, tta=tta, device=torch_device, progress=progress)
    return name, table, faces.labels


def evaluate_artifact(
    folder: Path,
    dataset: FER2013,
    *,
    split: str = "private",
    tta: str = "none",
    device: str = "auto",
    pictures: Path | None = None,
    ferplus: Path | None = None,
    record: bool = False,
) -> SplitScores:
    """Predict and score a split; folder, dataset, split, tta, device as in `predict_split`.

    pictures: a folder for confusion.png and reliability.png, and with ferplus confusion-ferplus.png and
    reliability-ferplus.png. ferplus: FER+'s fer2013new.csv. record: store the result and the latency in
    config.json, from which the model card is made; FerZooError for an ONNX file, and for other data than that
    which the card of a model of FER2013 speaks of.
    """
    if record and resolve(folder).kind == "onnx":
        raise FerZooError("--record stores into a model's folder; an ONNX file keeps what its export wrote.")
    dataset, left_out = align_classes(dataset, list_classes(folder))
    if record and (left_out or split == "all"):
        raise FerZooError("--record stores scores on the splits of a model's own classes; leave it out here.")
    is_other = dataset.fingerprint != FER2013_FINGERPRINT
    if record and is_other and is_of_fer2013(read_config(folder)["fer_zoo"]):
        raise FerZooError("--record would give the card other faces' scores as FER2013's; leave it out here.")
    votes = read_split_votes(ferplus, dataset, split) if ferplus else None  # an error comes before the work
    name, probabilities, _ = predict_split(folder, dataset, split, tta, device)
    result = score_split(name, probabilities, dataset, split, tta=tta, votes=votes)
    if left_out:
        result["left_out"] = left_out
    if pictures:
        for suffix, scores in (("", result), ("-ferplus", by_raters(result))):
            if scores:
                write_atomically(pictures / f"confusion{suffix}.png", partial(draw_confusion, scores))
                write_atomically(pictures / f"reliability{suffix}.png", partial(draw_reliability, scores))
    if record:
        config = read_config(folder)
        config["fer_zoo"].setdefault("metrics", {})[split if tta == "none" else f"{split}_{tta}"] = result
        config["fer_zoo"]["latency"] = measure_latency(load_artifact(folder))
        write_config(folder, config)
    return result


def score_split(
    name: str,
    probabilities: np.ndarray,
    dataset: FER2013,
    split: str,
    *,
    tta: str = "none",
    votes: np.ndarray | None = None,
) -> SplitScores:
    """Scores from a model's probabilities (N, C) for a split. votes: (N, 10) of FER+'s raters."""
    faces = dataset.split(split)
    duplicate = None if split in ("train", "all") else find_training_duplicates(dataset, faces)
    labels, measured = faces.labels, {"name": name, "split": split, "tta": tta}
    scores = score_predictions(probabilities, labels, duplicate=duplicate, classes=faces.classes, **measured)
    result: SplitScores = {**scores}
    if votes is not None:
        result["ferplus"] = ferplus_agreement(probabilities, labels, votes, duplicate)
    return result


def read_split_votes(path: Path, dataset: FER2013, split: str) -> np.ndarray:
    """FER+'s votes (N, 10) of the faces of `dataset.split(split)`."""
    dataset.split(split)  # raises for an unknown name
    votes = read_votes(path, dataset)
    parts = {"test": ("public", "private"), "all": ("train", "public", "private")}.get(split, (split,))
    return np.concatenate([votes[part] for part in parts])


def compare_artifacts(
    folders: list[Path],
    dataset: FER2013,
    *,
    split: str = "private",
    device: str = "auto",
    predict_peers: Callable[[np.ndarray], list[dict[str, Any]]] | None = None,
    ferplus: Path | None = None,
) -> dict[str, Any]:
    """Score each model, and `compare_pairs`. Raises FerZooError where there is nothing to compare.

    predict_peers: predicts uint8 faces (N, 1, 48, 48) with other packages, as
    `fer_zoo.bench.peer_process.predict_all_peers` does: rows with name, version and probabilities, or with
    name and error, which are returned as `not_run`. ferplus: FER+'s fer2013new.csv, for the same by the
    majority of its raters, as `ferplus`.
    """
    if len(folders) < (1 if predict_peers else 2):
        raise FerZooError(
            f"compare got {len(folders)} model; allowed are two or more names or folders, or one with --peer."
        )
    dataset, left_out = align_classes(dataset, list_classes(folders[0]))
    if predict_peers:
        require_emotions(dataset.classes, "A comparison with other packages")
    require_models(folders, dataset)
    votes = read_split_votes(ferplus, dataset, split) if ferplus else None
    outputs = [predict_split(folder, dataset, split, "none", device) for folder in folders]
    labels = outputs[0][2]
    names = unique_names([name for name, _, _ in outputs], folders)
    answers = [probabilities for _, probabilities, _ in outputs]
    others = predict_peers(dataset.split(split).pixels) if predict_peers else []
    for row in others:
        if "error" not in row:
            names.append(f"{row['name']} {row['version']}")
            answers.append(row["probabilities"])
    if len(answers) < 2:
        raise FerZooError(f"Nothing to compare {names[0]} with: {'; '.join(format_not_run(others))}.")
    result = {"split": split, **_score_and_compare(names, answers, labels, dataset.classes, split)}
    if votes is not None:
        rated, majority = select_rated(votes)
        tables = [add_contempt(probabilities[rated]) for probabilities in answers]
        result["ferplus"] = _score_and_compare(names, tables, majority, RATED_CLASSES, split)
    if left_out:
        result["left_out"] = left_out
    return {**result, "not_run": [row for row in others if "error" in row]} if predict_peers else result


def _score_and_compare(
    names: list[str], answers: list[np.ndarray], labels: np.ndarray, classes: Sequence[str], split: str
) -> dict[str, Any]:
    """Probabilities (N, classes) of each model against labels (N,)."""
    scores = [
        score_predictions(probabilities, labels, classes=classes, name=name, split=split)
        for name, probabilities in zip(names, answers, strict=True)
    ]
    return {"n": len(labels), "models": scores, "pairs": compare_pairs(names, answers, labels)}


def format_comparison(result: dict[str, Any]) -> str:
    """A table for people: accuracy of each model, then each pair with its difference and p value; the same by
    FER+'s raters.
    """
    lines = _list_comparison(result)
    if raters := result.get("ferplus"):
        title = f"By the majority of FER+'s ten raters, {raters['n']:,} of {result['n']:,} faces:"
        lines += ["", title, "", *_list_comparison(raters, "agreement")]
    return "\n".join([*lines, *format_not_run(result.get("not_run", []))])


def _list_comparison(result: dict[str, Any], share: str = "accuracy") -> list[str]:
    lines = [f"{'model':<40}{share:>10}{'95 % interval':>18}{'macro-F1':>10}{'ECE':>8}"]
    for row in result["models"]:
        low, high = row["accuracy_ci95"]
        interval = f"{low:.1%} - {high:.1%}"
        lines.append(
            f"{row['model']:<40}{row['accuracy']:>10.2%}{interval:>18}{row['macro_f1']:>10.3f}{row['ece']:>8.3f}"
        )
    return [*lines, "", *map(format_pair, result["pairs"])]


def format_not_run(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each `error` among the rows."""
    names: dict[str, list[str]] = {}
    for row in rows:
        if "error" in row:
            names.setdefault(row["error"], []).append(row["name"])
    return [f"{', '.join(group)} cannot run: {reason}" for reason, group in names.items()]
