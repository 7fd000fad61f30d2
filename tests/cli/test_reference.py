"""The reference is what the code says."""

import fer_zoo
from fer_zoo.cli.reference import PLACE, build_reference


def test_the_reference_is_made_from_this_code() -> None:
    """If it differs: python -m fer_zoo.cli.reference."""
    assert PLACE.read_text(encoding="utf-8") == build_reference()


def test_it_names_every_command_argument_and_public_name() -> None:
    text = PLACE.read_text(encoding="utf-8")
    for line in (
        "### `fer-zoo data info`",
        "| `--revision R` | the branch, made if it is missing [main] |",
        "| `NAME\\|DIR ...` |",
        "load(name: str | Path, runtime: str='torch', *, revision: str | None=None) -> ",
        "#### `FaceClassifier.from_pretrained`",
    ):
        assert line in text, line
    assert [name for name in fer_zoo.__all__ if f"### `{name}`\n" not in text] == []
