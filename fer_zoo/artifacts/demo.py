"""Opens the Space on this machine: `space/` beside the package in a checkout, `_space` inside an installed
one.
"""

import sys
from importlib import import_module
from pathlib import Path

from fer_zoo.errors import FerZooError

PACKAGE = Path(__file__).parents[1]


def find_space() -> Path:
    for folder in (PACKAGE / "_space", PACKAGE.parent / "space"):
        if (folder / "app.py").is_file():
            return folder
    raise FerZooError(f"The demo's folder is missing beside {str(PACKAGE)!r}: install fer-zoo again.")


def launch_demo(port: int, open_browser: bool) -> None:
    """Serve the page until Ctrl-C. Raises FerZooError where the port is taken."""
    sys.path.insert(0, str(find_space()))
    try:
        import_module("app").launch(port=port, open_browser=open_browser)
    except OSError as error:
        raise FerZooError(f"Port {port} cannot be used: choose another with --port.") from error
