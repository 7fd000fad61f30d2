"""The trainer learns, resumes to the bit, and says what is wrong."""

import csv
import itertools
import math
import os
import time
from dataclasses import replace

import pytest
import torch

import fer_zoo.training.best as best
import fer_zoo.training.checkpoint as checkpoint
import fer_zoo.training.epoch_files as epoch_files
import fer_zoo.training.optim as pieces
import fer_zoo.training.trainer as trainer
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.artifacts.hub import load
from fer_zoo.data.fer2013 import FER2013
from fer_zoo.errors import ArtifactError, DataError, RecipeError, TrainingError
from fer_zoo.evaluation.evaluate import evaluate_artifact
from fer_zoo.recipes.recipe import build_recipe
from fer_zoo.training.trainer import fit
from fer_zoo.utils.tensors import read_tensors

pytestmark = pytest.mark.usefixtures("small_network")

QUICK = {"epochs": 2, "batch_size": 64, "learning_rate": 2e-3, "ema_decay": 0.9, "precision": "float32"}


def run(dataset: FER2013, out, **options):
    settings = {**QUICK, **options.pop("settings", {})}
    return fit(
        "small",
        dataset.training,
        dataset.public_test,
        build_recipe(settings),
        out=out,
        show_progress=False,
        data=dataset.info,
        **options,
    )


def interrupt(row: dict[str, float]) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def small(drawn: FER2013) -> FER2013:
    """A quarter of the drawn faces: for tests that only look at the machinery."""
    training = type(drawn.training)(drawn.training.pixels[:192], drawn.training.labels[:192])
    public = type(drawn.training)(drawn.public_test.pixels[:64], drawn.public_test.labels[:64])
    return FER2013(training, public, public, fingerprint="small", source="drawn")


def test_a_model_really_learns_and_everything_is_written(drawn: FER2013, tmp_path) -> None:
    result = run(drawn, tmp_path, settings={"epochs": 6, "learning_rate": 1e-2})
    assert result.public_accuracy > 0.9
    names = {path.name for path in tmp_path.iterdir()}
    assert {
        "model.safetensors",
        "config.json",
        "checkpoint.safetensors",
        "history.csv",
        "curves.png",
    } <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    rows = list(csv.DictReader((tmp_path / "history.csv").open(encoding="utf-8")))
    assert len(rows) == 6 and float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
    model = load(tmp_path)
    with torch.inference_mode():
        right = (
            model(torch.from_numpy(drawn.private_test.pixels)).argmax(1).numpy() == drawn.private_test.labels
        )
    assert right.mean() > 0.85
    metrics = model.info["metrics"]
    assert set(metrics) == {"public"} and metrics["public"]["accuracy"] == result.public_accuracy


def test_the_form_of_earlier_versions_is_one_line_that_names_the_new_one(small: FER2013, tmp_path) -> None:
    for arguments in ((small,), (small, build_recipe(QUICK)), (small.training,)):
        with pytest.raises(
            DataError, match=r"fit\(architecture, dataset\.training, dataset\.public"
        ) as caught:
            fit("cnn-baseline", *arguments, out=tmp_path / "run")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_on_epoch_ends_the_run_and_a_resumed_one_goes_on(small: FER2013, tmp_path) -> None:
    run(small, tmp_path / "whole")
    first = run(small, tmp_path / "parts", on_epoch=lambda row: False)
    assert first.epochs == 1 and load(tmp_path / "parts").info["metrics"]["public"]["n"] == 64
    assert (tmp_path / "parts" / "README.md").is_file()  # the card is written from Python too
    assert run(small, tmp_path / "parts", resume=True, on_epoch=lambda row: None).epochs == 2
    whole, parts = (tmp_path / name / "checkpoint.safetensors" for name in ("whole", "parts"))
    assert read_tensors(whole).metadata["sha256"] == read_tensors(parts).metadata["sha256"]


