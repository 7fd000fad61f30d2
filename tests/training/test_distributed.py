"""Two processes train as one does with the same batch, and go on after an interruption."""

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from parallel_run import train
from timm.layers import BatchNormAct2d
from torch import nn

import fer_zoo.training.distributed as parallel
from fer_zoo.artifacts.classifier import create_model
from fer_zoo.data.synthetic import write_synthetic
from fer_zoo.errors import TrainingError
from fer_zoo.models.registry import ARCHITECTURES
from fer_zoo.training.distributed import Group, convert_sync_batchnorm, join_group
from fer_zoo.utils.devices import read_world

CPU = torch.device("cpu")


def start_pair(*arguments: str) -> list[subprocess.Popen]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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


def test_two_processes_follow_the_curve_of_one(pair, tmp_path) -> None:
    train(tmp_path)
    one, two = (list(csv.DictReader((f / "history.csv").open())) for f in (tmp_path, pair / "whole"))
    assert len(one) == len(two) == 2
    for alone, together in zip(one, two, strict=True):
        for key in ("train_loss", "train_accuracy", "public_loss", "public_accuracy", "learning_rate"):
            assert float(together[key]) == pytest.approx(float(alone[key]), rel=1e-6), key


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
    assert "8 faces, its part of batch_size 16; start again with --set batch_size=8" in lines[1][0]


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, BatchNormAct2d])
def test_shared_normalization_of_one_process_is_torchs(monkeypatch, kind) -> None:
    monkeypatch.setattr(parallel, "_sum_over_processes", lambda values: values)
    monkeypatch.setattr(parallel.dist, "get_world_size", lambda: 1)
    torch.manual_seed(0)
    plain, shared = kind(3), kind(3)
    convert_sync_batchnorm(shared, Group(0, 2))
    for layer in (plain, shared):
        nn.init.uniform_(layer.weight, generator=torch.Generator().manual_seed(1))
    results = []
    for layer in (plain, shared):
        features = (
            5 * torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(2)) + 2
        ).requires_grad_()
        answer = layer(features)
        answer.square().sum().backward()
        results.append([answer, features.grad, layer.weight.grad, *layer.state_dict().values()])
        layer.eval()
        results[-1].append(layer(features))
    for expected, given in zip(*results, strict=True):
        assert torch.allclose(expected, given, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_layer_with_batch_statistics_is_known(name) -> None:
    model = create_model(name)
    convert_sync_batchnorm(model, Group(0, 2))
    kinds = {type(m) for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)}
    assert kinds <= set(parallel.SHARED.values())


def test_the_parts_of_a_batch_are_the_batch() -> None:
    parts = [np.arange(10)[Group(rank, 3).cut(10)] for rank in range(3)]
    assert np.concatenate(parts).tolist() == list(range(10)) and all(map(len, parts))
    assert list(range(10))[Group().cut(10)] == list(range(10))


def test_a_batch_that_cannot_be_cut_is_told(monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(TrainingError, match="batch_size=129"):
        join_group(CPU, 128)


@pytest.mark.parametrize(("name", "value"), [("RANK", "two"), ("RANK", "1"), ("WORLD_SIZE", "-1")])
def test_a_wrong_environment_is_told(monkeypatch, name, value) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(TrainingError, match=f"{name}={value}"):
        read_world()
