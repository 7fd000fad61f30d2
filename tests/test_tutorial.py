"""The tutorial notebooks: one source in two languages, run on drawn faces."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
nbformat = pytest.importorskip("nbformat", reason="the notebooks need fer-zoo[docs]")
pytest.importorskip("jupytext", reason="the notebooks need fer-zoo[docs]")
pytest.importorskip("nbclient", reason="the notebooks need fer-zoo[docs]")
builder = SimpleNamespace(**runpy.run_path(str(ROOT / ".ci" / "tutorial.py")))


@pytest.mark.parametrize("language", builder.NAMES)
def test_the_notebook_is_made_from_the_source(language: str) -> None:
    stored = nbformat.read(builder.DOCS / f"{builder.NAMES[language]}.ipynb", as_version=4)
    made = builder.build_notebook(language)
    cells = [[(cell.cell_type, cell.source) for cell in book.cells] for book in (stored, made)]
    assert cells[0] == cells[1], "run: .ci/tutorial.py"
    assert any("outputs" in cell and cell.outputs for cell in stored.cells), "it has no pictures"


def test_both_languages_have_the_same_code_and_each_text() -> None:
    english, spanish = (builder.build_notebook(language).cells for language in builder.NAMES)
    assert [cell.cell_type for cell in english] == [cell.cell_type for cell in spanish]
    for one, other in zip(english, spanish, strict=True):
        assert (one.source == other.source) == (one.cell_type == "code")


@pytest.mark.timeout(900)  # as run_notebook allows a cell: it trains several networks
def test_the_notebook_runs(tmp_path: Path, monkeypatch) -> None:
    """Every cell on drawn faces, in a kernel that imports this fer_zoo."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    book = builder.run_notebook(builder.build_notebook("en"))
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) >= 8  # histogram, faces, curves, confusion ...
    assert any("epoch 1: 100%" in output.get("text", "") for output in outputs), "no progress bar"
