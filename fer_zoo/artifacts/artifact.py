"""A trained model as a folder: model.safetensors, config.json and README.md. The same folder everywhere.

An ensemble's folder that comes with the package has no weights of its own: its members are found by
the SHA-256 of their weights.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from fer_zoo.artifacts.config_check import (
    check_block,
    check_labels,
    check_members,
    check_object,
    check_size,
)
from fer_zoo.artifacts.prior_correction import read_prior
from fer_zoo.errors import ArtifactError, one_line
from fer_zoo.models.registry import RENAMED, find_architecture
from fer_zoo.models.weights import WEIGHTS, find_weights_by_hash, name_weights
from fer_zoo.utils.files import as_utf8, write_text

WEIGHTS_NAME = "model.safetensors"
CONFIG_NAME = "config.json"
# of a file, not to be carried to another
FILE_KEYS = ("name", "emotions", "classes", "input", "temperature", "prior_correction", "weights_sha256")
MAX_CONFIG_BYTES = 10_000_000  # seven scores of MAX_CLASSES classes, confusions included, take 4,400,000
EMBEDDED = Path(__file__).parents[1] / "weights"


def list_embedded() -> dict[str, Path]:
    """The released weights that come with the package: their folders by the shortest name."""
    folders = {row.name: EMBEDDED / row.full_name for row in WEIGHTS.values()}
    return {name: folder for name, folder in folders.items() if (folder / CONFIG_NAME).is_file()}


def write_config(folder: Path, config: dict[str, Any]) -> None:
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    write_text(folder / CONFIG_NAME, as_utf8(text))


def read_config(folder: Path) -> dict[str, Any]:
    """The checked config.json of an artifact. Raises ArtifactError in one line."""
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ArtifactError(f"{str(folder)!r} is not a model folder: it has no {CONFIG_NAME}.")
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError(f"it is over {MAX_CONFIG_BYTES:,} bytes")
        config = json.loads(path.read_text(encoding="utf-8"))
        check_object("it", config)
        check_block(block := config["fer_zoo"])
        block["classes"] = check_labels(config)
        read_prior(block, block["classes"])
        _upgrade_names(block)
        check_size(None if "members" in block else find_architecture(block["name"]), block["input"]["size"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else one_line(error)
        raise ArtifactError(f"{str(path)!r} is not a fer_zoo config: {reason}.") from error
    return config


def _upgrade_names(block: dict[str, Any]) -> None:
    """An earlier release's names of architectures, without a warning: nobody typed them."""
    for named in (block, *(block["members"] if isinstance(block.get("members"), list) else ())):
        if isinstance(named, dict) and isinstance(named.get("name"), str):
            named["name"] = RENAMED.get(named["name"], (named["name"],))[0]


def name_model(block: dict[str, Any]) -> str:
    """The shortest name that leads to the model of a `fer_zoo` block, or of a member's row in one."""
    return name_weights(block["name"], block.get("tag"))


def hash_weights(folder: Path) -> str:
    """SHA-256 of a model's weights; of config.json, which names its members, for an ensemble without any."""
    path = folder / WEIGHTS_NAME
    return hashlib.sha256((path if path.is_file() else folder / CONFIG_NAME).read_bytes()).hexdigest()


def fingerprint_artifact(folder: Path) -> str:
    """32 hexadecimal digits that change with the weights and config.json; for an ensemble without weights of
    its own, with those of its members.
    """
    folders, block = [folder], read_config(folder)["fer_zoo"]
    if "members" in block and not (folder / WEIGHTS_NAME).is_file():
        try:
            folders += [find_member(member) for member in check_members(block)]
        except (KeyError, TypeError, ValueError) as error:
            raise explain_members(error) from error
    digest = hashlib.sha256()
    for each in folders:
        digest.update(hash_weights(each).encode())
        digest.update((each / CONFIG_NAME).read_bytes())
    return digest.hexdigest()[:32]


def find_member(member: dict[str, Any]) -> Path:
    """The folder of a member of an ensemble that comes without weights: those of the package with the SHA-256
    that its row has, and never a path that it names. Raises ArtifactError.
    """
    name, sha256 = str(member["name"]), str(member["sha256"])
    row = find_weights_by_hash(sha256)
    folder = EMBEDDED / row.full_name if row and row.architecture == name else None
    if folder is None or not (folder / WEIGHTS_NAME).is_file() or hash_weights(folder) != sha256:
        wanted = name_weights(name, member.get("tag"))
        raise ArtifactError(f"The ensemble was made with another {wanted} than the package has.")
    return folder


def explain_members(error: Exception) -> ArtifactError:
    return ArtifactError(f"The ensemble's members cannot be read ({type(error).__name__}: {error}).")
