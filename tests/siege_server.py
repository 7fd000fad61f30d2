"""The demo's page in a process of its own, with the embedded weights and its own folder of uploads."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import fer_zoo

HOME = Path(fer_zoo.__file__).parents[1]
SERVE = """
import app, fer_zoo
fer_zoo.isolate_decoding()
page = app.build_page()
print(app.serve(page), flush=True)
page.block_thread()
"""


def read_memory_mb(process: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


class Besieged(NamedTuple):
    url: str
    process: int
    uploads: Path


@contextmanager
def start_page(uploads: Path) -> Iterator[Besieged]:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{HOME}{os.pathsep}{HOME / 'space'}",
        "GRADIO_TEMP_DIR": str(uploads),
    }
    command = [sys.executable, "-c", SERVE]
    page = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert page.stdout is not None
        url = next(line for line in page.stdout if line.startswith("http")).strip()
        yield Besieged(url.rstrip("/"), page.pid, uploads)
    finally:
        page.terminate()
        page.wait(20)
