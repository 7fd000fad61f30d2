"""The demo, from `space/` beside the package in a checkout or `_space` inside an installed one: opened
here, or pushed as a Space of the Hugging Face Hub.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from fer_zoo.errors import FerZooError, escape
from fer_zoo.utils.hub_client import check_name, translate_errors

PACKAGE = Path(__file__).parents[1]
LEFT_OUT = {"__pycache__", "_space"}  # caches, and an installed package's own copy of the Space
SCREENSHOTS = "screenshot*"


def list_space_files() -> dict[str, Path]:
    """The files of the Space: their paths in the repository and here.

    The package goes with it as the folder `fer_zoo`, weights included: so the Space runs the very code that
    was tested here. Its requirements.txt names what the package needs.
    """
    files = {}
    for source, prefix in ((find_space(), Path()), (PACKAGE, Path("fer_zoo"))):
        for path in sorted(source.rglob("*")):
            inner = path.relative_to(source)
            if any(part.startswith(".") for part in inner.parts):  # .env with a token, caches of tools
                continue
            if path.is_file() and not LEFT_OUT & set(inner.parts) and not inner.match(SCREENSHOTS):
                files[(prefix / inner).as_posix()] = path
    return files


def push_space(repo: str, private: bool = False) -> str:
    """Make the Space OWNER/NAME hold the files of `list_space_files` and no others, in one commit.

    A Space that is missing is created, then `private` says who sees it. Returns its address. Raises HubError.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    check_name(repo, "Space")
    files = list_space_files()
    with translate_errors(repo):
        hub = HfApi()  # one a call: it takes the endpoint as it is now
        hub.whoami()  # a token that is missing or refused is reported before anything is made
        address = hub.create_repo(repo, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
        there = {file.rfilename for file in hub.space_info(repo).siblings or ()}
        stale = there - {".gitattributes", *files}
        added = [CommitOperationAdd(name, path) for name, path in files.items()]
        deleted = [CommitOperationDelete(name) for name in sorted(stale)]
        hub.create_commit(repo, [*added, *deleted], commit_message="Update the demo", repo_type="space")
    return str(address)


def find_space() -> Path:
    for folder in (PACKAGE / "_space", PACKAGE.parent / "space"):
        if (folder / "app.py").is_file():
            return folder
    raise FerZooError(f"The demo's folder is missing beside {str(PACKAGE)!r}: install fer-zoo again.")


def launch_demo(port: int, host: str | None = None, **options: Any) -> None:
    """Serve the page until Ctrl-C. Arguments and errors as of `launch` in space/app.py, but a port that is
    taken raises FerZooError.
    """
    sys.path.insert(0, str(find_space()))
    try:
        import_module("app").launch(port, host=host, **options)
    except OSError as error:
        at = f" of {escape(host)}" if host else ""
        raise FerZooError(f"Port {port}{at} cannot be used: choose another with --port.") from error
