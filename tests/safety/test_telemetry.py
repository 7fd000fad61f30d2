"""Prediction leaves nothing in the home folder and asks nobody on the network, in C++ as in Python."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import fer_zoo

PACKAGE = Path(fer_zoo.__file__).parent
FIRST_UPLOAD_S = 12  # ONNX Runtime 1.32 made its first look-up 9 s after its import
WORK = f"""
import time
start = time.monotonic()
import numpy as np
import fer_zoo
from fer_zoo.data.augment import Augmentation, build_albumentations
from fer_zoo.artifacts.onnx_model import open_onnx
from fer_zoo.artifacts.resolve import resolve_folder

build_albumentations(Augmentation())
fer_zoo.Recognizer(["cnn-baseline"]).recognize(np.full((480, 640, 3), 128, np.uint8))
open_onnx(resolve_folder("cnn-baseline")).predict(np.zeros((48, 48), np.uint8))
time.sleep(max(0, start + {FIRST_UPLOAD_S} - time.monotonic()))
"""
SWITCHES = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "NO_ALBUMENTATIONS_UPDATE", "CI")


class Watched(NamedTuple):
    """left: files in the home folder. calls: what strace saw of the network, None where it cannot run."""

    left: list[str]
    calls: list[str] | None


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """A user's first prediction, with none of the switches set, in an empty home folder."""
    pytest.importorskip("onnxscript", reason="needs pip install 'fer-zoo[onnx]'")
    base = tmp_path_factory.mktemp("telemetry")
    home, log = base / "home", base / "calls.txt"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    kept = {name: value for name, value in kept.items() if not name.startswith("XDG_")}
    environment = {**kept, "HOME": str(home), "FER_ZOO_CACHE": str(base / "cache")}
    strace = ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(log)] if can_trace() else []
    subprocess.run([*strace, sys.executable, "-c", WORK], env=environment, cwd=base, check=True)
    left = [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]
    return Watched(left, log.read_text().splitlines() if strace else None)


def can_trace() -> bool:
    """Containers may forbid what strace works with."""
    if (found := shutil.which("strace")) is None:
        return False
    return subprocess.run([found, "-qq", "-o", os.devnull, "true"], check=False).returncode == 0


def test_prediction_leaves_nothing_in_the_home_folder(watched: Watched) -> None:
    assert watched.left == []


def test_prediction_opens_no_socket_to_the_network(watched: Watched) -> None:
    if watched.calls is None:
        pytest.skip("strace is not installed, or not allowed here")
    assert [call for call in watched.calls if "AF_INET" in call] == []


@pytest.mark.parametrize("package", ["onnxruntime", "albumentations"])
def test_packages_that_report_home_are_imported_in_one_place(package: str) -> None:
    """Their parts may be imported after them, in a file that names the helper."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == package for name in names) and path.name != "telemetry.py":
                assert f"import_{package}()" in text, path
