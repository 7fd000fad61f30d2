"""Two processes train as one does with the same batch, and resume after an interruption."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from free_port import free_port
from parallel_run import train, train_fixed
from safetensors.torch import load_file
from torch import nn

import fer_zoo.training.distributed as parallel
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.data.synthetic import write_synthetic
from fer_zoo.errors import TrainingError
from fer_zoo.models.registry import ARCHITECTURES
from fer_zoo.training.distributed import Group, join_group, sync_batchnorm
from fer_zoo.utils.devices import read_world

CPU = torch.device("cpu")


def start_pair(*arguments: str) -> list[subprocess.Popen]:
    port = free_port()
    ours = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    paths = [str(Path(__file__).parents[1]), str(Path(parallel.__file__).parents[2])]
    ours["PYTHONPATH"] = os.pathsep.join(paths)
    return [
        subprocess.Popen(
            [sys.executable, "-m", "parallel_run", *arguments],
            env={**os.environ, **ours, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Path:
    """The folder in which two processes have trained."""
    folder = tmp_path_factory.mktemp("pair")
    for process in start_pair(str(folder)):
        _, said = process.communicate(timeout=280)
        assert process.returncode == 0, said
    return folder


CURVES = ("train_loss", "train_accuracy", "public_loss", "public_accuracy", "learning_rate")


def read_curves(folder: Path) -> list[list[float]]:
    rows = list(csv.DictReader((folder / "history.csv").open()))
    assert len(rows) == 2
    return [[float(row[key]) for key in CURVES] for row in rows]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As `start_pair` gives each process: more threads add in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_two_processes_are_one_within_rounding(pair, tmp_path) -> None:
    """Where batch normalization is fixed: from random weights, and with the backbone frozen at first."""
    train_fixed(tmp_path)
    for name in ("fixed", "tuned"):
        for one, two in zip(read_curves(tmp_path / name), read_curves(pair / name), strict=True):
            assert two == pytest.approx(one, rel=1e-6), name
        one, two = (load_file(folder / name / "checkpoint.safetensors") for folder in (tmp_path, pair))
        for key in one:
            torch.testing.assert_close(two[key], one[key], rtol=1e-5, atol=1e-8, msg=key)


def test_with_batch_statistics_of_their_own_two_processes_are_close_to_one(pair, tmp_path) -> None:
    train(tmp_path)
    one, two = read_curves(tmp_path)[-1], read_curves(pair / "whole")[-1]
    assert two[0] == pytest.approx(one[0], rel=0.1) and two[2] == pytest.approx(one[2], rel=0.1)
    assert two != pytest.approx(one, rel=1e-6)  # so that docs/train.md says what is true


def test_both_know_the_result_and_one_has_written(pair) -> None:
    first, second = (json.loads((pair / f"{rank}.json").read_text()) for rank in range(2))
    assert first == second and first["epochs"] == 2
    assert len(list((pair / "whole").glob("events.out.tfevents*"))) == 1


def test_two_processes_resume_to_the_bit(pair) -> None:
    whole, parts = ((pair / name / "model.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts


def test_too_little_memory_is_a_line_of_each_process(tmp_path) -> None:
    write_synthetic(tmp_path / "drawn.csv", count=100)
    first, second = start_pair(str(tmp_path), "memory")
    said = [process.communicate(timeout=280)[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [2, 2], said
    lines = [[line for line in text.splitlines() if line.startswith("fer-zoo: ")] for text in said]
    assert len(lines[0]) == len(lines[1]) == 1 and "Traceback" not in said[0] + said[1], said
    assert "Another process of this run has ended" in lines[0][0]
    assert "8 faces, its shard of batch_size 16; start again with --set batch_size=8" in lines[1][0]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_on_gpus_every_layer_with_batch_statistics_is_shared(name) -> None:
    model = create_model(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    parameters = list(model.parameters())
    sync_batchnorm(model, Group(0, 2), CPU)
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in model.modules())
    sync_batchnorm(model, Group(0, 2), torch.device("cuda"))
    kinds = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert all(isinstance(module, nn.SyncBatchNorm) for module in kinds)
    after = model.state_dict()
    assert list(after) == list(before) and all(after[key].equal(before[key]) for key in before)
    assert all(one is two for one, two in zip(model.parameters(), parameters, strict=True))


def test_the_parts_of_a_batch_are_the_batch() -> None:
    parts = [np.arange(10)[Group(rank, 3).shard(10)] for rank in range(3)]
    assert np.concatenate(parts).tolist() == list(range(10)) and all(map(len, parts))
    assert list(range(10))[Group().shard(10)] == list(range(10))


def test_a_batch_that_cannot_be_cut_is_told(monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(TrainingError, match="batch_size=129"):
        join_group(CPU, 128)


@pytest.mark.parametrize(("name", "value"), [("RANK", "two"), ("RANK", "1"), ("WORLD_SIZE", "-1")])
def test_a_wrong_environment_is_told(monkeypatch, name, value) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(TrainingError, match=f"{name}={value}"):
        read_world()