def test_faces_of_no_data_set_of_ours_identify_themselves(small: FER2013, tmp_path) -> None:
    recipe = build_recipe({**QUICK, "epochs": 1})
    fit("small", small.training, small.public_test, recipe, out=tmp_path, show_progress=False)
    assert len(load(tmp_path).info["data_fingerprint"]) == 16
    assert load(tmp_path).info["data"] == {"name": "", "training": 192, "public_test": 64}
    with pytest.raises(ArtifactError, match="its recipe, data differ"):
        fit("small", small.public_test, small.public_test, recipe, out=tmp_path, resume=True)


def test_a_resumed_run_ends_with_the_same_weights(small: FER2013, tmp_path, monkeypatch) -> None:
    settings = {"epochs": 3, "augment": {"rotate": 10, "mixup": 0.2}, "clip_norm": 1.0}
    run(small, tmp_path / "whole", settings=settings)
    train_epoch, calls = trainer.train_epoch, []

    def stop_in_second_epoch(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            train_epoch(*arguments, **options)  # the epoch's work is done, and lost
            raise KeyboardInterrupt
        return train_epoch(*arguments, **options)

    monkeypatch.setattr(trainer, "train_epoch", stop_in_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        run(small, tmp_path / "parts", settings=settings)
    monkeypatch.undo()
    run(small, tmp_path / "parts", settings=settings, resume=True)
    whole, parts = (tmp_path / name / "model.safetensors" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()


def test_a_finished_run_that_is_resumed_keeps_what_eval_recorded(small: FER2013, tmp_path) -> None:
    """The folder of the data may have any name, too."""
    data = replace(small, source=os.fsdecode(b"caf\xe9"))
    run(data, tmp_path / "run", settings={"epochs": 1})
    evaluate_artifact(tmp_path / "run", data, record=True)
    run(data, tmp_path / "run", settings={"epochs": 1}, resume=True)
    block = load(tmp_path / "run").info
    assert "private" in block["metrics"] and block["latency"]["milliseconds"] > 0


def test_the_seed_decides(small: FER2013, tmp_path) -> None:
    files = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(small, tmp_path / name, seed=seed, settings={"epochs": 1})
        files.append((tmp_path / name / "model.safetensors").read_bytes())
    assert files[0] == files[1] != files[2]


def test_an_occupied_folder_is_refused_and_another_run_is_not_resumed(small: FER2013, tmp_path) -> None:
    run(small, tmp_path, settings={"epochs": 1})
    with pytest.raises(TrainingError, match="--resume"):
        run(small, tmp_path, settings={"epochs": 1})
    with pytest.raises(ArtifactError, match="recipe"):
        run(small, tmp_path, settings={"epochs": 2}, resume=True)
    for name in ("checkpoint.safetensors", "checkpoint-previous.safetensors"):
        (tmp_path / name).unlink(missing_ok=True)
    weights = (tmp_path / "model.safetensors").read_bytes()
    for again in (False, True):  # a model that came from elsewhere is not written over
        with pytest.raises(TrainingError, match="holds a model, and no checkpoint to resume from"):
            run(small, tmp_path, settings={"epochs": 1}, resume=again)
    assert (tmp_path / "model.safetensors").read_bytes() == weights


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_best(
    small: FER2013, tmp_path, monkeypatch
) -> None:
    train_epoch, calls = trainer.train_epoch, []

    def explode(*arguments, **options):
        calls.append(1)
        return (math.nan, 0.0) if len(calls) == 2 else train_epoch(*arguments, **options)

    monkeypatch.setattr(trainer, "train_epoch", explode)
    with pytest.raises(TrainingError, match="epoch 2"):
        run(small, tmp_path)
    load(tmp_path)


def test_a_clock_that_goes_backwards_harms_no_duration(small: FER2013, tmp_path, monkeypatch) -> None:
    """The system's clock is set back by an hour at each look, in a run and in its resumption."""
    now = itertools.count(time.time(), -3600.0)
    monkeypatch.setattr(time, "time", lambda: next(now))
    with pytest.raises(KeyboardInterrupt):
        run(small, tmp_path, on_epoch=interrupt)
    result = run(small, tmp_path, resume=True)
    rows = list(csv.DictReader((tmp_path / "history.csv").open(encoding="utf-8")))
    assert [row["epoch"] for row in rows] == ["1", "2"] and result.seconds > 0
    assert all(float(row["seconds"]) > 0 and float(row["images_per_s"]) > 0 for row in rows)
    assert load(tmp_path).info["training"]["minutes"] >= 0


def test_the_best_epoch_is_written_again_where_a_kill_kept_it_from_being_written(
    small: FER2013, tmp_path, monkeypatch
) -> None:
    """Its checkpoint is on the disk, and on a GPU the epoch could not be done again to the bit."""
    run(small, tmp_path / "whole", settings={"epochs": 1})
    monkeypatch.setattr(epoch_files, "save_best", lambda *_: interrupt({}))
    with pytest.raises(KeyboardInterrupt):
        run(small, tmp_path / "parts", settings={"epochs": 1})
    monkeypatch.undo()
    assert not (tmp_path / "parts" / "config.json").exists()
    monkeypatch.setattr(trainer, "train_epoch", None)  # nothing is trained again
    run(small, tmp_path / "parts", settings={"epochs": 1}, resume=True)
    whole, parts = (tmp_path / name / "model.safetensors" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()


def test_early_stopping(small: FER2013, tmp_path) -> None:
    result = run(
        small, tmp_path, settings={"epochs": 30, "patience": 2, "learning_rate": 1e-9, "ema_decay": 0.0}
    )
    rows = list(csv.DictReader((tmp_path / "history.csv").open(encoding="utf-8")))
    accuracies = [float(row["public_accuracy"]) for row in rows]
    assert result.epochs == len(rows) == accuracies.index(max(accuracies)) + 1 + 2


def test_a_missing_device_gives_one_line(small: FER2013, tmp_path) -> None:
    with pytest.raises(TrainingError, match="nonsense"):
        run(small, tmp_path, device="nonsense")


@pytest.mark.parametrize(
    "settings", [{"optimizer": "sgd", "learning_rate": 0.02}, {"optimizer": "adam", "weight_decay": 0.0}]
)
def test_other_optimizers_learn_too(small: FER2013, tmp_path, settings) -> None:
    run(small, tmp_path, settings={"epochs": 3, "ema_decay": 0.0, "batch_size": 32, **settings})
    rows = list(csv.DictReader((tmp_path / "history.csv").open(encoding="utf-8")))
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])


def test_muon_learns_and_goes_on_from_a_checkpoint_to_the_bit(tmp_path) -> None:
    recipe = build_recipe({"optimizer": "muon", "learning_rate": 5e-3})
    generator = torch.Generator().manual_seed(0)
    faces, labels = torch.randn(64, 1, 12, 12, generator=generator), torch.arange(64) % 7

    def start() -> tuple[torch.nn.Sequential, torch.optim.Optimizer]:
        torch.manual_seed(1)
        layers = [
            torch.nn.Conv2d(1, 8, 3),
            torch.nn.Conv2d(8, 8, 3),
            torch.nn.Flatten(),
            torch.nn.Linear(512, 7),
        ]
        model = torch.nn.Sequential(*layers).to(memory_format=torch.channels_last)
        return model, pieces.build_optimizer(model, recipe, list(layers[-1].parameters()), 1.0)

    def train(model: torch.nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> list[float]:
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(faces), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    whole, first, again = start(), start(), start()
    losses = train(*whole, 20)
    assert losses[-1] < 0.5 * losses[0]
    train(*first, 10)
    checkpoint.save_checkpoint(tmp_path, first[0], None, first[1], checkpoint.Progress(), {"recipe": {}})
    checkpoint.load_checkpoint(tmp_path, again[0], None, again[1], {})
    train(*again, 10)
    assert all(map(torch.equal, whole[0].state_dict().values(), again[0].state_dict().values()))
    convolution, head = whole[0][1].weight, whole[0][3].weight
    assert "exp_avg" in whole[1].state[head] and "exp_avg" not in whole[1].state[convolution]


def test_balanced_sampling_draws_each_class_alike() -> None:
    labels = torch.tensor([0] * 900 + [1] * 100)
    generator = torch.Generator().manual_seed(0)
    order = pieces.draw_order(labels, build_recipe({"balanced_sampling": True}), generator)
    assert labels[order].float().mean() == pytest.approx(0.5, abs=0.05)
    plain = pieces.draw_order(labels, build_recipe({}), generator)
    assert sorted(plain.tolist()) == list(range(1000))


def test_the_average_follows_the_weights() -> None:
    model, average = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    torch.nn.init.constant_(model.weight, 3.0)
    pieces.update_average(average, model, decay=0.75, step=10**6)
    assert torch.allclose(average.weight, torch.tensor(1.5))
    pieces.update_average(average, model, decay=0.9999, step=1)  # its first steps forget the start
    assert torch.allclose(average.weight, torch.tensor(1.5 * 2 / 11 + 3 * 9 / 11))


def test_the_averaged_weights_are_what_is_saved(small: FER2013, tmp_path) -> None:
    run(small, tmp_path, settings={"epochs": 1, "ema_decay": 0.99})
    saved = read_tensors(tmp_path / "model.safetensors").tensors
    kept = read_tensors(tmp_path / "checkpoint.safetensors").tensors
    (name,) = (name for name in saved if name.endswith("classifier.weight"))
    average, last = (kept[f"{whose}.backbone.{name}"] for whose in ("average", "model"))
    assert torch.equal(saved[name], average) and not torch.equal(saved[name], last)


def test_a_clipped_gradient_moves_the_weights_less(small: FER2013, tmp_path) -> None:
    plain = {"epochs": 1, "optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "ema_decay": 0.0}
    changes = {"free": {}, "clipped": {"clip_norm": 1e-3}, "start": {"learning_rate": 1e-12}}
    weights = {}
    for name, change in changes.items():
        run(small, tmp_path / name, settings={**plain, **change})
        tensors = read_tensors(tmp_path / name / "checkpoint.safetensors").tensors
        weights[name] = tensors["model.backbone.classifier.weight"]
    free, clipped = ((weights[name] - weights["start"]).norm() for name in ("free", "clipped"))
    assert 0 < clipped <= 3 * 2e-3 * 1e-3 * 1.01  # three steps of one rate and a bounded gradient
    assert free > 10 * clipped


def test_a_growing_batch_and_a_changed_network_train_resume_and_load(small: FER2013, tmp_path) -> None:
    settings = {
        "epochs": 3,
        "batch_growth": 2,
        "growth_epochs": 1,
        "max_batch_size": 192,
        "schedule": "constant",
        "focal_gamma": 1.0,
        "class_weights": "effective",
        "head_width": 32,
        "dropout": 0.2,
        "normalize": False,
    }
    seen = []

    def stop_after_two(row: dict) -> None:
        seen.append(row["batch_size"])
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(small, tmp_path, settings=settings, on_epoch=stop_after_two)
    run(small, tmp_path, settings=settings, resume=True, on_epoch=lambda row: seen.append(row["batch_size"]))
    assert seen == [64, 128, 192]
    model = load(tmp_path)
    assert model.backbone.hidden.out_features == 32 and model.preprocessing.mean == 0
    assert model.info["network"] == {"dropout": 0.2, "head_width": 32}


def test_a_run_from_before_a_setting_existed_is_resumed(small: FER2013, tmp_path, monkeypatch) -> None:
    describe = best.describe_recipe

    def describe_as_before(recipe):
        return {key: value for key, value in describe(recipe).items() if key != "batch_growth"}

    monkeypatch.setattr(best, "describe_recipe", describe_as_before)
    with pytest.raises(KeyboardInterrupt):
        run(small, tmp_path, on_epoch=interrupt)
    monkeypatch.undo()
    assert run(small, tmp_path, resume=True).epochs == 2


def test_a_second_warm_up_is_refused_and_a_run_that_had_one_is_resumed(
    small: FER2013, tmp_path, monkeypatch
) -> None:
    twice = {"schedule": "one-cycle", "warmup_epochs": 1}
    with pytest.raises(RecipeError, match="is 1, and the one-cycle schedule has a warm-up") as caught:
        run(small, tmp_path / "new", settings=twice)
    assert "\n" not in str(caught.value)
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "check_warmup", lambda recipe: None)  # as earlier versions took it
        with pytest.raises(KeyboardInterrupt):
            run(small, tmp_path / "old", settings=twice, on_epoch=interrupt)
    assert run(small, tmp_path / "old", settings=twice, resume=True).epochs == 2
    assert load(tmp_path / "old").info["recipe"]["warmup_epochs"] == 1


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_a_backbone_without_a_learning_rate_keeps_its_weights(
    small: FER2013, tmp_path, optimizer: str
) -> None:
    run(small, tmp_path / "start", settings={"epochs": 1})
    probe = {"settings": {"backbone_lr_mult": 0.0, "optimizer": optimizer}, "init": tmp_path / "start"}
    run(small, tmp_path / "whole", **probe)
    with pytest.raises(KeyboardInterrupt):
        run(small, tmp_path / "parts", on_epoch=interrupt, **probe)
    run(small, tmp_path / "parts", resume=True, **probe)
    whole, parts = (tmp_path / name / "model.safetensors" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()
    before, after = (dict(load(tmp_path / name).backbone.named_parameters()) for name in ("start", "whole"))
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed == {"classifier.weight", "classifier.bias"}
    rows = list(csv.DictReader((tmp_path / "whole" / "history.csv").open(encoding="utf-8")))
    assert len(rows) == 2 and all(0 < float(row["learning_rate"]) <= 2e-3 for row in rows)


def test_transfer_freezes_and_slows_the_backbone(small: FER2013, tmp_path) -> None:
    """With the backbone frozen for the whole run only the head and the normalization statistics move, and
    after the frozen epochs all of it does.
    """
    import timm
    from safetensors.torch import load_file, save_file

    torch.manual_seed(3)
    save_file(timm.create_model("tf_efficientnet_lite0").state_dict(), tmp_path / "start.safetensors")
    recipe = build_recipe({**QUICK, "epochs": 1, "freeze_epochs": 1, "ema_decay": 0.0})
    tiny = type(small.training)(small.training.pixels[:64], small.training.labels[:64])
    start = tmp_path / "start.safetensors"
    fit("efficientnet_lite0", tiny, tiny, recipe, out=tmp_path / "run", init=start, show_progress=False)
    before, after = load_file(start), load_file(tmp_path / "run" / "model.safetensors")
    assert torch.equal(before["blocks.0.0.conv_dw.weight"], after["blocks.0.0.conv_dw.weight"])
    assert after["classifier.weight"].shape[0] == 7
    freed = replace(recipe, epochs=2)
    fit("efficientnet_lite0", tiny, tiny, freed, out=tmp_path / "freed", init=start, show_progress=False)
    moved = load_file(tmp_path / "freed" / "checkpoint.safetensors")[
        "model.backbone.blocks.0.0.conv_dw.weight"
    ]
    assert not torch.equal(before["blocks.0.0.conv_dw.weight"], moved)
    optimizer = pieces.build_optimizer(
        model := create_model("efficientnet_lite0"), build_recipe({}), pieces.find_head(model), 0.1
    )
    scales = {group["lr_scale"] for group in optimizer.param_groups}
    assert scales == {1.0, 0.1}
    slow = sum(
        p.numel() for group in optimizer.param_groups if group["lr_scale"] == 0.1 for p in group["params"]
    )
    head = sum(p.numel() for p in pieces.find_head(model))
    assert slow + head == sum(p.numel() for p in model.parameters())
