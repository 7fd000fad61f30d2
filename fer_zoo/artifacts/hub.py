"""Load a model by its name, fetch one from the Hugging Face Hub, and list what there is."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, overload

from fer_zoo.artifacts.artifact import (
    WEIGHTS_NAME,
    explain_members,
    find_member,
    list_embedded,
    name_model,
    read_config,
)
from fer_zoo.artifacts.config_check import check_members
from fer_zoo.artifacts.resolve import ModelRef, fetch_model, require_folder, resolve, resolve_folder
from fer_zoo.emotions import SIDE
from fer_zoo.errors import ArtifactError, UnknownNameError
from fer_zoo.models.registry import ARCHITECTURES, Architecture, find_architecture
from fer_zoo.models.weights import ENSEMBLE_FAMILY, WEIGHTS, ReleasedWeights

if TYPE_CHECKING:
    import torch

    from fer_zoo.artifacts.classifier import FaceClassifier
    from fer_zoo.artifacts.onnx_model import OnnxClassifier


@overload
def load(
    name: str | Path,
    runtime: Literal["torch"] = "torch",
    *,
    revision: str | None = None,
    device: "str | torch.device" = "cpu",
) -> "FaceClassifier": ...
@overload
def load(name: str | Path, runtime: Literal["onnx"], *, revision: str | None = None) -> "OnnxClassifier": ...
def load(
    name: str | Path,
    runtime: str = "torch",
    *,
    revision: str | None = None,
    device: "str | torch.device" = "cpu",
) -> "FaceClassifier | OnnxClassifier":
    """Load a trained classifier in eval mode: uint8 faces (N, 1, 48, 48) to calibrated logits (N, C).

    Args:
        name: an embedded model such as "cnn-baseline", the folder of a run, or "owner/name[@revision]" of the
            Hugging Face Hub, which is kept in huggingface_hub's cache; `info["hub"]` has the commit.
        runtime: "onnx" predicts in ONNX Runtime without importing torch, from a model.onnx in the folder or
            from an export that the first use makes and keeps; a path that ends in .onnx is opened as it is.
        revision: a branch, tag or commit of the Hub.
        device: where torch computes: "cpu", "auto", "cuda", "cuda:1", "mps".

    Raises:
        ArtifactError: the folder is missing or damaged.
        UnknownNameError: a name in no table.
        HubError: the Hub is not reached or has no such model.
        TrainingError: the device is not there.
    """
    if runtime not in ("torch", "onnx"):
        raise UnknownNameError("runtime", runtime, ["torch", "onnx"])
    found = resolve(name, revision)
    if runtime == "onnx":
        from fer_zoo.artifacts.onnx_model import OnnxClassifier, open_onnx

        return OnnxClassifier(found.path) if found.kind == "onnx" else open_onnx(found.path)
    if found.kind == "onnx":
        raise ArtifactError(
            f"{str(name)!r} is an ONNX file: give runtime='onnx', or a model's name or folder."
        )
    from fer_zoo.artifacts.classifier import load_found

    model = load_found(found)
    if str(device) != "cpu":
        from fer_zoo.utils.devices import pick_device

        model = model.to(pick_device(str(device)))
    return model


def pull_model(address: str, out: str | Path, revision: str | None = None) -> ModelRef:
    """Write the model at OWNER/NAME[@REVISION] to the new folder `out`, its card and pictures made here.

    The weights are loaded once, strictly, before anything is written; config.json names repository and
    commit. Raises HubError or ArtifactError.
    """
    from fer_zoo.artifacts.export import copy_artifact

    pulled = fetch_model(address, revision)
    copy_artifact(pulled.path, Path(out), {"hub": {"repo": pulled.repo, "commit": pulled.commit}})
    return pulled


def push_model(
    source: "str | Path | FaceClassifier", repo: str, *, private: bool = False, revision: str | None = None
) -> str:
    """Put a model, given by its name, its folder or itself, into OWNER/NAME in one commit; give its address.

    A repository or branch that is missing is made; `private` says who sees a new one. A push that stopped is
    simply run again. Raises HubError or ArtifactError.
    """
    from fer_zoo.artifacts.hub_push import push_written

    if not isinstance(source, (str, Path)):
        return source.push_to_hub(repo, private=private, branch=revision)
    return push_written(copy_for_hub(source, repo), repo, private, revision)


def copy_for_hub(source: str | Path, repo: str) -> Callable[[Path], None]:
    """A function that copies a model to a folder, its card written for `repo`. Raises ArtifactError."""
    from fer_zoo.artifacts.export import copy_artifact

    return partial(copy_artifact, resolve_folder(source), added={}, hub_name=repo)


class ModelInfo(TypedDict):
    """What is known of a model without loading it."""

    name: str
    architecture: str
    tag: str | None
    label_source: str | None  # None where there are no weights
    family: str
    params: int
    input_size: int  # pixels a side
    note: str
    weights: str  # "embedded", "none", or the `kind` of a ModelRef
    bytes: int  # of the weights; an ensemble's are those of its members
    metrics: dict[str, Any]  # `SplitScores` by split
    latency: dict[str, Any] | None  # of `measure_latency`


def list_models(models: Sequence[str | Path] = ()) -> list[ModelInfo]:
    """A row for all released weights and for every architecture without any: name, architecture, tag, label
    source, family, parameters, input size, where its weights are and how many bytes they take, what it
    measured, and its speed.

    Args:
        models: Rows of these names, folders and Hub addresses instead, in their order.

    Raises:
        FerZooError: One of `models` is not a model.
    """
    embedded = list_embedded()
    if models:
        return [_describe_given(model, embedded) for model in models]
    released = [row for row in WEIGHTS.values() if row.name in embedded]
    rows = []
    for architecture in ARCHITECTURES.values():
        own = [row for row in released if row.architecture == architecture.name]
        rows += [_describe_released(row, embedded) for row in own] or [_describe_untrained(architecture)]
    return rows + [_describe_released(row, embedded) for row in released if row.members]


def _describe_given(model: str | Path, embedded: dict[str, Path]) -> ModelInfo:
    found = resolve(model)
    if found.weights:
        return _describe_released(found.weights, embedded)
    folder = require_folder(found, model)
    block = read_config(folder)["fer_zoo"]
    architecture = None if "members" in block else find_architecture(block["name"])
    params, size = _measure_weights(folder, block)
    return {
        "name": name_model(block),
        "architecture": block["name"],
        "tag": block.get("tag"),
        "label_source": block.get("labels"),
        "family": architecture.family if architecture else ENSEMBLE_FAMILY,
        "params": params,
        "input_size": block["input"]["size"],
        "note": architecture.note if architecture else "",
        "weights": found.kind,
        "bytes": size,
        "metrics": block.get("metrics", {}),
        "latency": block.get("latency"),
    }


def _measure_weights(folder: Path, block: dict[str, Any]) -> tuple[int, int]:
    """Parameters, as in the card, and bytes of the weights."""
    names, files = [block["name"]], [folder / WEIGHTS_NAME]
    if "members" in block:
        try:
            members = check_members(block)
            names = [str(member["name"]) for member in members]
            if not files[0].is_file():
                files = [find_member(member) / WEIGHTS_NAME for member in members]
        except (KeyError, TypeError, ValueError) as error:
            raise explain_members(error) from error
    parameters = sum(find_architecture(name).parameters for name in names)
    return parameters, sum(file.stat().st_size for file in files if file.is_file())


def _describe_released(row: ReleasedWeights, embedded: dict[str, Path]) -> ModelInfo:
    members = [WEIGHTS[member.name] for member in row.members]
    networks = [ARCHITECTURES[part.architecture] for part in members or [row]]
    vote = f"Soft vote of {', '.join(member.name for member in members)}"
    block = read_config(embedded[row.name])["fer_zoo"]
    return {
        "name": row.name,
        "architecture": row.architecture,
        "tag": row.tag,
        "label_source": row.label_source,
        "family": ENSEMBLE_FAMILY if members else networks[0].family,
        "params": sum(network.parameters for network in networks),
        "input_size": SIDE if members else networks[0].input_size,
        "note": row.note or (vote if members else networks[0].note),
        "weights": "embedded",
        "bytes": sum((embedded[part.name] / WEIGHTS_NAME).stat().st_size for part in members or [row]),
        "metrics": block.get("metrics", {}),
        "latency": block.get("latency"),
    }


def _describe_untrained(architecture: Architecture) -> ModelInfo:
    return {
        "name": architecture.name,
        "architecture": architecture.name,
        "tag": None,
        "label_source": None,
        "family": architecture.family,
        "params": architecture.parameters,
        "input_size": architecture.input_size,
        "note": architecture.note,
        "weights": "none",
        "bytes": 0,
        "metrics": {},
        "latency": None,
    }


def describe_model(name: str | Path) -> dict[str, Any]:
    """What is stored with a model's weights, without loading them: name, input, temperature, recipe, seed,
    training, metrics, versions. name: as in `load`. Raises ArtifactError or UnknownNameError.
    """
    return read_config(resolve_folder(name))["fer_zoo"]
