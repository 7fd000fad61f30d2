"""A trained model as a folder: model.safetensors, config.json and README.md. The same folder everywhere.

An ensemble's folder that comes with the package has no weights of its own: its members are found by
the SHA-256 of their weights.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_zoo.artifacts.artifact_config import build_config
from fer_zoo.artifacts.config_check import (
    check_block,
    check_labels,
    check_members,
    check_network,
    check_same_classes,
    check_scale,
    check_size,
    check_weight,
)
from fer_zoo.artifacts.origin import Origin, describe_settings, fingerprint_model
from fer_zoo.artifacts.prior_correction import read_prior
from fer_zoo.emotions import SIDE
from fer_zoo.errors import ArtifactError, one_line
from fer_zoo.models.registry import RENAMED, Architecture, create_backbone, find_architecture
from fer_zoo.models.weights import WEIGHTS, find_weights_by_hash, name_weights
from fer_zoo.utils.files import write_text
from fer_zoo.utils.tensors import check_values, read_tensors, write_tensors

if TYPE_CHECKING:
    import torch
    from torch import nn

    from fer_zoo.artifacts.classifier import FaceClassifier

WEIGHTS_NAME = "model.safetensors"
CONFIG_NAME = "config.json"
# of a file, not to be carried to another
FILE_KEYS = ("name", "emotions", "classes", "input", "temperature", "prior_correction", "weights_sha256")
MAX_CONFIG_BYTES = 1_000_000  # the largest of the package takes 20,000
MAX_HEADER_BYTES = 1000  # of a tensor's name, shape and place in a safetensors file
EMBEDDED = Path(__file__).parents[1] / "weights"


def list_embedded() -> dict[str, Path]:
    """The released weights that come with the package: their folders by the shortest name."""
    folders = {row.name: EMBEDDED / row.full_name for row in WEIGHTS.values()}
    return {name: folder for name, folder in folders.items() if (folder / CONFIG_NAME).is_file()}


def save_artifact(
    folder: Path, model: "FaceClassifier", info: dict[str, Any], dtype: "torch.dtype | None" = None
) -> None:
    """Write weights and config.json, which also has the settings of an ensemble's members.

    info: recipe, seed, metrics, data fingerprint, versions. dtype: of the file.
    """
    from fer_zoo.artifacts.classifier_settings import is_setting

    tensors = {
        key: value.to(dtype) if dtype and value.is_floating_point() else value
        for key, value in model.backbone.state_dict().items()
        if not is_setting(key)
    }
    digest = write_tensors(folder / WEIGHTS_NAME, tensors, {"format": "pt"})
    write_config(folder, build_config(model, {**info, "weights_sha256": digest}))


def write_config(folder: Path, config: dict[str, Any]) -> None:
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    write_text(folder / CONFIG_NAME, text)


def read_config(folder: Path) -> dict[str, Any]:
    """The checked config.json of an artifact. Raises ArtifactError in one line."""
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ArtifactError(f"{str(folder)!r} is no model folder: it has no {CONFIG_NAME}.")
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ValueError(f"it is over {MAX_CONFIG_BYTES:,} bytes")
        config = json.loads(path.read_text(encoding="utf-8"))
        check_block(block := config["fer_zoo"])
        block["classes"] = check_labels(config)
        read_prior(block, block["classes"])
        _upgrade_names(block)
        check_size(_find_row(block), block["input"]["size"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ArtifactError(
            f"{str(path)!r} is not a fer_zoo config ({type(error).__name__}: {reason})."
        ) from error
    return config


def _upgrade_names(block: dict[str, Any]) -> None:
    """An earlier release's names of architectures, without a warning: nobody typed them."""
    for named in (block, *(block["members"] if isinstance(block.get("members"), list) else ())):
        if isinstance(named, dict) and isinstance(named.get("name"), str):
            named["name"] = RENAMED.get(named["name"], (named["name"],))[0]


def _find_row(block: dict[str, Any]) -> Architecture | None:
    """None for an ensemble, which has no row."""
    return None if "members" in block else find_architecture(block["name"])


def name_model(block: dict[str, Any]) -> str:
    """The shortest name that leads to the model of a `fer_zoo` block, or of a member's row in one."""
    return name_weights(block["name"], block.get("tag"))


def load_artifact(folder: Path) -> "FaceClassifier":
    """The model of a folder, in eval mode, float32, on the CPU. Strict: every tensor must be there and fit.

    Its `origin` tells later whether it was changed. Raises ArtifactError for a missing or damaged file,
    UnknownNameError for an unknown architecture.
    """
    model, digest = _load(folder)
    _check_answers(model, folder)
    model.origin = Origin(model.name, digest, fingerprint_model(model))
    return model


def _load(folder: Path) -> tuple["FaceClassifier", str]:
    """The model, and what `hash_weights` gives for its folder."""
    from fer_zoo.artifacts.classifier import FaceClassifier, Preprocessing

    block = read_config(folder)["fer_zoo"]
    architecture, path = block["name"], folder / WEIGHTS_NAME
    if "members" in block:
        backbone = _build_ensemble(block, from_package=not path.is_file())
    else:
        row = find_architecture(architecture)
        backbone = create_backbone(row, options=block.get("network"), num_classes=len(block["classes"]))
        architecture = row.name
        if not path.is_file():
            raise ArtifactError(f"{str(folder)!r} has no {WEIGHTS_NAME}; fer_zoo reads safetensors only.")
    digest = _fill(backbone, path, block.get("weights_sha256")) if path.is_file() else hash_weights(folder)
    scale = block["input"]
    model = FaceClassifier(
        backbone,
        Preprocessing(scale["size"], scale["mean"], scale["std"]),
        name=name_weights(architecture, block.get("tag")),
        temperature=block["temperature"],
        info=block,
        architecture=architecture,
        classes=block["classes"],
    )
    model.restore_prior(read_prior(block, block["classes"]))
    return model.eval(), digest


