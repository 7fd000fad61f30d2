"""Who may use whom: the arrows of the house, and that importing it is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fer_zoo

PACKAGE = Path(fer_zoo.__file__).parent
LEAVES = {"allocator", "emotions", "errors", "files", "tensors", "progress", "devices", "telemetry"}
ARROWS = {
    "allocator": set(),
    "emotions": set(),
    "errors": set(),
    "files": {"errors"},
    "telemetry": {"errors"},
    "tensors": {"files", "errors"},
    "progress": set(),
    "devices": {"errors"},
    "avif_headers": set(),
    "picture_headers": {"avif_headers", "errors"},
    "photos": {"picture_headers", "emotions", "errors"},
    "decoder_process": {"photos", "video", "errors"},
    "models": {"photos", "tensors", "emotions", "errors"},
    "registry": {"models", "errors"},
    "data": {"photos", "hub_client"} | LEAVES,
    "recipes": {"data", "errors"},
    "config_check": {"emotions"},
    "peers": {"emotions", "errors", "progress"},
    "origin": {"models", "tensors"},
    "artifact": {"registry", "models", "config_check", "origin"} | LEAVES,
    "evaluation": {"models", "data", "artifact", "onnx_model", "onnx_cache", "peers"} | LEAVES,
    "training": {"models", "data", "registry", "recipes", "evaluation", "artifact", "origin"} | LEAVES,
    "hub_client": {"errors", "files"},
    "hub": {"artifact", "registry", "models", "export", "hub_client", "onnx_model", "onnx_cache"} | LEAVES,
    "hub_push": {"artifact", "export", "hub", "hub_client", "models"},
    "recognition": {"models", "artifact", "hub", "photos", "emotions", "errors", "telemetry"},
    "pages": {"artifact", "models", "data", "evaluation", "recognition"} | LEAVES,
    "cards": {"artifact", "registry", "recipes", "evaluation"} | LEAVES,
    "onnx_model": {"models", "photos"} | LEAVES,
    "onnx_cache": {"artifact", "onnx_model"} | LEAVES,
    "onnx_int8": {"onnx_model", "data", "evaluation"} | LEAVES,
    "export": {"artifact", "registry", "cards", "evaluation", "onnx_model", "onnx_int8", "models", "data"}
    | {"origin"}
    | LEAVES,
    "demo": {"errors"},
    "space_repo": {"demo", "hub_client"},
    "reference": {"cli", "files"},
    "bulk": {"recognition", "evaluation", "photos"} | LEAVES,
    "video": {"recognition", "evaluation", "photos"} | LEAVES,
    "bench": {"data", "recipes", "training", "artifact", "registry", "evaluation", "recognition", "hub"}
    | {"models", "onnx_model", "photos", "peers"}
    | LEAVES,
}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "_space" not in path.parts)


def find_room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def list_imports(path: Path) -> set[str]:
    """Rooms that a file imports, also inside functions; what only the type checker reads does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    rooms = set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("fer_zoo.")}
    return rooms


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_point_the_right_way(path: Path) -> None:
    room = find_room(path)
    if room in ("__init__", "__main__", "cli", "commands"):
        return
    assert list_imports(path) - {room} <= ARROWS[room]


def test_the_arrows_have_no_circle() -> None:
    left = {room: set(others) for room, others in ARROWS.items()}
    while left:
        free = {room for room, others in left.items() if not others & set(left)}
        assert free, f"a circle among {sorted(left)}"
        left = {room: others for room, others in left.items() if room not in free}


def test_the_space_uses_public_names_only() -> None:
    folder = PACKAGE.parent / "space"
    files = sorted(folder.rglob("*.py"))
    assert files
    for path in files:
        assert list_imports(path) <= {"emotions"}, str(path)


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
