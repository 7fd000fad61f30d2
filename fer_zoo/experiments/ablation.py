"""Runs a study: trains every variant from every seed, then writes one table. PrivateTest is scored when all
runs are done, once for each, and decides nothing.
"""

import hashlib
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from fer_zoo.artifacts.artifact import CONFIG_NAME, read_config
from fer_zoo.artifacts.classifier import FaceClassifier, load_artifact
from fer_zoo.data.class_map import require_emotions
from fer_zoo.data.exclude import exclude_faces
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.ferplus import read_votes
from fer_zoo.errors import FerZooError, RecipeError
from fer_zoo.evaluation.evaluate import score_split
from fer_zoo.evaluation.inference import predict_probabilities
from fer_zoo.experiments.ablation_config import Study, Variant
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import Recipe, build_recipe, describe_recipe
from fer_zoo.training.optim import check_network
from fer_zoo.training.trainer import fit
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.files import write_text

TEST_BATCH = 128  # the tutorial's: it matters where batch statistics are on in testing
CHECKPOINTS = "checkpoint*.safetensors"
PERCENT = ("accuracy", "macro_f1", "disgust_recall")
COLUMNS = (*PERCENT, "loss")
SPLITS = ("public", "private")
# Fields of a study that decide its numbers.
DECIDING = {"architecture", "seeds", "data", "pretrained", "protocol"}
PROTOCOL = "FER+ majority over eight classes"  # of the column ferplus: earlier versions had another
Votes = dict[str, NDArray[np.int64]]  # (N, 10), by split
# of PrivateTest, where a study leaves faces out or FER+'s votes are given
FURTHER = {"no_copies": "Private without copies", "ferplus": "Private as FER+"}


def run_study(
    study: Study,
    dataset: FER2013,
    *,
    out: str | Path,
    device: str = "auto",
    exclude: str | Path | None = None,
    ferplus: str | Path | None = None,
    show_progress: bool = True,
) -> dict[str, Any]:
    """Train what is not trained yet, score what is not scored yet, and write STUDY.json and STUDY.md.

    Equal runs of several variants or studies are done once, in `out`/runs, and an interrupted study is
    resumed. Rows of an earlier STUDY.json with the same recipe, seeds and data are kept.

    Returns the fields of `study`, data, n (faces of both splits) and variants: each with its name, note,
    recipe and, by split, mean, spread (standard deviation over the seeds) and values of accuracy, macro_f1,
    disgust_recall and loss (nats, not calibrated). With `exclude` (the audit's exclude.csv, for variants that
    leave faces out) also no_copies, the accuracy on faces that are not duplicated in Training; with `ferplus`
    (FER+'s fer2013new.csv) also the agreement with raters. Raises RecipeError for `exclude` missing or not
    used, or a variant that the network cannot be trained by, DataError for other classes.
    """
    row = find_architecture(study.architecture)
    for variant in study.variants:
        check_network(row, variant.recipe)  # not at the first run of the variant
    _check_exclude(study, exclude)
    require_emotions(dataset.classes, "A study")  # its table has the recall of disgust
    # A wrong file is refused now, not after the last run.
    votes = read_votes(ferplus, dataset, SPLITS) if ferplus else None
    folder, torch_device = Path(out), pick_device(device)
    columns = (*COLUMNS, *(key for key, given in zip(FURTHER, (exclude, votes), strict=True) if given))
    described = _describe_study(study, dataset) | ({"protocol": PROTOCOL} if votes else {})
    rows = _read_rows(folder / f"{study.name}.json", study, described, columns)
    missing = [variant for variant in study.variants if variant.name not in rows]
    runs = _list_runs(study, missing, dataset, folder / "runs", exclude)
    for number, run in enumerate(runs, start=1):
        if not _is_finished(run.folder):
            _train(study, run, device, f"run {number} of {len(runs)}" if show_progress else "")
    for variant in missing:
        scores = [
            _score_run(run.folder, dataset, torch_device, votes) for run in runs if run.variant is variant
        ]
        rows[variant.name] = _describe_variant(variant, scores, columns)
    result = described | {"variants": [rows[one.name] for one in study.variants]}
    write_text(folder / f"{study.name}.json", json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / f"{study.name}.md", format_study(result))
    return result


