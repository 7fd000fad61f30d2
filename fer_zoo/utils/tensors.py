"""Tensors in files: safetensors, and nothing that could run code. Sizes are bounded before reading."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fer_zoo.errors import ArtifactError
from fer_zoo.utils.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

SUFFIX = ".safetensors"
# What a network of the zoo can have; others are kinds that torch itself cannot even compare.
KINDS = ("float16", "bfloat16", "float32", "float64", "int64")
MAX_BYTES = 4_000_000_000  # a checkpoint of the largest row takes 90 MB
# How torch's files begin: a pickle of protocol 2 to 5, or a zip that holds one.
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK")


class Stored(NamedTuple):
    """What a file holds. sha256: of its bytes."""

    tensors: dict[str, "Tensor"]
    metadata: dict[str, str]
    sha256: str


def write_tensors(
    path: Path,
    tensors: Mapping[str, "Tensor"],
    metadata: Mapping[str, str],
    keep: Path | None = None,
) -> str:
    """Write tensors of any device atomically; see write_atomically. Returns the file's SHA-256."""
    from safetensors.torch import save

    ready = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    encoded = save(ready, dict(metadata))
    write_atomically(path, lambda part: part.write_bytes(encoded), keep)
    return hashlib.sha256(encoded).hexdigest()


def check_values(path: Path, name: str, value: "Tensor", wanted: "Tensor | None") -> None:
    """Raises ArtifactError for a tensor of a file that a network cannot compute with. wanted: the network's
    own, None where it has none of that name.
    """
    kind = str(value.dtype).removeprefix("torch.")
    if kind not in KINDS or (wanted is not None and value.is_floating_point() != wanted.is_floating_point()):
        raise ArtifactError(f"{str(path)!r} has {kind} in {name[:100]!r}; allowed: {', '.join(KINDS)}.")
    if not value.float().isfinite().all():  # as the network will hold it: 1e300 is infinite there
        raise ArtifactError(f"{str(path)!r} has NaN or too large a number in {name[:100]!r}.")
    if name.endswith("running_var") and (value < 0).any():
        raise ArtifactError(f"{str(path)!r} has a variance below 0 in {name[:100]!r}.")


def hash_tensors(tensors: Mapping[str, "Tensor"]) -> str:
    """SHA-256 of names, kinds, shapes and values, wherever the tensors are and however they lie in memory."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_tensors(path: Path, most_bytes: int = MAX_BYTES) -> Stored:
    """Raises ArtifactError for a file that is missing, damaged, larger than `most_bytes`, or a pickle,
    whatever its name.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    if path.suffix != SUFFIX:
        raise ArtifactError(f"{str(path)!r} does not end in {SUFFIX}; fer_zoo reads safetensors only.")
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise ArtifactError(
                f"{str(path)!r} has {size:,} bytes; these weights take at most {most_bytes:,}."
            )
        encoded = path.read_bytes()
        if encoded[8:9] != b"{":  # a header begins there; see the format at huggingface.co/docs/safetensors
            kind = "a pickle, which can run code" if encoded.startswith(PICKLES) else "something else"
            raise ArtifactError(f"{str(path)!r} is no safetensors file but {kind}; it was not read.")
        tensors = load(encoded)
        header = json.loads(encoded[8 : 8 + int.from_bytes(encoded[:8], "little")])
    except (OSError, SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(f"{str(path)!r} is damaged or cut off ({reason}).") from error
    return Stored(tensors, header.get("__metadata__", {}), hashlib.sha256(encoded).hexdigest())
