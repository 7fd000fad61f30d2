"""What a package index shows, and what an installation brings."""

import ast
import re
from pathlib import Path

import pytest

from fer_zoo.recipes.recipe import tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_index_shows_no_links_into_the_repository() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    hook = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    for rule in hook["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    targets = [*re.findall(r"\]\(([^)]*)\)", text), *re.findall(r'(?:src|href)="([^"]*)"', text)]
    assert [target for target in targets if not target.startswith(("http", "#"))] == []
    assert "fer-zoo train" in text and "Model cards" in text


# mcp is with dev: .ci/run runs its tests there.
OTHERS = {"dev", "docs", "integrations", "mcp", "test"}


@pytest.mark.parametrize("extra", sorted(set(PROJECT["project"]["optional-dependencies"]) - OTHERS))
def test_the_tests_have_every_part_of_the_package(extra: str) -> None:
    (own,) = [
        line for line in PROJECT["project"]["optional-dependencies"]["test"] if line.startswith("fer-zoo[")
    ]
    assert extra in re.findall(r"\w+", own)


def test_text_has_the_same_encoding_on_every_system() -> None:
    """What ruff's PLW1514 does not see: other processes' text, and paths of an unknown type."""
    found = []
    for path in (*ROOT.glob("fer_zoo/**/*.py"), *ROOT.glob("space/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                is_text = getattr(node.func, "attr", None) in ("read_text", "write_text")
                if (is_text or given.get("text") == "True") and "encoding" not in given:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []
