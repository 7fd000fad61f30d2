"""What torch has under private names alone, each with the versions in which it was seen."""

from typing import Any

import torch
from torch import Generator, Tensor
from torch.utils._python_dispatch import TorchDispatchMode as TorchDispatchMode  # 2.10 to 2.14
from torch.utils._pytree import tree_iter as tree_iter  # 2.10 to 2.14


def draw_gamma(alpha: Tensor, generator: Generator) -> Tensor:
    """From the gamma distributions of these shapes (2.10 to 2.14): torch.distributions takes no generator."""
    return torch._standard_gamma(alpha, generator=generator)


def has_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16 (2.10 to 2.14); others take ten times as long."""
    return torch.cpu._is_avx512_bf16_supported()  # get_capabilities is not in torch 2.10


def compile_error() -> type[Exception]:
    """What torch.compile raises (2.10 to 2.14)."""
    return torch._dynamo.exc.TorchDynamoException


def describe_operation(operation: Any) -> tuple[str, bool]:
    """Its name, such as add.Tensor's `add`, and whether it returns a view (2.14)."""
    schema = operation._schema
    returned = (one.alias_info for one in schema.returns)
    is_view = any(alias is not None and not alias.is_write for alias in returned)
    return schema.name.removeprefix("aten::"), is_view
