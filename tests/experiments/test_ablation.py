"""A study trains equal runs once, goes on where it was, and looks at PrivateTest last and once."""

import json
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from statistics import fmean, stdev

import numpy as np
import pytest
import torch
from ferplus_votes import write_votes

import fer_zoo.experiments.ablation as studying
from fer_zoo.artifacts.artifact import hash_weights
from fer_zoo.artifacts.hub import load
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.data.synthetic import draw_faces
from fer_zoo.errors import DataError, RecipeError
from fer_zoo.experiments.ablation import run_study
from fer_zoo.experiments.ablation_config import Study, list_studies, load_study
from fer_zoo.models.registry import find_architecture
from fer_zoo.recipes.recipe import load_recipe
from fer_zoo.training.optim import check_network

pytestmark = pytest.mark.usefixtures("small_network")

FILE = """
title = "Small"
architecture = "small"
seeds = 2
[[variant]]
name = "first"
recipe = "RECIPE"
[[variant]]
name = "right"
on = "first"
note = "the same weights"
[[variant]]
name = "weighted"
on = "right"
set = ["class_weights=inverse"]
"""


@pytest.fixture(scope="module")
def data() -> FER2013:
    generator = np.random.default_rng(0)
    splits = [draw_faces(count, generator) for count in (128, 70, 70)]
    return FER2013(*splits, fingerprint="few", source="drawn")


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    folder = tmp_path_factory.mktemp("study")
    (folder / "r.toml").write_text("epochs = 1\nbatch_size = 16\nprecision = 'float32'\nhead_width = 16\n")
    (folder / "small.toml").write_text(FILE.replace("RECIPE", str(folder / "r.toml")))
    return load_study(folder / "small.toml")


def test_a_study_goes_on_shares_runs_and_scores_private_test_last_and_once(
    data: FER2013, study: Study, tmp_path: Path, monkeypatch
) -> None:
    fit, score, events = studying.fit, studying._score_split, []

    def record_fit(*arguments, **options):
        if len(events) == 2:
            events.append("stopped")
            raise KeyboardInterrupt
        events.append("run")
        return fit(*arguments, **options)

    def record_score(predict, dataset, split, *rest):
        events.append(split)
        return score(predict, dataset, split, *rest)

    monkeypatch.setattr(studying, "fit", record_fit)
    monkeypatch.setattr(studying, "_score_split", record_score)
    with pytest.raises(KeyboardInterrupt):
        run_study(study, data, out=tmp_path, show_progress=False)
    result = run_study(study, data, out=tmp_path, show_progress=False)
    # four runs for three variants of two seeds, two of them before the interruption; each scored once
    assert events == ["run", "run", "stopped", "run", "run", *["public", "private"] * 4]
    assert run_study(study, data, out=tmp_path, show_progress=False) == result
    assert events.count("private") == 4
    assert not list(tmp_path.glob("runs/*/checkpoint*"))
    assert json.loads((tmp_path / "small.json").read_text()) == json.loads(json.dumps(result))
    check_numbers(result, data, tmp_path)


def test_rows_of_an_earlier_table_are_kept_where_they_are_of_the_same(
    data: FER2013, study: Study, tmp_path: Path
) -> None:
    short = replace(study, variants=study.variants[:2])
    first = run_study(short, data, out=tmp_path, show_progress=False)
    rmtree(tmp_path / "runs")
    whole = run_study(study, data, out=tmp_path, show_progress=False)
    assert json.loads(json.dumps(first["variants"])) == whole["variants"][:2]
    assert len(list(tmp_path.glob("runs/*"))) == 2  # the third variant's, of two seeds
    assert run_study(study, data, out=tmp_path, show_progress=False) == json.loads(json.dumps(whole))
    other_note = replace(study.variants[1], note="other")
    for other in (replace(study, variants=(other_note,)), replace(study, seeds=1)):
        rmtree(tmp_path / "runs")
        (tmp_path / "small.json").write_text(json.dumps(whole))
        run_study(other, data, out=tmp_path, show_progress=False)
        assert list(tmp_path.glob("runs/*"))


def test_a_study_of_a_trained_model_starts_each_run_from_it(
    data: FER2013, study: Study, tmp_path: Path
) -> None:
    run_study(study, data, out=tmp_path, show_progress=False)
    first = next(tmp_path.glob("runs/*"))
    still = replace(study.variants[1].recipe, learning_rate=1e-9, weight_decay=0.0, head_width=None)
    variant = replace(study.variants[1], recipe=still)
    later = replace(study, name="later", seeds=1, variants=(variant,), pretrained=str(first))
    run_study(later, data, out=tmp_path, show_progress=False)
    started = [load(run).info["pretrained"] for run in tmp_path.glob("runs/*")]
    assert started.count(False) == 4 and len(started) == 5
    assert {"name": "small", "sha256": hash_weights(first)[:16]}.items() <= max(started, key=bool).items()