class _Run(NamedTuple):
    variant: Variant
    seed: int
    data: FER2013
    folder: Path


def _describe_study(study: Study, dataset: FER2013) -> dict[str, Any]:
    return {
        "study": study.name,
        "title": study.title,
        "architecture": find_architecture(study.architecture).name,
        "seeds": study.seeds,
        "longest": study.longest,
        "pretrained": study.pretrained,
        "data": dataset.fingerprint,
        "n": {split: len(dataset.split(split)) for split in SPLITS},
    }


def _check_exclude(study: Study, exclude: str | Path | None) -> None:
    if exclude and not any(variant.exclude for variant in study.variants):
        raise RecipeError(f"{study.name} has no variant that leaves faces out; run it without --exclude.")
    if not exclude and any(variant.exclude for variant in study.variants):
        raise RecipeError(
            f"{study.name} leaves faces out: name the exclude.csv of fer-zoo data audit by --exclude FILE."
        )


def _list_runs(
    study: Study, variants: list[Variant], dataset: FER2013, folder: Path, exclude: str | Path | None
) -> list[_Run]:
    """Equal runs have one folder: its name is made from all that decides the weights."""
    architecture, runs = find_architecture(study.architecture).name, []
    for variant in variants:
        data = exclude_faces(dataset, exclude, variant.exclude) if exclude and variant.exclude else dataset
        parts = [describe_recipe(variant.recipe), data.fingerprint]
        identity = json.dumps([*parts, *([study.pretrained] if study.pretrained else [])], sort_keys=True)
        name = f"{architecture}-{hashlib.sha256(identity.encode()).hexdigest()[:10]}-seed"
        runs += [_Run(variant, seed, data, folder / f"{name}{seed}") for seed in range(study.seeds)]
    return runs


def _train(study: Study, run: _Run, device: str, title: str) -> None:
    if title:
        print(f"{title}: {run.variant.name}, seed {run.seed}", file=sys.stderr)
    fit(
        study.architecture,
        run.data.training,
        run.data.public_test,
        run.variant.recipe,
        out=run.folder,
        init=study.pretrained,
        seed=run.seed,
        device=device,
        resume=any(run.folder.glob(CHECKPOINTS)),
        show_progress=bool(title),
        data=run.data.info,
    )
    for checkpoint in run.folder.glob(CHECKPOINTS):  # several times the size of the weights
        checkpoint.unlink()


def _is_finished(run: Path) -> bool:
    """`fit` stores the metrics on PublicTest as the last thing."""
    return (run / CONFIG_NAME).is_file() and "public" in read_config(run)["fer_zoo"]["metrics"]


def _score_run(run: Path, dataset: FER2013, device: torch.device, votes: Votes | None) -> dict[str, Any]:
    """The columns by split. They are stored in the run's folder, and measured again where votes are new."""
    stored = run / "scores.json"
    if stored.is_file():
        scores: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8"))
        is_whole = {*COLUMNS, "no_copies"} <= scores["private"].keys()
        if is_whole and (votes is None or scores.get("protocol") == PROTOCOL):
            return scores
    model = load_artifact(run).to(device)
    model.set_calibration(temperature=1.0)  # loss and answers as the network gives them
    scores = {split: _score_split(model, dataset, split, device, votes) for split in SPLITS}
    scores |= {"protocol": PROTOCOL} if votes else {}
    write_text(stored, json.dumps(scores) + "\n")
    return scores


def _score_split(
    model: FaceClassifier, dataset: FER2013, split: str, device: torch.device, votes: Votes | None
) -> dict[str, float | None]:
    pixels = dataset.split(split).pixels
    probabilities = predict_probabilities(model, pixels, batch_size=TEST_BATCH, device=device)
    scores = score_split("", probabilities, dataset, split, votes=votes[split] if votes else None)
    return {
        "accuracy": scores["accuracy"],
        "macro_f1": scores["macro_f1"],
        "disgust_recall": scores["per_class"]["disgust"]["recall"],
        "loss": scores["nll"],
        "no_copies": scores["accuracy_no_duplicates"],
        **({"ferplus": scores["ferplus"]["agreement"]} if votes else {}),
    }


