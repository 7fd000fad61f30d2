"""A study is run: every variant from every seed, then one table. PrivateTest is looked at when all runs are
done, once for each, and decides nothing.
"""

import hashlib
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from fer_zoo.artifacts.artifact import CONFIG_NAME, load_artifact, read_config
from fer_zoo.artifacts.classifier import FaceClassifier
from fer_zoo.data.exclude import exclude_faces
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.ferplus import read_votes
from fer_zoo.errors import FerZooError, RecipeError
from fer_zoo.evaluation.evaluate import score_split
from fer_zoo.evaluation.inference import predict_probabilities
from fer_zoo.experiments.ablation_config import Study, Variant
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import Recipe, build_recipe, describe_recipe
from fer_zoo.training.trainer import fit
from fer_zoo.utils.devices import pick_device
from fer_zoo.utils.files import write_text

TEST_BATCH = 128  # the tutorial's: it matters where batch statistics are on in testing
CHECKPOINTS = "checkpoint*.safetensors"
COLUMNS = ("accuracy", "macro_f1", "disgust_recall")
SPLITS = ("public", "private")
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

    Runs lie in out/runs by what they are, so equal runs of several variants or studies are done once, and an
    interrupted study goes on where it was. Rows of an earlier STUDY.json in `out` with the same recipe,
    seeds and data stay as they are, also where their runs are gone. exclude: the audit's exclude.csv, for
    variants that do without some of its faces. ferplus: FER+'s fer2013new.csv. Raises what `fit` raises, and
    RecipeError where exclude is missing or not used.

    Returns study, title, architecture, seeds, longest, pretrained, data, n (faces of both splits) and
    variants: each with its name, note, recipe and, by split, mean, spread (standard deviation over the seeds,
    0 for one) and values of accuracy, macro_f1, disgust_recall and loss (natural logarithm, not calibrated).
    Where variants leave faces out, also no_copies, the accuracy on faces that do not stand in Training; with
    ferplus, also ferplus, of the faces with a clear majority among its raters the share that is named alike.
    """
    if bool(exclude) != any(variant.exclude for variant in study.variants):
        raise RecipeError(
            f"{study.name} leaves faces out: name the exclude.csv of fer-zoo data audit by --exclude FILE."
            if not exclude
            else f"{study.name} has no variant that leaves faces out; run it without --exclude."
        )
    votes = Path(ferplus) if ferplus else None
    if votes:
        read_votes(votes, dataset)  # a wrong file is told now, not after the last run
    folder = Path(out)
    name = find_architecture(study.architecture).name
    place = pick_device(device)
    further = [column for column, given in zip(FURTHER, (exclude, ferplus), strict=True) if given]
    rows = _read_rows(folder / f"{study.name}.json", study, dataset, further)
    missing = [variant for variant in study.variants if variant.name not in rows]
    wanted = [(variant, seed) for variant in missing for seed in range(study.seeds)]
    data = {
        variant.name: exclude_faces(dataset, exclude, variant.exclude)
        if exclude and variant.exclude
        else dataset
        for variant in missing
    }
    runs = {
        (variant.name, seed): folder
        / "runs"
        / _name_run(study, name, variant.recipe, seed, data[variant.name])
        for variant, seed in wanted
    }
    for number, (variant, seed) in enumerate(wanted, start=1):
        run = runs[variant.name, seed]
        if _is_finished(run):
            continue
        if show_progress:
            print(f"run {number} of {len(wanted)}: {variant.name}, seed {seed}", file=sys.stderr)
        _train(study, variant, data[variant.name], run, seed, device, show_progress)
    for variant in missing:
        scores = [_score_run(runs[variant.name, seed], dataset, place, votes) for seed in range(study.seeds)]
        rows[variant.name] = _describe_variant(variant, scores, further)
    result = {
        "study": study.name,
        "title": study.title,
        "architecture": name,
        "seeds": study.seeds,
        "longest": study.longest,
        "pretrained": study.pretrained,
        "data": dataset.fingerprint,
        "n": {split: len(dataset.split(split)) for split in SPLITS},
        "variants": [rows[variant.name] for variant in study.variants],
    }
    write_text(folder / f"{study.name}.json", json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / f"{study.name}.md", format_study(result))
    return result


def _train(
    study: Study, variant: Variant, data: FER2013, run: Path, seed: int, device: str, show_progress: bool
) -> None:
    fit(
        study.architecture,
        data.training,
        data.public_test,
        variant.recipe,
        out=run,
        init=study.pretrained,
        seed=seed,
        device=device,
        resume=any(run.glob(CHECKPOINTS)),
        show_progress=show_progress,
        data=data.info,
    )
    for checkpoint in run.glob(CHECKPOINTS):  # several times the size of the weights
        checkpoint.unlink()


def _name_run(study: Study, architecture: str, recipe: Recipe, seed: int, dataset: FER2013) -> str:
    parts = [describe_recipe(recipe), dataset.fingerprint, *([study.pretrained] if study.pretrained else [])]
    identity = json.dumps(parts, sort_keys=True)
    return f"{architecture}-{hashlib.sha256(identity.encode()).hexdigest()[:10]}-seed{seed}"


def _is_finished(run: Path) -> bool:
    """`fit` stores the metrics on PublicTest as the last thing."""
    return (run / CONFIG_NAME).is_file() and "public" in read_config(run)["fer_zoo"]["metrics"]


def _score_run(
    run: Path, dataset: FER2013, device: torch.device, votes: Path | None
) -> dict[str, dict[str, float]]:
    """By split, the columns of the table. Kept in the run's folder: a split is scored once, and again where
    votes are new.
    """
    kept = run / "scores.json"
    scores: dict[str, dict[str, float]] = (
        json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {"private": {}}
    )
    wanted = {*COLUMNS, *(FURTHER if votes else ("no_copies",))}
    if not wanted <= set(scores["private"]):
        model = load_artifact(run).to(device)
        model.temperature = 1.0  # the loss as the network gives it
        scores = {split: _score_split(model, dataset, split, device, votes) for split in SPLITS}
        write_text(kept, json.dumps(scores) + "\n")
    return scores


def _score_split(
    model: FaceClassifier,
    dataset: FER2013,
    split: str,
    device: torch.device,
    votes: Path | None,
) -> dict[str, float]:
    pixels = dataset.split(split).pixels
    probabilities = predict_probabilities(model, pixels, batch_size=TEST_BATCH, device=device)
    scores = score_split("", probabilities, dataset, split, ferplus=votes)
    return {
        "accuracy": scores["accuracy"],
        "macro_f1": scores["macro_f1"],
        "disgust_recall": scores["per_class"]["disgust"]["recall"],
        "loss": scores["nll"],
        "no_copies": scores["accuracy_no_duplicates"],
        **({"ferplus": scores["ferplus"]["agreement"]} if votes else {}),
    }


def _identify(variant: Variant) -> dict[str, Any]:
    """As JSON gives it back, to be compared with."""
    return {
        "name": variant.name,
        "note": variant.note,
        "recipe": json.loads(json.dumps(describe_recipe(variant.recipe))),
    }


def _read_rows(
    table: Path, study: Study, dataset: FER2013, further: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """By name, the rows of an earlier table that this study would give again. None where start weights or a
    list of faces, of which the table has no hash, decide.
    """
    try:
        earlier = json.loads(table.read_text(encoding="utf-8"))
        rows = {row["name"]: row for row in earlier["variants"]}
        given = earlier["architecture"], earlier["seeds"], earlier["data"], earlier["pretrained"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    wanted = find_architecture(study.architecture).name, study.seeds, dataset.fingerprint, study.pretrained
    if study.pretrained or given != wanted:
        return {}
    columns = {*COLUMNS, "loss", *further}
    kept = {}
    for variant in study.variants:
        row = _upgrade_row(rows.get(variant.name, {}))
        if (
            not variant.exclude
            and _identify(variant).items() <= row.items()
            and set(row["private"]) == columns
        ):
            kept[variant.name] = row
    return kept


def _upgrade_row(row: dict[str, Any]) -> dict[str, Any]:
    """Its recipe by this version's names; nothing where that recipe is no longer possible."""
    try:
        recipe = describe_recipe(build_recipe(row["recipe"]))
    except (FerZooError, KeyError, TypeError):
        return {}
    return {**row, "recipe": json.loads(json.dumps(recipe))}


