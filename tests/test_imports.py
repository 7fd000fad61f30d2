"""Who may use whom: the arrows of the house, and that importing it is cheap."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import fer_zoo

PACKAGE = Path(fer_zoo.__file__).parent
# From the ground up: a room imports rooms that stand before it, and nothing else of the package.
FLOORS = [
    *(
        "_version",
        "errors",
        "emotions",
        "utils",
        "detection",
        "data",
        "models",
        "recipes",
        "artifacts",
        "evaluation",
    ),
    *("training", "recognition", "experiments", "reports", "bench", "__init__", "cli", "__main__"),
]
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_space" not in path.parts)


def find_room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def list_modules(path: Path) -> set[str]:
    """Modules that a file imports, also inside functions; what only the type checker reads does not count.

    `import fer_zoo` and `from fer_zoo import load` are of the room `__init__`, which reaches every other.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    modules: set[str] = set()
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and not node.level and node.module == "fer_zoo":
            names = [
                f"fer_zoo.{alias.name}" if alias.name in FLOORS else "fer_zoo.__init__"
                for alias in node.names
            ]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = ["fer_zoo.__init__" if alias.name == "fer_zoo" else alias.name for alias in node.names]
        modules |= {name for name in names if name.startswith("fer_zoo.")}
    return modules


def list_imports(path: Path) -> set[str]:
    """Rooms that a file imports."""
    return {name.split(".")[1] for name in list_modules(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    room = find_room(path)
    assert room in FLOORS, f"name the floor of {room}"
    above = FLOORS[FLOORS.index(room) + 1 :]
    assert not list_imports(path) & set(above)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        ".".join(("fer_zoo", *path.relative_to(PACKAGE).with_suffix("").parts)): list_modules(path)
        for path in FILES
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules


def test_a_module_name_means_one_thing() -> None:
    files = [*FILES, *(PACKAGE.parent / "space").rglob("*.py")]
    names = [path.stem for path in files if path.stem not in ("__init__", "__main__")]
    assert sorted(names) == sorted(set(names))


def test_the_space_uses_public_names_only() -> None:
    folder = PACKAGE.parent / "space"
    files = sorted(folder.rglob("*.py"))
    assert files
    for path in files:
        assert list_imports(path) <= {"__init__", "emotions"}, str(path)


@pytest.mark.parametrize(
    "work",
    [
        "import fer_zoo; fer_zoo.EMOTIONS",
        "import fer_zoo; fer_zoo.list_models()",
        "from fer_zoo.cli.main import build_parser; build_parser()",
    ],
)
def test_cheap_things_do_not_import_torch(work: str) -> None:
    heavy = "{'torch', 'timm', 'gradio', 'pandas', 'matplotlib', 'numpy'}"
    code = f"import sys; {work}; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_every_public_name_is_there() -> None:
    for name in fer_zoo.__all__:
        assert getattr(fer_zoo, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = fer_zoo.nonsense
