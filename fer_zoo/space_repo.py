"""The demo as a Space of the Hugging Face Hub: what goes into it, and the push."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fer_zoo.demo import PACKAGE, find_space
from fer_zoo.errors import HubError

LEFT_OUT = {"__pycache__", "_space"}  # caches, and an installed package's own copy of the Space
SCREENSHOTS = "screenshot*"


def list_space_files() -> dict[str, Path]:
    """The files of the Space: their places in the repository, and where they lie here.

    The package goes with it as the folder `fer_zoo`, weights included: so the Space runs the very code that
    was tested here. Its requirements.txt names what the package needs.
    """
    files = {}
    for source, prefix in ((find_space(), Path()), (PACKAGE, Path("fer_zoo"))):
        for path in sorted(source.rglob("*")):
            place = path.relative_to(source)
            if path.is_file() and not LEFT_OUT & set(place.parts) and not place.match(SCREENSHOTS):
                files[(prefix / place).as_posix()] = path
    return files


def push_space(repo: str, private: bool = False) -> str:
    """Make the Space OWNER/NAME hold the files of `list_space_files` and no others, in one commit.

    A Space that is missing is created, then `private` says who sees it. Returns its address. Raises HubError.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    check_name(repo)
    files = list_space_files()
    with explain_errors(repo):
        hub = HfApi()  # one a call: it takes the endpoint as it is now
        hub.whoami()  # a token that is missing or refused is told before anything is made
        address = hub.create_repo(repo, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
        stale = set(hub.list_repo_files(repo, repo_type="space")) - {".gitattributes", *files}
        added = [CommitOperationAdd(place, path) for place, path in files.items()]
        deleted = [CommitOperationDelete(place) for place in sorted(stale)]
        hub.create_commit(repo, [*added, *deleted], commit_message="Update the demo", repo_type="space")
    return str(address)


def check_name(repo: str) -> None:
    """Raises HubError for what is no OWNER/NAME."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
        named = "/" in repo
    except HFValidationError:
        named = False
    if not named:
        raise HubError(f"{repo!r} is no name of a Space. Give OWNER/NAME, such as ada/faces.")


@contextmanager
def explain_errors(repo: str) -> Iterator[None]:
    """The Hub's errors as one line: no token, a token refused, no network, or the server's own reason."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError
    from huggingface_hub.utils import httpx

    try:
        yield
    except LocalTokenNotFoundError as error:
        raise HubError("No Hugging Face token is saved: run `hf auth login`, or set HF_TOKEN.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        reason = (
            {
                401: "it refuses this token; run `hf auth login` with a valid one",
                403: "this token may not write there",
            }.get(status)
            or error.server_message
            or f"status {status}"
        )
        raise HubError(f"The Hub does not take {repo!r}: {reason}.") from error
    except (httpx.HTTPError, OSError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise HubError(f"The Hub cannot be reached ({reason}). --dry-run needs no network.") from error
