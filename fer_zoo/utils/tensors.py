"""Tensors in safetensors files, which cannot run code. Sizes are checked before reading."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fer_zoo.errors import ArtifactError, one_line
from fer_zoo.utils.files import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

SUFFIX = ".safetensors"
# dtypes that a network of the zoo can have; torch cannot even compare some of the others.
DTYPES = ("float16", "bfloat16", "float32", "float64", "int64")
MAX_BYTES = 4_000_000_000  # a checkpoint of the largest architecture has 90 MB
# First bytes of torch's files: a pickle of protocol 2 to 5, or a zip that contains one.
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK")


class Stored(NamedTuple):
    """Contents of a safetensors file."""

    tensors: dict[str, "Tensor"]
    metadata: dict[str, str]
    sha256: str  # of the file's bytes


def write_tensors(
    path: Path, tensors: Mapping[str, "Tensor"], metadata: Mapping[str, str], backup: Path | None = None
) -> str:
    """Write tensors from any device atomically; see `write_atomically`. Returns the file's SHA-256."""
    from safetensors.torch import save

    ready = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    encoded = save(ready, dict(metadata))
    write_atomically(path, lambda part: part.write_bytes(encoded), backup)
    return hashlib.sha256(encoded).hexdigest()


def check_values(path: Path, name: str, value: "Tensor", expected: "Tensor | None") -> None:
    """Raises ArtifactError for a file's tensor of an unsupported dtype, or with NaN, infinity or a negative
    variance. expected: the network's own tensor of that name, if any.
    """
    dtype = str(value.dtype).removeprefix("torch.")
    if dtype not in DTYPES or (
        expected is not None and value.is_floating_point() != expected.is_floating_point()
    ):
        raise ArtifactError(f"{str(path)!r} has {dtype} in {name[:100]!r}; allowed: {', '.join(DTYPES)}.")
    if not value.float().isfinite().all():  # float32, as in the network, where 1e300 is infinite
        raise ArtifactError(f"{str(path)!r} has NaN or a number that is too large in {name[:100]!r}.")
    if name.endswith("running_var") and (value < 0).any():
        raise ArtifactError(f"{str(path)!r} has a variance below 0 in {name[:100]!r}.")


def hash_tensors(tensors: Mapping[str, "Tensor"]) -> str:
    """SHA-256 of names, dtypes, shapes and values, whatever the device and memory layout."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_tensors(path: Path, max_bytes: int = MAX_BYTES) -> Stored:
    """Read a safetensors file. Raises ArtifactError if it is missing, damaged, larger than `max_bytes`, or a
    pickle, whatever its name.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    if path.suffix != SUFFIX:
        raise ArtifactError(f"{str(path)!r} does not end in {SUFFIX}; fer_zoo reads safetensors only.")
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise ArtifactError(
                f"{str(path)!r} has {size:,} bytes; these weights take at most {max_bytes:,}."
            )
        encoded = path.read_bytes()
        if encoded[8:9] != b"{":  # the header starts there; see huggingface.co/docs/safetensors
            reason = ": it is a pickle, which can run code" if encoded.startswith(PICKLES) else ""
            raise ArtifactError(f"{str(path)!r} is not a safetensors file{reason}. It was not read.")
        tensors = load(encoded)
        header = json.loads(encoded[8 : 8 + int.from_bytes(encoded[:8], "little")])
    except (OSError, SafetensorError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ArtifactError(f"{str(path)!r} is damaged or truncated ({one_line(error)}).") from error
    return Stored(tensors, header.get("__metadata__", {}), hashlib.sha256(encoded).hexdigest())
