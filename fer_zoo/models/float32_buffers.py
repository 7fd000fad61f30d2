"""Buffers that stay float32 when a network is cast, and copies of a network that share its tensors."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor, nn

Module = TypeVar("Module", bound="Float32Buffers")
Network = TypeVar("Network", bound=nn.Module)


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


def in_eval_mode(network: Network) -> Network:
    """The network itself, or, where one of its modules is in training mode, a copy in eval mode that shares
    every tensor. Switching the network's own modes would change the answers and the batch-norm statistics of
    other threads that use it.
    """
    in_training = any(module.training for module in network.modules())
    return share_weights(network).eval() if in_training else network


def share_weights(network: Network) -> Network:
    """A copy with modes and hooks of its own that shares every tensor."""
    tensors = [*network.parameters(), *network.buffers()]
    return copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})
