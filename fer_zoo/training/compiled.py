"""torch.compile where a recipe asks for it, and the plain network, with a word about it, where it fails."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from fer_zoo.errors import one_line
from fer_zoo.utils.torch_private import compile_error


def compile_forward(
    model: nn.Module, device: torch.device, backend: str | Callable[..., Any] = "inductor"
) -> Callable[[Tensor], Tensor]:
    """The model's forward pass, compiled at its first call; on a GPU of one process replayed as a CUDA graph.

    Where compiling fails (no C++ compiler, an operation that cannot be compiled) it warns once and
    continues with the model as it is: the weights and the draws are untouched by the attempt.
    """
    options: dict[str, Any] = {"backend": backend}
    is_parallel = isinstance(model, nn.parallel.DistributedDataParallel)  # its messages fit into no graph
    if device.type == "cuda" and backend == "inductor" and not is_parallel:
        options["mode"] = "reduce-overhead"
    forward: Callable[[Tensor], Tensor] = torch.compile(model, **options)

    def try_compiled(faces: Tensor) -> Tensor:
        nonlocal forward
        try:
            return forward(faces)
        except compile_error() as error:
            reason = one_line(error)
            warnings.warn(f"torch.compile failed ({reason}): training continues uncompiled.", stacklevel=2)
            forward = model
            return model(faces)

    return try_compiled
