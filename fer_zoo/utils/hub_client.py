"""A client of the Hugging Face Hub: checked names, one-line errors, and downloads checked against their hash.

huggingface_hub reads HF_TOKEN, HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE.

`snapshot_download` does less, as read in its version 2.4: it compares a download's size and not its hash, and
its patterns cannot choose by what a repository has. `verify_repo_checksums` hashes, with another request, and
neither deletes nor repeats what differs; offline, nothing would tell a verified file from another.

The layout of the cache is documented: in `models--OWNER--NAME`, `refs/BRANCH` contains a commit and
`snapshots/COMMIT` its files.
"""

import errno
import hashlib
import json
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from fer_zoo.errors import FerZooError, HubError, one_line
from fer_zoo.utils.files import write_text

COMMIT = re.compile(r"[0-9a-f]{40}")
REVISION = re.compile(r"\w[\w./-]*")
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
RECORDS = ".fer_zoo"  # folder in a repository's cache: for each commit, the files that were verified
Choose = Callable[[Sequence[str]], Sequence[str]]  # selects files from all paths of a repository


class Fetched(NamedTuple):
    """Files of a repository in the local cache."""

    files: dict[str, Path]  # path in the cache by path in the repository
    commit: str  # 40 hex digits


def parse_repo_address(address: str) -> tuple[str, str | None]:
    """Split OWNER/NAME[@REVISION] into name and revision. Raises HubError for a malformed name."""
    repo, _, revision = address.partition("@")
    check_name(repo)
    return repo, revision or None


def check_name(repo: str, kind: str = "repository") -> None:
    """Raise HubError unless `repo` is a valid OWNER/NAME."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
        is_valid = "/" in repo
    except HFValidationError:
        is_valid = False
    if not is_valid:
        raise HubError(f"{repo!r} is not a {kind} name. Give OWNER/NAME, such as ada/faces.")


def fetch_files(
    repo: str,
    choose: Choose,
    *,
    revision: str | None = None,
    repo_type: str = "model",
    max_bytes: int,
) -> Fetched:
    """Download files of a repository into huggingface_hub's cache.

    Each file is compared with the hash that the Hub declares (SHA-256 of a large file, git's SHA-1 of a small
    one); a file that differs is deleted and downloaded once more. A cached commit is used without a request.
    Without network, the last cached commit of a branch is used, with a warning.

    max_bytes: maximum total size. Raises HubError, or WriteError where the cache cannot be written.
    """
    from huggingface_hub.errors import OfflineModeIsEnabled
    from huggingface_hub.utils import httpx

    revision = revision or "main"
    if not REVISION.fullmatch(revision) or ".." in revision:
        raise HubError(f"{revision!r} is not a revision: give a branch, a tag or a commit.")
    if COMMIT.fullmatch(revision) and (cached := _find_cached(repo, choose, revision, repo_type)):
        return cached
    with translate_errors(repo, revision, repo_type):
        try:
            commit, declared = _list_declared(repo, choose, revision, repo_type, max_bytes)
        except (OfflineModeIsEnabled, httpx.TransportError) as error:
            cached = _find_cached(repo, choose, revision, repo_type)
            if cached is None:
                raise
            if not isinstance(error, OfflineModeIsEnabled):
                warnings.warn(
                    f"The Hub cannot be reached; the cached commit {cached.commit[:12]} of {repo} is used.",
                    stacklevel=2,
                )
            return cached
        return _download(repo, commit, declared, revision, repo_type)


def _list_declared(
    repo: str, choose: Choose, revision: str, repo_type: str, max_bytes: int
) -> tuple[str, dict[str, Any]]:
    """The commit, and huggingface_hub's RepoSibling of each chosen file."""
    from huggingface_hub import HfApi, constants

    info: Any = HfApi().repo_info(  # a new HfApi reads the current endpoint
        repo,
        repo_type=repo_type,
        revision=revision,
        files_metadata=True,
        timeout=constants.HF_HUB_ETAG_TIMEOUT,
    )
    listed = {file.rfilename: file for file in info.siblings or ()}
    files = {name: listed[name] for name in choose(list(listed))}
    size = sum(file.size or 0 for file in files.values())
    if size > max_bytes:
        raise HubError(
            f"{repo} would take {size / 1e6:,.0f} MB; fer_zoo downloads at most {max_bytes / 1e6:,.0f} MB."
        )
    return info.sha, files


