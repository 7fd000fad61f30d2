"""The shell's script completes what fer-zoo takes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fer_zoo.artifacts.artifact import list_embedded
from fer_zoo.cli.completion_command import SHELLS
from fer_zoo.cli.main import main
from fer_zoo.models.registry import ARCHITECTURES

COMPLETE = """
source ./script
COMP_WORDS=({words} "{word}")
COMP_CWORD={count}
_shtab_fer_zoo
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """What bash offers for a word that was begun."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    main(["completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out, encoding="utf-8")

    def run(line: str) -> set[str]:
        *words, word = line.split(" ")
        code = COMPLETE.format(words=" ".join(words), word=word, count=len(words))
        ran = subprocess.run(["bash", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
        return set(ran.stdout.split())

    return run


def test_bash_completes_commands_options_and_names(complete, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").touch()
    assert complete("fer-zoo pre") == {"predict"}
    assert complete("fer-zoo train --pre") == {"--pretrained"}
    assert complete("fer-zoo train --arch resnet") == {name for name in ARCHITECTURES if "resnet" in name[:6]}
    assert complete("fer-zoo eval efficientnet") == {
        name for name in list_embedded() if name.startswith("efficientnet")
    }
    assert complete("fer-zoo predict ca") == {"cat.jpg"}
    assert complete("fer-zoo export cnn-baseline --format o") == {"onnx"}


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", shell])
    assert "predict" in capsys.readouterr().out