def _fill(backbone: "nn.Module", path: Path, sha256: str | None) -> str:
    """Load a file strictly: every tensor, of the right shape and kind, each value a number. Returns the
    file's SHA-256.

    sha256: of the file, as config.json has it; None where the folder is older than that. A file that is
    larger than the network's tensors could make it is not read.
    """
    from fer_zoo.artifacts.classifier_settings import is_setting

    state = backbone.state_dict()
    settings = {key: value for key, value in state.items() if is_setting(key)}  # config.json has them
    wanted = {key: value for key, value in state.items() if key not in settings}
    most_bytes = sum(8 * value.numel() + MAX_HEADER_BYTES for value in wanted.values())
    tensors, _, digest = read_tensors(path, most_bytes)
    if sha256 is not None and digest != sha256:
        raise ArtifactError(
            f"{str(path)!r} is not the file that its {CONFIG_NAME} was written with: it is damaged, or one "
            "of the two was replaced. Get the folder again, or resume the run that was writing it."
        )
    for key, value in tensors.items():
        check_values(path, key, value, wanted.get(key))
    try:
        backbone.load_state_dict({**tensors, **settings}, strict=True)
    except RuntimeError as error:
        reason = one_line(error)
        raise ArtifactError(f"{str(path)!r} does not hold its model's tensors: {reason}") from error
    return digest


def _check_answers(model: "FaceClassifier", folder: Path) -> None:
    """Raises ArtifactError for weights so large that some answer would be NaN: black, white and noise."""
    import torch

    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (1, 1, SIDE, SIDE), dtype=torch.uint8, generator=generator)
    faces = torch.cat([torch.zeros_like(noise), torch.full_like(noise, 255), noise])
    with torch.inference_mode():
        answers = model(faces)
    if not answers.isfinite().all():
        raise ArtifactError(f"The weights in {str(folder)!r} are so large that the model outputs NaN.")


def describe_member(model: "FaceClassifier", folder: Path, weight: float) -> dict[str, Any]:
    """What an ensemble's config.json keeps of a member. `sha256` is of its weights' file."""
    return {
        "name": model.architecture,
        **({"tag": model.info["tag"]} if model.info.get("tag") else {}),
        "weight": weight,
        "sha256": hash_weights(folder),
        "input": asdict(model.preprocessing),
        **describe_settings(model),
        **({"network": model.info["network"]} if model.info.get("network") else {}),
    }


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
            raise _explain_members(error) from error
    digest = hashlib.sha256()
    for place in folders:
        digest.update(hash_weights(place).encode())
        digest.update((place / CONFIG_NAME).read_bytes())
    return digest.hexdigest()[:32]


def find_member(member: dict[str, Any]) -> Path:
    """The folder of a member of an ensemble that comes without weights: those of the package with the SHA-256
    that its row has, and never a path that it names. Raises ArtifactError.
    """
    name, sha256 = str(member["name"]), str(member["sha256"])
    row = find_weights_by_hash(sha256)
    folder = EMBEDDED / row.full_name if row and row.architecture == name else None
    if folder is None or not (folder / WEIGHTS_NAME).is_file() or hash_weights(folder) != sha256:
        told = name_weights(name, member.get("tag"))
        raise ArtifactError(f"The ensemble was made with another {told} than the package has.")
    return folder


def _explain_members(error: Exception) -> ArtifactError:
    return ArtifactError(f"The ensemble's members cannot be read ({type(error).__name__}: {error}).")


def _build_ensemble(block: dict[str, Any], from_package: bool) -> "nn.Module":
    """The network of an ensemble's `members`: trained ones of the package, or new ones to be filled from a
    file.
    """
    from fer_zoo.artifacts.classifier import FaceClassifier, Preprocessing
    from fer_zoo.models.ensemble import Ensemble

    classes = block["classes"]
    try:
        rows = [(str(row["name"]), check_weight(row["weight"]), row) for row in check_members(block)]
        models = []
        for name, _, row in rows:
            if from_package:
                models.append(_load(find_member(row))[0])
                check_same_classes(classes, models[-1].classes)
            else:
                check_scale(row["input"], row["temperature"])
                check_network(row.get("network"))
                scale, architecture = row["input"], find_architecture(name)
                check_size(architecture, scale["size"])
                member = FaceClassifier(
                    create_backbone(architecture, options=row.get("network"), num_classes=len(classes)),
                    Preprocessing(scale["size"], scale["mean"], scale["std"]),
                    name=architecture.name,
                    temperature=row["temperature"],
                    classes=classes,
                )
                member.restore_prior(read_prior(row, classes))
                models.append(member)
        return Ensemble(models, [weight for _, weight, _ in rows])
    except (KeyError, TypeError, ValueError) as error:
        raise _explain_members(error) from error
