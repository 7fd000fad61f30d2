"""Data sets of the Hugging Face Hub, as Parquet files."""

import re
from collections.abc import Sequence
from pathlib import Path

from fer_zoo.data.labels_and_splits import parse_usage
from fer_zoo.errors import DataError
from fer_zoo.utils.hub_client import fetch_files

# At the revision refs/convert/parquet the Hub has a Parquet copy of most datasets.
_HUB_ADDRESS = re.compile(
    r"hf://datasets/(?P<repo>[^/@]+/[^/@]+)(@(?P<revision>refs/[^/]+/[^/]+|[^/]+))?(/(?P<folder>.+?))?/?"
)
MAX_DOWNLOAD_BYTES = 2_000_000_000  # the challenge's CSV has 301 million


def fetch_parquet(address: str) -> tuple[list[Path], str]:
    """Download the Parquet files of hf://datasets/OWNER/NAME[@REVISION][/FOLDER].

    Returns the files and the address with the commit. Raises DataError for another address, or for a dataset
    without Parquet files or with several sets of them; HubError.
    """
    match = _HUB_ADDRESS.fullmatch(address)
    if match is None:
        raise DataError(f"{address}: not hf://datasets/OWNER/NAME[@REVISION][/FOLDER].")

    def choose(paths: Sequence[str]) -> list[str]:
        return _choose_parquet(paths, match["folder"] or "", address)

    fetched = fetch_files(
        match["repo"], choose, revision=match["revision"], repo_type="dataset", max_bytes=MAX_DOWNLOAD_BYTES
    )
    return list(fetched.files.values()), f"hf://datasets/{match['repo']}@{fetched.commit}"


def _choose_parquet(paths: Sequence[str], folder: str, address: str) -> list[str]:
    prefix = f"{folder}/" if folder else ""
    chosen = sorted(path for path in paths if path.startswith(prefix) and path.lower().endswith(".parquet"))
    if not chosen:
        raise DataError(
            f"{address}: no Parquet file there. The Hub's Parquet copy of a dataset is at "
            "hf://datasets/OWNER/NAME@refs/convert/parquet."
        )
    parts = {path[len(prefix) :].split("/")[0] for path in chosen if "/" in path[len(prefix) :]}
    sets = sorted(part for part in parts if parse_usage(part) is None)
    if len(sets) > 1:
        raise DataError(
            f"{address}: contains several data sets ({', '.join(sets)}). Add /FOLDER to select one."
        )
    return chosen
