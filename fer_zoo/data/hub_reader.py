"""FER2013 as a dataset of the Hugging Face Hub: its Parquet files, in huggingface_hub's cache."""

import re
from collections.abc import Sequence
from pathlib import Path

from fer_zoo.data.labels_and_splits import parse_usage
from fer_zoo.errors import DataError
from fer_zoo.utils.hub_client import fetch_files

SCHEME = "hf://"
# The Hub keeps its own Parquet copy of a dataset of any form at the revision refs/convert/parquet.
ADDRESS = re.compile(
    r"hf://datasets/(?P<repo>[^/@]+/[^/@]+)(@(?P<revision>refs/[^/]+/[^/]+|[^/]+))?(/(?P<folder>.+?))?/?"
)
LARGEST = 2_000_000_000  # bytes; the challenge's CSV has 301 million


def fetch_parquet(address: str) -> tuple[list[Path], str]:
    """The Parquet files of hf://datasets/OWNER/NAME[@REVISION][/FOLDER], and the address with the commit.

    Raises DataError for another address or a dataset without one set of Parquet files; HubError.
    """
    match = ADDRESS.fullmatch(address)
    if match is None:
        raise DataError(f"{address}: not hf://datasets/OWNER/NAME[@REVISION][/FOLDER].")

    def choose(paths: Sequence[str]) -> list[str]:
        return _choose_parquet(paths, match["folder"] or "", address)

    fetched = fetch_files(
        match["repo"], choose, revision=match["revision"], repo_type="dataset", max_bytes=LARGEST
    )
    return list(fetched.files.values()), f"hf://datasets/{match['repo']}@{fetched.commit}"


def _choose_parquet(paths: Sequence[str], folder: str, address: str) -> list[str]:
    inside = f"{folder}/" if folder else ""
    chosen = sorted(path for path in paths if path.startswith(inside) and path.endswith(".parquet"))
    if not chosen:
        raise DataError(
            f"{address}: no Parquet file there. The Hub's own copy of a dataset in Parquet is at "
            "hf://datasets/OWNER/NAME@refs/convert/parquet."
        )
    parts = {path[len(inside) :].split("/")[0] for path in chosen if "/" in path[len(inside) :]}
    several = sorted(part for part in parts if parse_usage(part) is None)
    if len(several) > 1:
        raise DataError(
            f"{address}: holds several data sets ({', '.join(several)}). Add /FOLDER to name one."
        )
    return chosen
