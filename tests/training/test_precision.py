"""Which numbers a run computes in by itself."""

import pytest
import torch

from fer_zoo.models.registry import find_architecture
from fer_zoo.training import optim as pieces

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "instructions", "precision", "expected"),
    [
        ("cnn-baseline", True, "auto", torch.bfloat16),
        ("cnn-baseline", False, "auto", torch.float32),  # there bfloat16 takes ten times as long
        ("cnn-baseline", False, "bfloat16", torch.bfloat16),
        ("cnn-baseline", True, "float32", torch.float32),
        ("efficientnet_b0", True, "auto", torch.float32),
    ],
)
def test_bfloat16_comes_by_itself_only_where_the_cpu_has_it(
    monkeypatch, name, instructions, precision, expected
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: instructions)
    with pieces.select_precision(find_architecture(name), precision, CPU):
        computed = torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3))
    assert computed.dtype == expected
