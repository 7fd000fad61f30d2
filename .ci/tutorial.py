#!/usr/bin/env python3
"""The tutorial in two languages from one source: writes tutorial.ipynb and tutorial.es.ipynb in fer_zoo/docs.

The source is jupytext's Markdown; a region marked lang="es" is in the Spanish notebook alone. The cells are
run on drawn faces, so the pictures in the notebooks show nobody. `--no-run` leaves the outputs out.
"""

import base64
import io
import os
import re
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from PIL import Image

DOCS = Path(__file__).resolve().parents[1] / "fer_zoo" / "docs"
SOURCE = DOCS / "tutorial.source.md"
PNG = "image/png"
COLORS = 48  # of a picture that is kept
WIDGET = "application/vnd.jupyter.widget-view+json"  # a bar that moves; nothing is left of it in a file
NAMES = {"en": "tutorial", "es": "tutorial.es"}


def build_notebook(language: str) -> NotebookNode:
    """Without outputs."""
    notebook = jupytext.read(SOURCE)
    cells = [cell for cell in notebook.cells if cell.metadata.pop("lang", language) == language]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:02d}"
    notebook.cells = cells
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def build_page(language: str) -> str:
    """Markdown of the site, without the badges, which are pictures from elsewhere."""
    text = jupytext.writes(build_notebook(language), fmt="markdown").partition("---\n\n")[2]
    return re.sub(r"^\[!\[.*\n", "", text, flags=re.MULTILINE)


def run_notebook(notebook: NotebookNode, timeout_s: int = 900) -> NotebookNode:
    """Run it in an empty folder, where it finds no FER2013 and draws faces. Raises CellExecutionError."""
    from nbclient import NotebookClient

    os.environ.pop("FER_ZOO_DATA", None)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=timeout_s, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times, which differ each run
        if cell.cell_type == "code":
            cell.outputs = tidy_outputs(cell.outputs)
    notebook.metadata.pop("widgets", None)
    return notebook


def tidy_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Pictures of few colors, the last state of each progress bar, and nothing of what a file cannot show."""
    tidy: list[NotebookNode] = []
    for output in outputs:
        data = output.get("data", {})
        if WIDGET in data:
            continue
        if PNG in data:
            data[PNG] = shrink_png(data[PNG])
        if output.output_type == "stream" and tidy and tidy[-1].get("name") == output.name:
            tidy[-1].text += output.text
        else:
            tidy.append(output)
    for output in tidy:
        if output.output_type == "stream":
            lines = output.text.split("\n")
            output.text = "\n".join(line.rpartition("\r")[2] for line in lines)
    return tidy


def shrink_png(encoded: str) -> str:
    shrunk = io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
    picture.quantize(COLORS).save(shrunk, format="PNG", optimize=True)
    return base64.b64encode(shrunk.getvalue()).decode()


def main() -> None:
    run = None if "--no-run" in sys.argv else run_notebook(build_notebook("en"))
    for language, name in NAMES.items():
        notebook = build_notebook(language)
        for number, cell in enumerate(run.cells if run else ()):
            if cell.cell_type == "code":  # the same code in each language
                notebook.cells[number].outputs = cell.outputs
                notebook.cells[number].execution_count = cell.execution_count
        nbformat.write(notebook, DOCS / f"{name}.ipynb")


if __name__ == "__main__":
    main()
