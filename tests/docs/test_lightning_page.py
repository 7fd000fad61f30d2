"""The program of the Lightning page trains a model that fer_zoo loads."""

import re
from pathlib import Path

import pytest

import fer_zoo
from fer_zoo.cli.main import main

PAGE = Path(fer_zoo.__file__).parent / "docs" / "lightning.md"


def test_the_program_trains_and_saves_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lightning = pytest.importorskip("lightning", reason="lightning is not installed")
    monkeypatch.chdir(tmp_path)
    main(["data", "synth", "fer2013.csv", "--count", "320"])
    (program,) = re.findall(r"```python skip\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names = {"__name__": "page"}
    monkeypatch.setattr(lightning, "Trainer", quiet(lightning.Trainer))
    exec(program, names)
    assert names["trainer"].callback_metrics["val_loss"].isfinite()
    loaded = fer_zoo.load("runs/lightning")
    key, value = next(iter(names["module"].model.backbone.state_dict().items()))
    assert (loaded.backbone.state_dict()[key] == value.cpu()).all()


def quiet(trainer: type) -> object:
    """On the CPU, without bars, logs and checkpoints."""
    options = {
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
    }
    return lambda **given: trainer(**given, **options)
