"""Where a name leads: a folder, weights of the package, an ONNX file, or a repository of the Hub."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fer_zoo.artifacts.artifact import CONFIG_NAME, WEIGHTS_NAME, list_embedded, read_config
from fer_zoo.errors import ArtifactError, HubError, UnknownNameError
from fer_zoo.models.registry import ARCHITECTURES, find_name
from fer_zoo.models.weights import ReleasedWeights, find_weights

OWNER_VARIABLE = "FER_ZOO_HUB_OWNER"
LARGEST = 500_000_000  # bytes of a model's files; the largest architecture here takes 22 MB
ONNX_SUFFIX = ".onnx"
PATH_STARTS = (".", "/", "~")
HUB_ADDRESS = re.compile(r"\w[\w.-]*/(?P<name>[\w.-]+)(@\S+)?")


@dataclass(frozen=True)
class ModelRef:
    """Where a model is on this machine."""

    path: Path  # a model's folder; of kind "onnx" the file
    kind: Literal["folder", "embedded", "hub", "onnx"]  # how it was found
    weights: ReleasedWeights | None = None  # the row of the package, for kind "embedded"
    repo: str | None = None  # OWNER/NAME of the Hub, for kind "hub"
    commit: str | None = None  # of `repo`, 40 hex digits


def resolve(name: str | Path, revision: str | None = None, allow_hub: bool = True) -> ModelRef:
    """Find a model by any kind of name; only a model of the Hub is fetched, into huggingface_hub's cache.

    Args:
        name: a folder; an ONNX file; released weights such as "resnet_48" or "resnet_48.fer2013" (`-` and `_`
            are alike); or OWNER/NAME[@REVISION] of the Hub. A folder that is there goes before the rest.
        revision: a branch, tag or commit of the Hub.
        allow_hub: False: never ask the Hub.

    Raises:
        ArtifactError: there is no such folder or file, or the architecture has no weights.
        UnknownNameError: a name in no table; it names the nearest.
        HubError: the Hub is not reached or has no such model, or the revision of a local model is wanted.
    """
    local = _find_local(name)
    if local and revision:
        raise HubError(f"{str(name)!r} is on this machine and has no revision {revision!r}: give OWNER/NAME.")
    return local or _find_remote(str(name), revision, allow_hub)


def resolve_folder(name: str | Path, allow_hub: bool = True) -> Path:
    """The folder of a model, where an ONNX file will not do. Arguments and errors as of `resolve`."""
    return require_folder(resolve(name, allow_hub=allow_hub), name)


def require_folder(found: ModelRef, name: str | Path) -> Path:
    """The folder of what `resolve` found. Raises ArtifactError for an ONNX file."""
    if found.kind == "onnx":
        raise ArtifactError(f"{str(name)!r} is an ONNX file; this needs a model's name or its folder.")
    return found.path


def _find_local(name: str | Path) -> ModelRef | None:
    path, text = Path(name), str(name)
    if path.suffix == ONNX_SUFFIX:
        if not path.is_file():
            raise ArtifactError(
                f"There is no ONNX file at {text!r}: fer-zoo export --format onnx writes one."
            )
        return ModelRef(path, "onnx")
    if path.is_dir():
        return ModelRef(path, "folder")
    if isinstance(name, Path) or text.startswith(PATH_STARTS) or path.is_absolute():
        raise ArtifactError(f"There is no model folder at {text!r}.")
    row, embedded = find_weights(text), list_embedded()
    if row and row.name in embedded:
        return ModelRef(embedded[row.name], "embedded", weights=row)
    return None


def _find_remote(name: str, revision: str | None, allow_hub: bool) -> ModelRef:
    embedded = list_embedded()
    untrained = find_name(name, ARCHITECTURES)
    owner = os.environ.get(OWNER_VARIABLE)
    if untrained and owner and allow_hub:
        return fetch_model(f"{owner}/{untrained}", revision)
    if untrained:
        raise ArtifactError(
            f"{untrained} has no trained weights in this package. Train it: fer-zoo train "
            f"--arch {untrained}. With weights: {', '.join(embedded)}."
        )
    if "/" in name and allow_hub:
        try:
            return fetch_model(name, revision)
        except HubError as error:
            raise HubError(f"{error} (There is no folder {name!r} here.)") from error
    if address := HUB_ADDRESS.fullmatch(name):
        raise ArtifactError(
            f"There is no model folder {name!r} here. If it is on the Hugging Face Hub, fetch it first, by "
            f"fer-zoo pull {name} --out runs/{address['name']}, and give the folder runs/{address['name']}."
        )
    if revision:
        raise HubError(f"{name!r} has no revision {revision!r}: give OWNER/NAME of the Hugging Face Hub.")
    raise UnknownNameError("model", name, embedded)


def fetch_model(address: str, revision: str | None = None) -> ModelRef:
    """The model at OWNER/NAME[@REVISION], in the cache; nothing but its config.json and model.safetensors.

    Raises HubError or ArtifactError. Loading it compares the weights with the SHA-256 in config.json.
    """
    from fer_zoo.utils.hub_client import fetch_files, parse_repo_address

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
    return ModelRef(folder, "hub", repo=repo, commit=fetched.commit)