def _describe_variant(
    variant: Variant, scores: list[dict[str, dict[str, float]]], further: Sequence[str] = ()
) -> dict[str, Any]:
    columns = {"public": (*COLUMNS, "loss"), "private": (*COLUMNS, "loss", *further)}
    return {
        **_identify(variant),
        **{
            split: {column: _spread([one[split][column] for one in scores]) for column in columns[split]}
            for split in SPLITS
        },
    }


def _spread(values: list[float]) -> dict[str, Any]:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"mean": statistics.fmean(values), "spread": spread, "values": values}


def format_study(result: dict[str, Any]) -> str:
    """The result of `run_study` as a Markdown table, in percent, with its notes."""
    seeds, n = result["seeds"], result["n"]
    further = [column for column in FURTHER if column in result["variants"][0]["private"]]
    short = f" A short version: at most {result['longest']} epochs a run." if result["longest"] else ""
    start = f" Every run starts from `{result['pretrained']}`." if result["pretrained"] else ""
    spread = f"mean +- standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    lines = [
        f"# {result['title']}\n",
        f"`{result['architecture']}`, {spread}; PublicTest {n['public']:,} faces (it chose the epoch of "
        f"each run), PrivateTest {n['private']:,} (scored once, when all runs were done). Accuracy, macro-F1 "
        "and recall of disgust in percent; the loss is PrivateTest's, natural logarithm, not calibrated."
        f"{start}{short}\n",
        "| variant | epochs | Public accuracy | Private accuracy | Public F1 | Private F1 "
        f"| Public disgust | Private disgust | loss |{''.join(f' {FURTHER[one]} |' for one in further)}",
        f"|---|---|---|---|---|---|---|---|---|{'---|' * len(further)}",
    ]
    for row in result["variants"]:
        cells = [_cell(row[split][column], 100, 2, seeds) for column in COLUMNS for split in SPLITS]
        loss = _cell(row["private"]["loss"], 1, 3, seeds)
        cells += [loss, *(_cell(row["private"][column], 100, 2, seeds) for column in further)]
        lines.append(f"| {row['name']} | {row['recipe']['epochs']} | {' | '.join(cells)} |")
    notes = [f"- {row['name']}: {row['note']}." for row in result["variants"] if row["note"]]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _cell(value: dict[str, Any], factor: int, digits: int, seeds: int) -> str:
    mean = f"{factor * value['mean']:.{digits}f}"
    return f"{mean} +- {factor * value['spread']:.{digits}f}" if seeds > 1 else mean
