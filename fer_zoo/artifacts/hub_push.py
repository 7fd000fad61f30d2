"""A model's folder to the Hugging Face Hub, in one commit."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fer_zoo.artifacts.artifact import hash_weights, name_model, read_config, write_config
from fer_zoo.utils.hub_client import check_name, translate_errors

TRIES, PAUSE = 3, 1.0  # of the commit; seconds before the second try, then twice as many


@contextmanager
def prepare_push(write: Callable[[Path], object]) -> Iterator[dict[str, Path]]:
    """What a push of a model sends: paths in the repository, and files here.

    Weights, config.json with their SHA-256, the card that says how to load it from the Hub, and its
    pictures. write: makes the model's folder at the path that it is given; its errors come before anything
    is sent.
    """
    with TemporaryDirectory(prefix="fer-zoo-") as name:
        folder = Path(name) / "pushed"
        write(folder)
        config = read_config(folder)
        config["fer_zoo"]["weights_sha256"] = hash_weights(folder)
        write_config(folder, config)
        yield {path.name: path for path in sorted(folder.iterdir())}


def push_written(
    write: Callable[[Path], object], repo: str, private: bool = False, revision: str | None = None
) -> str:
    """Put the model's folder that `write` makes into OWNER/NAME in one commit; give its address.

    A repository or branch that is missing is made; `private` says who sees a new one. A commit that fails on
    the way is tried again; the repository keeps what it had until the commit is whole, and what was uploaded
    is not sent twice, so a push that stopped is simply run again. Raises HubError.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    check_name(repo)
    branch = revision or "main"
    hub = HfApi()  # one a call: it takes the endpoint as it is now
    with translate_errors(repo, branch):
        hub.whoami()  # a missing token or network is reported before the work
    with prepare_push(write) as files, translate_errors(repo, branch):
        hub.create_repo(repo, private=private, exist_ok=True)
        if branch != "main":
            hub.create_branch(repo, branch=branch, exist_ok=True)
        added = [CommitOperationAdd(name, path) for name, path in files.items()]
        name = name_model(read_config(files["config.json"].parent)["fer_zoo"])
        return str(_commit(hub, repo, added, f"Upload {name}", branch).commit_url)


def _commit(hub: Any, repo: str, added: list[Any], message: str, branch: str) -> Any:
    """huggingface_hub repeats uploads by itself, the commit not: a server's error is retried here."""
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import httpx

    for attempt in range(1, TRIES + 1):
        try:
            return hub.create_commit(repo, added, commit_message=message, revision=branch)
        except (HfHubHTTPError, httpx.TransportError) as error:
            refused = isinstance(error, HfHubHTTPError) and error.response.status_code < 500
            if refused or attempt == TRIES:
                raise
            time.sleep(PAUSE * 2 ** (attempt - 1))
    raise AssertionError("the last try returns or raises")
