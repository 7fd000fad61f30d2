"""A package's weights as a test wants them: the folders `architecture.tag` in a folder of its own."""

from pathlib import Path

import pytest

from fer_zoo.artifacts import artifact
from fer_zoo.models.weights import WEIGHTS, Parent, ReleasedWeights


def use_package(patch: pytest.MonkeyPatch, package: Path) -> None:
    """Until the test ends, `package` holds all weights that come with fer_zoo, and the table lists them."""
    for name in reversed(list(WEIGHTS)):  # undone backward, so that the table has its order again
        patch.delitem(WEIGHTS, name)
    patch.setattr(artifact, "EMBEDDED", package)
    for folder in sorted(package.glob("*.*/")):
        architecture, tag = folder.name.split(".")
        members = artifact.read_config(folder)["fer_zoo"].get("members", [])
        parents = tuple(Parent(f"{row['name']}.{row['tag']}", row["sha256"][:16]) for row in members)
        sha256 = None if members else artifact.hash_weights(folder)
        row = ReleasedWeights(architecture, tag, sha256, "fer2013", recipe=None, members=parents)
        patch.setitem(WEIGHTS, folder.name, row)
