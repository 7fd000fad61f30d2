"""The small network is in the registry while a module of these tests runs."""

from collections.abc import Iterator

import pytest
from small_network import SMALL

from fer_zoo.models.registry import ARCHITECTURES


@pytest.fixture(scope="module", autouse=True)
def small_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "small", SMALL)
        yield