def _read_rows(
    table: Path, study: Study, described: dict[str, Any], columns: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """By name, the rows of an earlier table that this study would give again. None where initial weights or
    a list of faces decide, of which the table has no hash.
    """
    try:
        earlier = json.loads(table.read_text(encoding="utf-8"))
        rows = {row["name"]: _upgrade_row(row) for row in earlier["variants"]}
        is_same = all(earlier[key] == value for key, value in described.items() if key in DECIDING)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {
        variant.name: row
        for variant in study.variants
        if (row := rows.get(variant.name))
        and not variant.exclude
        and is_same
        and not study.pretrained
        and row["private"].keys() == set(columns)
        and _identify(variant).items() <= row.items()
    }


def _upgrade_row(row: dict[str, Any]) -> dict[str, Any]:
    """Its recipe by this version's names; nothing where that recipe is no longer possible."""
    try:
        return {**row, "recipe": _to_json(build_recipe(row["recipe"]))}
    except (FerZooError, KeyError):
        return {}


def _to_json(recipe: Recipe) -> dict[str, Any]:
    return dict(json.loads(json.dumps(describe_recipe(recipe))))  # tuples become lists


def _identify(variant: Variant) -> dict[str, Any]:
    return {"name": variant.name, "note": variant.note, "recipe": _to_json(variant.recipe)}


def _describe_variant(
    variant: Variant, scores: list[dict[str, dict[str, float]]], columns: Sequence[str] = COLUMNS
) -> dict[str, Any]:
    row = _identify(variant)
    for split, names in (("public", COLUMNS), ("private", columns)):
        row[split] = {name: _summarize([one[split][name] for one in scores]) for name in names}
    return row


def _summarize(values: list[float]) -> dict[str, Any]:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": statistics.fmean(values), "spread": spread, "values": values}


def format_study(result: dict[str, Any]) -> str:
    """The result of `run_study` as a Markdown table, in percent, with its notes."""
    seeds, n = result["seeds"], result["n"]
    further = [column for column in FURTHER if column in result["variants"][0]["private"]]
    short = f" A short version: at most {result['longest']} epochs a run." if result["longest"] else ""
    start = f" Every run starts from `{result['pretrained']}`." if result["pretrained"] else ""
    spread = f"mean +- standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    titles = ["variant", "epochs"]
    titles += [
        f"{split} {title}" for title in ("accuracy", "F1", "disgust") for split in ("Public", "Private")
    ]
    titles += ["loss", *(FURTHER[column] for column in further)]
    lines = [
        f"# {result['title']}\n",
        f"`{result['architecture']}`, {spread}; PublicTest {n['public']:,} faces (it chose the epoch of "
        f"each run), PrivateTest {n['private']:,} (scored once, when all runs were done). Accuracy, macro-F1 "
        "and recall of disgust in percent; the loss is PrivateTest's, natural logarithm, not calibrated."
        f"{start}{short}\n",
        f"| {' | '.join(titles)} |",
        "|---" * len(titles) + "|",
    ]
    for row in result["variants"]:
        cells = [_cell(row[split][column], 100, 2, seeds) for column in PERCENT for split in SPLITS]
        cells += [_cell(row["private"]["loss"], 1, 3, seeds)]
        cells += [_cell(row["private"][column], 100, 2, seeds) for column in further]
        lines.append(f"| {row['name']} | {row['recipe']['epochs']} | {' | '.join(cells)} |")
    notes = [f"- {row['name']}: {row['note']}." for row in result["variants"] if row["note"]]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _cell(value: dict[str, Any], factor: int, digits: int, seeds: int) -> str:
    mean = f"{factor * value['mean']:.{digits}f}"
    return f"{mean} +- {factor * value['spread']:.{digits}f}" if seeds > 1 else mean
