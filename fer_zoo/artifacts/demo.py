"""Opens the Space on this machine: `space/` beside the package in a checkout, `_space` inside an installed
one.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from fer_zoo.errors import FerZooError, escape

PACKAGE = Path(__file__).parents[1]


def find_space() -> Path:
    for folder in (PACKAGE / "_space", PACKAGE.parent / "space"):
        if (folder / "app.py").is_file():
            return folder
    raise FerZooError(f"The demo's folder is missing beside {str(PACKAGE)!r}: install fer-zoo again.")


def launch_demo(
    port: int,
    open_browser: bool = False,
    host: str | None = None,
    share: bool = False,
    models: Sequence[str] = (),
    fetch: bool = False,
) -> None:
    """Serve the page until Ctrl-C. Arguments and errors as of `launch` in space/app.py, but a port that is
    taken raises FerZooError.
    """
    sys.path.insert(0, str(find_space()))
    try:
        import_module("app").launch(port, open_browser, host, share, models, fetch)
    except OSError as error:
        at = f" of {escape(host)}" if host else ""
        raise FerZooError(f"Port {port}{at} cannot be used: choose another with --port.") from error
