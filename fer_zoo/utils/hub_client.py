"""The Hugging Face Hub asked politely: names, errors as one line, and files that arrive whole or not at all.

HF_TOKEN, HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE are honoured, because huggingface_hub reads them.
"""

import hashlib
import json
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from fer_zoo.errors import HubError
from fer_zoo.utils.files import write_text

COMMIT = re.compile(r"[0-9a-f]{40}")
REVISION = re.compile(r"\w[\w./-]*")
RECORDS = ".fer_zoo"  # beside huggingface_hub's own folders: which files of a commit were checked


class Fetched(NamedTuple):
    """files: their places in the cache, by their paths in the repository. commit: of 40 hex digits."""

    files: dict[str, Path]
    commit: str


def parse_repo_address(address: str) -> tuple[str, str | None]:
    """OWNER/NAME[@REVISION] as name and revision. Raises HubError for what is no such address."""
    repo, _, revision = address.partition("@")
    check_name(repo)
    return repo, revision or None


def check_name(repo: str, kind: str = "repository") -> None:
    """Raises HubError for what is no OWNER/NAME."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
        named = "/" in repo
    except HFValidationError:
        named = False
    if not named:
        raise HubError(f"{repo!r} is no name of a {kind}. Give OWNER/NAME, such as ada/faces.")


def fetch_files(
    repo: str,
    choose: Callable[[Sequence[str]], Sequence[str]],
    *,
    revision: str | None = None,
    repo_type: str = "model",
    largest: int,
) -> Fetched:
    """The files that `choose` takes out of those of a repository, in huggingface_hub's cache.

    Each is compared with the hash that the Hub declares for it (SHA-256 of a large file, git's SHA-1 of a
    small one); one that differs is thrown away and fetched once more. largest: bytes of all together. A
    commit that is in the cache is not asked for again; without network the last commit seen of a branch is
    taken, with a warning. Raises HubError.
    """
    from huggingface_hub.errors import OfflineModeIsEnabled
    from huggingface_hub.utils import httpx

    revision = revision or "main"
    if not REVISION.fullmatch(revision) or ".." in revision:
        raise HubError(f"{revision!r} is no revision: give a branch, a tag or a commit.")
    if COMMIT.fullmatch(revision) and (kept := _find_kept(repo, choose, revision, repo_type)):
        return kept
    with translate_errors(repo, revision, repo_type):
        try:
            declared = _list_declared(repo, choose, revision, repo_type, largest)
        except (OfflineModeIsEnabled, httpx.TransportError) as error:
            kept = _find_kept(repo, choose, revision, repo_type)
            if kept is None:
                raise
            if not isinstance(error, OfflineModeIsEnabled):
                warnings.warn(
                    f"The Hub cannot be reached; {repo} is taken as it was at {kept.commit[:12]}.",
                    stacklevel=2,
                )
            return kept
        return _download(repo, declared, revision, repo_type)


class _Declared(NamedTuple):
    commit: str
    files: dict[str, Any]  # huggingface_hub's RepoSibling by path


def _list_declared(
    repo: str,
    choose: Callable[[Sequence[str]], Sequence[str]],
    revision: str,
    repo_type: str,
    largest: int,
) -> _Declared:
    from huggingface_hub import HfApi, constants

    info: Any = HfApi().repo_info(  # one HfApi a call: it takes the endpoint as it is now
        repo,
        repo_type=repo_type,
        revision=revision,
        files_metadata=True,
        timeout=constants.HF_HUB_ETAG_TIMEOUT,
    )
    listed = {file.rfilename: file for file in info.siblings or ()}
    files = {name: listed[name] for name in choose(list(listed))}
    size = sum(file.size or 0 for file in files.values())
    if size > largest:
        raise HubError(
            f"{repo} would take {size / 1e6:,.0f} MB; fer_zoo downloads {largest / 1e6:,.0f} MB at most."
        )
    return _Declared(info.sha, files)


def _download(repo: str, declared: _Declared, revision: str, repo_type: str) -> Fetched:
    """Asked for by `revision`, so that the cache remembers which commit that was."""
    from huggingface_hub import HfApi

    files = {}
    for name, sibling in declared.files.items():
        for _ in range(2):
            path = Path(HfApi().hf_hub_download(repo, name, repo_type=repo_type, revision=revision))
            if path.parents[name.count("/")].name != declared.commit:
                raise HubError(f"{repo} got a new commit during the download: run the command again.")
            if _hash_as_declared(path, sibling) == (sibling.lfs.sha256 if sibling.lfs else sibling.blob_id):
                files[name] = path
                break
            path.resolve().unlink()  # the bytes, then the cache's link to them
            path.unlink(missing_ok=True)
        else:
            raise HubError(
                f"{name} of {repo} arrived twice with other bytes than the Hub declares; it was thrown away. "
                "Try again later."
            )
    record = _find_cache(repo, repo_type) / RECORDS / f"{declared.commit}.json"
    write_text(record, json.dumps(list(files)))
    return Fetched(files, declared.commit)


def _hash_as_declared(path: Path, sibling: Any) -> str:
    content = path.read_bytes()
    if sibling.lfs:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # git's hash of a file


def _find_kept(
    repo: str, choose: Callable[[Sequence[str]], Sequence[str]], revision: str, repo_type: str
) -> Fetched | None:
    """What an earlier `fetch_files` checked and left in the cache; None if it is not whole."""
    place = _find_cache(repo, repo_type)
    commit = revision
    if not COMMIT.fullmatch(revision):
        reference = place / "refs" / revision  # huggingface_hub's memory of a branch
        commit = reference.read_text().strip() if reference.is_file() else ""
    record = place / RECORDS / f"{commit}.json"
    if not record.is_file():
        return None
    folder = place / "snapshots" / commit
    files = {name: folder / name for name in choose(json.loads(record.read_text(encoding="utf-8")))}
    return Fetched(files, commit) if all(path.is_file() for path in files.values()) else None


def _find_cache(repo: str, repo_type: str) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type=repo_type)


@contextmanager
def translate_errors(repo: str, revision: str = "main", repo_type: str = "model") -> Iterator[None]:
    """The Hub's errors as one HubError of one line: no token, a token refused, no network, nothing there, or
    the server's own reason.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalTokenNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.utils import httpx

    try:
        yield
    except LocalTokenNotFoundError as error:
        raise HubError("No Hugging Face token is saved: run `hf auth login`, or set HF_TOKEN.") from error
    except GatedRepoError as error:
        place = f"{constants.ENDPOINT}/{'' if repo_type == 'model' else f'{repo_type}s/'}{repo}"
        raise HubError(
            f"{repo!r} is gated: accept its terms at {place}, then run `hf auth login` or set HF_TOKEN."
        ) from error
    except RevisionNotFoundError as error:
        raise HubError(f"{repo!r} has no revision {revision!r}: give a branch, a tag or a commit.") from error
    except RepositoryNotFoundError as error:
        raise HubError(
            f"The Hub shows no {repo_type} {repo!r}. Check the name; a private one needs "
            "`hf auth login` or HF_TOKEN."
        ) from error
    except HfHubHTTPError as error:
        raise HubError(f"The Hub answers for {repo!r}: {_read_reason(error)}.") from error
    except (httpx.HTTPError, OSError, RuntimeError) as error:  # the last: an upload that was given up
        reason = " ".join(str(error.__cause__ or error).split())[:200].rstrip(".")
        raise HubError(
            f"The Hub cannot be reached ({reason or type(error).__name__}). Nothing was lost: run it again "
            "when the network is there."
        ) from error
    except (ValueError, KeyError, TypeError) as error:  # HTML, or JSON of something else
        raise HubError(
            f"What answers at {constants.ENDPOINT} is not the Hub: perhaps a login page of this network. "
            "Open a web page to log in, or check HF_ENDPOINT, then run it again."
        ) from error


def _read_reason(error: Any) -> str:
    status = error.response.status_code
    known = {
        401: "it refuses this token; run `hf auth login` with a valid one",
        403: "this token may not write there",
    }
    message = " ".join((error.server_message or "").split())[:200].rstrip(".")
    return known.get(status) or f"{message or 'no reason given'} (status {status}); run it again later"
