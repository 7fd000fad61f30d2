"""Where a name leads: a folder, the embedded weights, or a repository of the Hugging Face Hub."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from fer_zoo.artifacts.artifact import (
    CONFIG_NAME,
    ENSEMBLE,
    WEIGHTS_NAME,
    list_embedded,
    load_artifact,
    read_config,
)
from fer_zoo.artifacts.artifact import find_artifact as find_local
from fer_zoo.emotions import SIDE
from fer_zoo.errors import HubError, UnknownNameError
from fer_zoo.models.registry import ARCHITECTURES, find_name
from fer_zoo.utils.hub_client import fetch_files, parse_repo_address

if TYPE_CHECKING:
    from fer_zoo.artifacts.classifier import FaceClassifier
    from fer_zoo.artifacts.onnx_model import OnnxClassifier


OWNER_VARIABLE = "FER_ZOO_HUB_OWNER"
LARGEST = 500_000_000  # bytes of a model's files; the largest architecture here takes 22 MB


class Pulled(NamedTuple):
    """A model in huggingface_hub's cache: its folder, and the repository and commit that it is of."""

    folder: Path
    repo: str
    commit: str


@overload
def load(
    name: str | Path, runtime: Literal["torch"] = "torch", *, revision: str | None = None
) -> "FaceClassifier": ...
@overload
def load(name: str | Path, runtime: Literal["onnx"], *, revision: str | None = None) -> "OnnxClassifier": ...
def load(
    name: str | Path, runtime: str = "torch", *, revision: str | None = None
) -> "FaceClassifier | OnnxClassifier":
    """A trained classifier in eval mode on the CPU: uint8 faces (N, 1, 48, 48) to calibrated logits (N, 7).

    name: an embedded model such as "cnn-baseline", the folder of a run, or "owner/name[@revision]" of the
    Hugging Face Hub, which is kept in huggingface_hub's cache. revision: a branch, tag or commit of the Hub;
    `info["hub"]` tells the commit. runtime: "onnx" predicts in ONNX Runtime without importing torch, from a
    model.onnx in the folder or from an export that the first use makes and keeps; a path that ends in .onnx
    is opened as it is. Raises ArtifactError, UnknownNameError or HubError.
    """
    if runtime not in ("torch", "onnx"):
        raise UnknownNameError("runtime", runtime, ["torch", "onnx"])
    if runtime == "onnx" and Path(name).suffix == ".onnx":
        from fer_zoo.artifacts.onnx_model import OnnxClassifier

        return OnnxClassifier(name)
    found = _find(name, revision)
    folder = found if isinstance(found, Path) else found.folder
    if runtime == "onnx":
        from fer_zoo.artifacts.onnx_cache import open_onnx

        return open_onnx(folder)
    model = load_artifact(folder)
    if isinstance(found, Pulled):
        model.info = {**model.info, "hub": {"repo": found.repo, "commit": found.commit}}
    return model


def find_artifact(name: str | Path, revision: str | None = None) -> Path:
    """The folder of a model given as in `load`. Raises ArtifactError, UnknownNameError or HubError."""
    found = _find(name, revision)
    return found if isinstance(found, Path) else found.folder


def _find(name: str | Path, revision: str | None) -> Path | Pulled:
    """A folder here, an embedded model, or a repository; the Hub is asked last."""
    text = str(name)
    on_hub = isinstance(name, str) and not Path(name).is_dir() and not text.startswith((".", "/", "~"))
    if on_hub and "/" in text:
        try:
            return fetch_model(text, revision)
        except HubError as error:
            raise HubError(f"{error} (There is no folder {text!r} here.)") from error
    owner = os.environ.get(OWNER_VARIABLE)
    row = find_name(text, ARCHITECTURES)
    if on_hub and owner and row and not find_name(text, list_embedded()):
        return fetch_model(f"{owner}/{row}", revision)
    if revision:
        raise HubError(f"{text!r} is on this machine and has no revision {revision!r}: give OWNER/NAME.")
    return find_local(name)


def fetch_model(address: str, revision: str | None = None) -> Pulled:
    """The model at OWNER/NAME[@REVISION], in the cache; nothing but its config.json and model.safetensors.

    Raises HubError or ArtifactError. Loading it compares the weights with the SHA-256 in config.json.
    """
    repo, named = parse_repo_address(address)
    if named and revision and named != revision:
        raise HubError(f"{address!r} and the revision {revision!r} differ: give one of them.")

    def choose(paths: Sequence[str]) -> list[str]:
        missing = [name for name in (CONFIG_NAME, WEIGHTS_NAME) if name not in paths]
        if missing:
            raise HubError(
                f"{repo} holds no fer_zoo model: it has no {' and no '.join(missing)}. If an upload stopped "
                "half-way, push it again."
            )
        return [CONFIG_NAME, WEIGHTS_NAME]

    fetched = fetch_files(repo, choose, revision=named or revision, max_bytes=LARGEST)
    folder = fetched.files[CONFIG_NAME].parent
    read_config(folder)  # refuses what is not of fer_zoo
    return Pulled(folder, repo, fetched.commit)


def pull_model(address: str, out: str | Path, revision: str | None = None) -> Pulled:
    """Write the model at OWNER/NAME[@REVISION] to the new folder `out`, its card and pictures made here.

    The weights are loaded once, strictly, before anything is written; config.json tells repository and
    commit. Raises HubError or ArtifactError.
    """
    from fer_zoo.artifacts.export import copy_artifact

    pulled = fetch_model(address, revision)
    copy_artifact(pulled.folder, Path(out), {"hub": {"repo": pulled.repo, "commit": pulled.commit}})
    return pulled


def list_models() -> list[dict[str, Any]]:
    """A row for every architecture, and for the ensemble where there is one: name, family, parameters, input
    size, where its weights are and how many bytes they take, what it measured, and its speed.
    """
    embedded = list_embedded()
    rows = []
    for row in ARCHITECTURES.values():
        folder = embedded.get(row.name)
        known = {
            "family": row.family,
            "params": row.parameters,
            "input_size": row.input_size,
            "note": row.note,
        }
        rows.append(_describe(row.name, known, folder, [folder] if folder else []))
    if ENSEMBLE in embedded:
        members = read_config(embedded[ENSEMBLE])["fer_zoo"]["members"]
        names = [member["name"] for member in members]
        known = {
            "family": ENSEMBLE,
            "params": sum(ARCHITECTURES[name].parameters for name in names),
            "input_size": SIDE,
            "note": f"Soft vote of {', '.join(names)}",
        }
        rows.append(_describe(ENSEMBLE, known, embedded[ENSEMBLE], [embedded[name] for name in names]))
    return rows


def _describe(name: str, known: dict[str, Any], folder: Path | None, weights: list[Path]) -> dict[str, Any]:
    block = read_config(folder)["fer_zoo"] if folder else {}
    return {
        "name": name,
        **known,
        "weights": "embedded" if folder else "none",
        "bytes": sum((path / WEIGHTS_NAME).stat().st_size for path in weights),
        "metrics": block.get("metrics", {}),
        "latency": block.get("latency"),
    }


def describe_model(name: str | Path) -> dict[str, Any]:
    """What is stored with a model's weights, without loading them: name, input, temperature, recipe, seed,
    training, metrics, versions. name: as in `load`. Raises ArtifactError or UnknownNameError.
    """
    return read_config(find_artifact(name))["fer_zoo"]
