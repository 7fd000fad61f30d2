"""Weights are data: what a model folder may hold, and that nothing in it is run or leads elsewhere."""

import hashlib
import io
import json
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from packaged import use_package
from safetensors.torch import save
from safety import toy

import fer_zoo.artifacts.artifact as artifact
from fer_zoo.artifacts.artifact import MAX_CONFIG_BYTES, list_embedded
from fer_zoo.artifacts.classifier import create_model, load_artifact
from fer_zoo.artifacts.save import save_artifact
from fer_zoo.errors import ArtifactError, FerZooError
from fer_zoo.utils.tensors import read_tensors

Change = Callable[[dict[str, Any]], object]


class Evil:
    """A pickle that makes a file where it is read."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.proof,)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.add_toy()
    save_artifact(tmp_path, create_model("toy"), {"metrics": {}})
    return tmp_path


def refuse(folder: Path) -> str:
    """The one line that loading the folder ends with."""
    with pytest.raises(FerZooError) as caught:
        load_artifact(folder)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000
    return str(caught.value)


def rewrite(folder: Path, encoded: bytes) -> None:
    """Exchange the weights, and the hash with them: what an attacker does."""
    (folder / "model.safetensors").write_bytes(encoded)
    change(folder, lambda block: block.update(weights_sha256=hashlib.sha256(encoded).hexdigest()))


def change(folder: Path, work: Change) -> None:
    config = json.loads((folder / "config.json").read_text())
    work(config["fer_zoo"])
    (folder / "config.json").write_text(json.dumps(config))


def pickles(proof: Path) -> dict[str, bytes]:
    zipped, old = io.BytesIO(), io.BytesIO()
    torch.save({"a": Evil(proof)}, zipped)
    torch.save({"a": Evil(proof)}, old, _use_new_zipfile_serialization=False)
    plain = {f"protocol {number}": pickle.dumps(Evil(proof), number) for number in range(6)}
    return {"zip": zipped.getvalue(), "old": old.getvalue(), **plain}


def test_no_pickle_is_opened_whatever_its_name(folder: Path) -> None:
    proof = folder / "ran"
    for form, encoded in pickles(proof).items():
        rewrite(folder, encoded)
        message = refuse(folder)
        assert "not a safetensors file" in message or "damaged" in message, form
        for name in ("weights.pth", "weights.pt", "weights.bin", "weights.pkl", "weights.ckpt"):
            (folder / name).write_bytes(encoded)
            with pytest.raises(ArtifactError, match="safetensors only"):
                read_tensors(folder / name)
    assert not proof.exists()


def test_a_flipped_bit_is_found_by_the_hash(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    for place in (len(whole) - 1, len(whole) - 300):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        (folder / "model.safetensors").write_bytes(damaged)
        assert "not the file that its config.json was written with" in refuse(folder)


def test_every_model_of_the_package_has_its_hash() -> None:
    embedded = list_embedded()
    for place in embedded.values():
        weights = place / "model.safetensors"
        if weights.exists():
            block = json.loads((place / "config.json").read_text())["fer_zoo"]
            assert block["weights_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert len(embedded) > 2


def test_other_tensors_than_the_models_are_refused(folder: Path) -> None:
    tensors = read_tensors(folder / "model.safetensors").tensors
    name = "classifier.bias"
    wrong = {
        "Missing key": {key: value for key, value in tensors.items() if key != name},
        "Unexpected key": {**tensors, "extra": torch.zeros(1)},
        "size mismatch": {**tensors, name: torch.zeros(8)},
        "int64 in 'classifier.bias'": {**tensors, name: torch.zeros(7, dtype=torch.int64)},
        "complex64": {**tensors, name: torch.zeros(7, dtype=torch.complex64)},
        "NaN or a number that is too large": {**tensors, name: torch.full((7,), float("nan"))},
        "too large in": {**tensors, name: torch.full((7,), 1e300, dtype=torch.float64)},
        "float8": {**tensors, name: torch.zeros(7).to(torch.float8_e4m3fn)},
        "bool": {**tensors, "norm.num_batches_tracked": torch.tensor(True)},
        "a variance below 0": {**tensors, "norm.running_var": torch.full((4,), -1.0)},
        "the model outputs NaN": {
            key: value * 1e30 if value.is_floating_point() else value for key, value in tensors.items()
        },
        "NaN or": {**tensors, name: torch.full((7,), float("inf"))},
        "these weights take at most": {**tensors, "extra": torch.zeros(1_000_000)},
    }
    for told, changed in wrong.items():
        rewrite(folder, save(changed))
        assert told in refuse(folder)


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}},
        {"a": {"dtype": "F32", "shape": [2**62, 0], "data_offsets": [0, 0]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {"a": {"dtype": "X99", "shape": [1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
        {},
    ],
)
def test_a_header_that_lies_is_refused(folder: Path, header: dict[str, Any]) -> None:
    text = json.dumps(header).encode()
    for length in (len(text), 2**60):
        rewrite(folder, struct.pack("<Q", length) + text + bytes(4))
        assert "is damaged or truncated" in refuse(folder)


def put(*keys: str, value: Any) -> Change:
    def work(block: dict[str, Any]) -> None:
        for key in keys[:-1]:
            block = block[key]
        block[keys[-1]] = value

    return work


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (put("name", value="os.system"), "Unknown architecture"),
        (put("name", value="../../etc/passwd"), "the name is"),
        (put("name", value=["toy"]), "the name is"),
        (put("temperature", value=float("nan")), "temperature is"),
        (put("temperature", value=0), "temperature is"),
        (put("temperature", value=True), "temperature is"),
        (put("temperature", value=10**400), "temperature is"),
        (put("temperature", value="1"), "temperature is"),
        (put("input", value=None), "input is a NoneType"),
        (put("input", "size", value=10**9), "the input size is 1000000000"),
        (put("input", "size", value=48.5), "the input size is 48.5"),
        (put("input", "std", value=0), "std is 0"),
        (put("input", "mean", value=float("inf")), "mean is inf"),
        (put("emotions", value=["happy"]), "the classes are"),
        (put("metrics", value=[1]), "metrics is not"),
        (put("metrics", value={"private": {"n": "3589"}}), "n is '3589'"),
        (put("metrics", value={"private": {"model": "<script>"}}), "model is"),
        (put("metrics", value={"private": {"\x1b[2J": 1}}), "has the name"),
        (put("metrics", value={"private": {"a": {"b": {"c": {"d": {"e": 1}}}}}}), "d is"),
        (put("network", value="dropout"), "network is a str"),
        (put("network", value=[["dropout", 0.5]]), "network is a list"),
        (put("network", value={"dropout": "x"}), "dropout is 'x'"),
        (put("network", value={"head_width": 16}), "toy has no head_width"),
        (put("input", "size", value=64), "takes 48 pixels alone"),
        (put("input", "size", value=1024), "the input size is 1024"),
        (put("weights_sha256", value=3), "weights_sha256 is not text"),
        (put("weights_sha256", value="0" * 64), "not the file that"),
    ],
)
def test_a_config_that_lies_is_refused(folder: Path, work: Change, told: str) -> None:
    change(folder, work)
    assert told in refuse(folder)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "Expecting value"),
        (b"[]", "it is a list"),
        (b"{", "Expecting property name"),
        (b"{}", "it has no 'fer_zoo'"),
        (b"\xff\xfe", "can't decode"),
        (b'{"fer_zoo": []}', "fer_zoo is a list"),
        (b"[" * 100_000, "recursion depth"),
        (b'{"a": "' + b"x" * MAX_CONFIG_BYTES + b'"}', "it is over"),
    ],
    ids=["empty", "list", "cut", "bare", "binary", "block", "deep", "large"],
)
def test_a_config_that_is_no_config_is_refused(folder: Path, text: bytes, told: str) -> None:
    (folder / "config.json").write_bytes(text)
    assert "is not a fer_zoo config: " in (message := refuse(folder)) and told in message


@pytest.mark.parametrize("width", [512.0, float("inf"), True])
def test_an_odd_width_is_refused(tmp_path: Path, width: Any) -> None:
    save_artifact(tmp_path, create_model("cnn-baseline"), {"metrics": {}})
    change(tmp_path, put("network", value={"head_width": width}))
    assert "head_width" in refuse(tmp_path)


@pytest.mark.parametrize("size", [257, 1024, 10**9])
def test_an_input_that_would_take_gigabytes_is_refused(tmp_path: Path, size: int) -> None:
    """Also where the network takes inputs of several sizes, and by a member of an ensemble."""
    save_artifact(tmp_path, create_model("resnet_48"), {"metrics": {}})
    change(tmp_path, put("input", "size", value=size))
    assert f"the input size is {size}" in refuse(tmp_path)
    member = {
        "name": "resnet_48",
        "weight": 1.0,
        "temperature": 1.0,
        "input": {"size": size, "mean": 0, "std": 1},
    }
    change(tmp_path, lambda block: block.update(name="ensemble", members=[member]))
    change(tmp_path, put("input", "size", value=48))
    assert f"the input size is {size}" in refuse(tmp_path)
    scale = {"size": 48, "mean": 0, "std": 1}
    change(tmp_path, put("members", value=[{**member, "input": scale, "network": [1]}]))
    assert "network is a list" in refuse(tmp_path)


def test_an_ensemble_reads_nothing_outside_the_package(folder: Path, monkeypatch: Any) -> None:
    """Its members are names of the package's models: a path is refused even where a good model lies there."""
    outside = folder / "outside"
    save_artifact(outside, create_model("toy"), {"metrics": {}})
    shutil.copytree(outside, folder / "weights" / "toy.test")
    use_package(monkeypatch, folder / "weights")
    member = {"weight": 1.0, "sha256": artifact.hash_weights(outside)}
    (folder / "model.safetensors").unlink()
    change(folder, lambda block: block.update(name="ensemble", members=[{**member, "name": "toy"}]))
    load_artifact(folder)
    for name in (str(outside), "./outside", "../weights/toy", "ensemble", 3, None):
        change(folder, put("members", value=[{**member, "name": name}]))
        assert "another" in refuse(folder)
    for members in ([], [member] * 17, {}, [{**member, "name": "toy", "weight": float("nan")}], [3]):
        change(folder, put("members", value=members))
        refuse(folder)
