"""Buffers that stay float32 when a network is cast: numbers that were fitted or measured."""

from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor, nn

Module = TypeVar("Module", bound="Float32Buffers")


class Float32Buffers(nn.Module):
    """A module whose own buffers keep their dtype in `.half()`, `.bfloat16()`, `.double()` and `.to(dtype)`.

    float16 would round a temperature of 1.137 to 1.1367, and MPS has no float64.
    """

    def _apply(self: Module, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Module:
        """What torch casts and moves modules by."""
        before: dict[str, Any] = dict(self._buffers)
        super()._apply(fn, recurse)
        for name, buffer in before.items():
            moved = self._buffers[name]
            if buffer is not None and moved is not None and moved.dtype != buffer.dtype:
                self._buffers[name] = buffer.to(moved.device)
        return self