def test_a_study_leaves_faces_out_and_tells_what_that_is_worth(
    data: FER2013, study: Study, tmp_path: Path
) -> None:
    lists = {"label": range(40), "near": range(40, 100)}
    rows = [f"Training,{index},blank; {kind}" for kind, indices in lists.items() for index in indices]
    (tmp_path / "exclude.csv").write_text("\n".join(["split,index,why", *rows]))
    votes = write_votes(tmp_path / "votes.csv", data)
    plain = study.variants[1]
    kinds = {"all": (), "labels": ("label",), "both": ("label", "near")}
    variants = tuple(replace(plain, name=name, exclude=some) for name, some in kinds.items())
    wanted = replace(study, name="less", seeds=1, variants=variants)
    options = {"exclude": tmp_path / "exclude.csv", "ferplus": votes, "show_progress": False}
    result = run_study(wanted, data, out=tmp_path / "out", **options)
    prints = [load(run).info["data_fingerprint"] for run in tmp_path.glob("out/runs/*")]
    assert len(set(prints)) == 3 and data.fingerprint in prints
    scores = result["variants"][0]["private"]
    assert scores["no_copies"]["mean"] == scores["accuracy"]["mean"]  # no drawn face stands twice
    assert scores["ferplus"]["mean"] == scores["accuracy"]["mean"]  # the votes are for the labels
    table = (tmp_path / "out" / "less.md").read_text()
    assert "| loss | Private without copies | Private as FER+ |" in table
    assert f"| {100 * scores['no_copies']['mean']:.2f} | {100 * scores['ferplus']['mean']:.2f} |" in table
    forget_protocol(tmp_path / "out")
    assert run_study(wanted, data, out=tmp_path / "out", **options) == result


def forget_protocol(folder: Path) -> None:
    """As earlier versions stored the scores, which had another majority of FER+'s raters."""
    (stored,) = folder.glob("*.json")
    table = json.loads(stored.read_text())
    assert table.pop("protocol")
    stored.write_text(json.dumps(table))
    for path in folder.glob("runs/*/scores.json"):
        scores = json.loads(path.read_text())
        assert scores.pop("protocol")
        scores["private"]["ferplus"] = 2.0
        path.write_text(json.dumps(scores))


def test_a_list_of_faces_and_a_study_that_wants_one_go_together(
    data: FER2013, study: Study, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="no variant that leaves faces out"):
        run_study(study, data, out=tmp_path, exclude=tmp_path / "any.csv")
    less = replace(study, variants=(replace(study.variants[1], exclude=("label",)),))
    with pytest.raises(RecipeError, match="data audit by --exclude FILE"):
        run_study(less, data, out=tmp_path)
    (tmp_path / "mine.csv").write_text("split,index\nTraining,0\n")
    with pytest.raises(DataError, match="must have the columns split, index, why"):
        run_study(less, data, out=tmp_path, exclude=tmp_path / "mine.csv")
    with pytest.raises(DataError, match=r"no-such\.csv"):
        run_study(study, data, out=tmp_path, ferplus=tmp_path / "no-such.csv")
    assert not list(tmp_path.glob("runs/*"))


def check_numbers(result: dict, data: FER2013, folder: Path) -> None:
    first, right, weighted = result["variants"]
    assert right["recipe"] == first["recipe"] != weighted["recipe"]
    assert first["private"] == right["private"]
    values = right["private"]["accuracy"]["values"]
    assert right["private"]["accuracy"]["mean"] == fmean(values)
    assert right["private"]["accuracy"]["spread"] == stdev(values)
    measured = []
    for run in folder.glob("runs/*"):
        model = load(run)
        model.set_calibration(temperature=1.0)  # the study compares networks, without prior correction
        if model.info["recipe"]["class_weights"] == "none":
            with torch.inference_mode():
                answers = model(torch.from_numpy(data.private_test.pixels)).argmax(1).numpy()
            measured.append((answers == data.private_test.labels).mean())
    assert sorted(measured) == pytest.approx(sorted(values))
    table = (folder / "small.md").read_text()
    accuracy = right["private"]["accuracy"]
    assert (
        "| right | 1 |" in table
        and f"{100 * accuracy['mean']:.2f} +- {100 * accuracy['spread']:.2f}" in table
    )
    assert "- right: the same weights." in table


def test_one_seed_has_no_spread(study: Study) -> None:
    scores = {
        split: {"accuracy": 0.5, "macro_f1": 0.4, "disgust_recall": 0.1, "loss": 1.5}
        for split in ("public", "private")
    }
    described = [studying._describe_variant(variant, [scores]) for variant in study.variants]
    text = studying.format_study(
        {
            "title": "T",
            "architecture": "a",
            "seeds": 1,
            "longest": 1,
            "pretrained": "resnet_48",
            "n": {"public": 7, "private": 8},
            "variants": described,
        }
    )
    assert (
        "| weighted | 1 | 50.00 | 50.00 | 40.00 | 40.00 | 10.00 | 10.00 | 1.500 |" in text
        and "one seed" in text
        and "at most 1 epochs" in text
        and "Every run starts from `resnet_48`." in text
    )


def test_other_classes_are_refused_before_the_first_run(data: FER2013, study: Study, tmp_path: Path) -> None:
    own = replace(data, training=replace(data.training, classes=("no", "yes")))
    with pytest.raises(DataError, match="A study needs FER2013's seven emotions"):
        run_study(study, own, out=tmp_path, show_progress=False)


@pytest.mark.parametrize(
    ("change", "words"), [("augment.train_crop=40", "needs whole ones"), ("dropout=1", "to below 1")]
)
def test_a_variant_that_the_network_cannot_take_is_refused_before_the_first_run(
    data: FER2013, study: Study, tmp_path: Path, change: str, words: str
) -> None:
    last = replace(study.variants[-1], recipe=load_recipe("baseline", [change]))
    with pytest.raises(RecipeError, match=words):
        run_study(replace(study, variants=(*study.variants, last)), data, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", list_studies())
def test_the_networks_of_the_packaged_studies_take_their_recipes(name: str) -> None:
    study = load_study(name)
    for variant in study.variants:
        check_network(find_architecture(study.architecture), variant.recipe)