def _download(repo: str, commit: str, declared: dict[str, Any], revision: str, repo_type: str) -> Fetched:
    """Download by `revision`, so that the cache stores which commit it was."""
    from huggingface_hub import HfApi

    files = {}
    for name, sibling in declared.items():
        for _ in range(2):
            path = Path(HfApi().hf_hub_download(repo, name, repo_type=repo_type, revision=revision))
            if path.parents[name.count("/")].name != commit:
                raise HubError(f"{repo} got a new commit during the download: run the command again.")
            if _hash_as_declared(path, sibling) == (sibling.lfs.sha256 if sibling.lfs else sibling.blob_id):
                files[name] = path
                break
            path.resolve().unlink()  # the content, then the cache's link to it
            path.unlink(missing_ok=True)
        else:
            raise HubError(
                f"{name} of {repo} was downloaded twice and did not match the Hub's hash; it was deleted. "
                "Try again later."
            )
    record = _find_cache(repo, repo_type) / RECORDS / f"{commit}.json"
    write_text(record, json.dumps(list(files)))
    return Fetched(files, commit)


def _hash_as_declared(path: Path, sibling: Any) -> str:
    content = path.read_bytes()
    if sibling.lfs:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # git's hash of a file


def _find_cached(repo: str, choose: Choose, revision: str, repo_type: str) -> Fetched | None:
    """Files that an earlier `fetch_files` verified and cached; None if any is missing."""
    cache = _find_cache(repo, repo_type)
    commit = revision
    if not COMMIT.fullmatch(revision):
        reference = cache / "refs" / revision
        commit = reference.read_text(encoding="utf-8").strip() if reference.is_file() else ""
    record = cache / RECORDS / f"{commit}.json"
    if not record.is_file():
        return None
    folder = cache / "snapshots" / commit
    files = {name: folder / name for name in choose(json.loads(record.read_text(encoding="utf-8")))}
    return Fetched(files, commit) if all(path.is_file() for path in files.values()) else None


def _find_cache(repo: str, repo_type: str) -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"{repo_type}s--{repo.replace('/', '--')}"


@contextmanager
def translate_errors(repo: str, revision: str = "main", repo_type: str = "model") -> Iterator[None]:
    """Context manager that raises huggingface_hub's errors as a HubError of one line.

    It covers a missing or refused token, no network, a missing repository, the server's own messages, and the
    cache of this machine.
    """
    from huggingface_hub import constants, errors
    from huggingface_hub.utils import httpx

    try:
        yield
    except FerZooError:  # one of our own that is an OSError too: the record in the cache cannot be written
        raise
    except errors.LocalTokenNotFoundError as error:
        raise HubError("No Hugging Face token is saved: run `hf auth login`, or set HF_TOKEN.") from error
    except errors.GatedRepoError as error:
        url = f"{constants.ENDPOINT}/{'' if repo_type == 'model' else f'{repo_type}s/'}{repo}"
        raise HubError(
            f"{repo!r} is gated: accept its terms at {url}, then run `hf auth login` or set HF_TOKEN."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise HubError(f"{repo!r} has no revision {revision!r}: give a branch, a tag or a commit.") from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(
            f"The Hub has no {repo_type} {repo!r}. Check the name; a private one needs "
            "`hf auth login` or HF_TOKEN."
        ) from error
    except errors.HfHubHTTPError as error:
        raise HubError(f"The Hub's answer for {repo!r}: {_read_reason(error)}.") from error
    except (httpx.HTTPError, OSError, RuntimeError) as error:  # the last: an upload that was aborted
        reason = one_line(error.__cause__ or error).rstrip(".")
        if isinstance(error, OSError) and (error.filename or error.errno in DISK_FULL):
            raise HubError(f"A file of this machine cannot be read or written ({reason}).") from error
        raise HubError(
            f"The Hub cannot be reached ({reason}). Nothing was lost: run it again when the network "
            "is available."
        ) from error
    except (ValueError, KeyError, TypeError) as error:  # HTML, or other JSON
        raise HubError(
            f"The server at {constants.ENDPOINT} is not the Hub: perhaps it is this network's login page. "
            "Open a web page to log in, or check HF_ENDPOINT, then run it again."
        ) from error


def _read_reason(error: Any) -> str:
    status = error.response.status_code
    known = {
        401: "the token was refused; run `hf auth login` with a valid one",
        403: "this token has no write permission there",
    }
    message = " ".join((error.server_message or "").split())[:200].rstrip(".")
    return known.get(status) or f"{message or 'no reason given'} (status {status}); run it again later"
