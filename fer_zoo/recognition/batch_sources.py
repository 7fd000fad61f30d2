"""Lazy listing of millions of pictures: files under folders and rows of Parquet files."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from fer_zoo.errors import DataError, ImageError, one_line
from fer_zoo.utils.images import SUFFIXES, expand_paths

IMAGE_COLUMNS = ("image", "img", "img_bytes", "picture", "bytes")
MAX_BATCH_ROWS = 64  # encoded pictures of a Parquet file in memory
PART_NAME = re.compile(r"part-\d{5,}\.parquet")  # of `predict_into`
MAX_BATCH_BYTES = 250_000_000  # of the rows in memory; more only for one row
MAX_BYTES = 1_000_000_000  # of a row group's pictures, unpacked
MAX_ROWS = 1_000_000  # of a row group: a damaged one may claim any number


@dataclass(frozen=True)
class Picture:
    """One picture, not read yet."""

    name: str  # its path, or FILE#ROW with rows from 0
    rows: "ParquetPictures | None" = None
    row: int = 0

    def fetch(self) -> str | bytes:
        """What `read_photo` takes. Raises ImageError for a row without a picture."""
        return self.name if self.rows is None else self.rows.fetch(self.row)


class ParquetPictures:
    """The encoded pictures of a Parquet file, bytes or datasets' {"bytes", "path"}, fetched in order.

    Raises DataError for a file that is not Parquet, is too large, or has no such column.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Without prefetching, a row group's pages are read on demand.
            self._file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
            names = self._file.schema_arrow.names
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{path}: not a Parquet file that can be read ({error}).") from None
        column = next((name for name in names if name.lower() in IMAGE_COLUMNS), None)
        if column is None:
            raise DataError(
                f"{path}: its columns are {', '.join(names)[:200]}; allowed for the pictures are "
                f"{', '.join(IMAGE_COLUMNS)}."
            )
        self._column = column
        self._counts = [
            self._file.metadata.row_group(group).num_rows for group in range(self._file.num_row_groups)
        ]
        wrong = next((count for count in self._counts if not 0 <= count <= MAX_ROWS), None)
        if wrong is not None:
            raise DataError(f"{path}: a row group has {wrong:,} rows; allowed are 0 to {MAX_ROWS:,}.")
        self._sizes = [self._measure_group(group) for group in range(self._file.num_row_groups)]
        wrong = next((size for size in self._sizes if not 0 <= size <= MAX_BYTES), None)
        if wrong is not None:
            raise DataError(
                f"{path}: a row group's pictures take {wrong:,} bytes unpacked; allowed are {MAX_BYTES:,}. "
                "Write it with smaller row groups."
            )
        self._batches: Iterator[Any] = iter(())
        self._values: Any = ()  # an Arrow array: bytes objects would be a second copy
        self._start = self._group_end = 0  # rows: the first in `_values`, and the end of the row group

    def __len__(self) -> int:
        return sum(self._counts)

    def fetch(self, row: int) -> bytes:
        if row >= self._group_end:
            self._open_group(row)
        while row >= self._start + len(self._values):
            self._start += len(self._values)
            self._values = self._read_batch(row)
        value = self._values[row - self._start].as_py()
        encoded = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(encoded, bytes):
            raise ImageError(f"{self.path}#{row}: the column {self._column!r} holds no image bytes.")
        return encoded

    def _read_batch(self, row: int) -> Any:
        try:
            if (batch := next(self._batches, None)) is not None:
                return batch.column(0)
            reason = "rows are missing"
        except Exception as error:  # Arrow raises errors of many kinds for damaged pages
            self._batches = iter(())  # the rest of this row group cannot be read either
            reason = one_line(error)
        raise ImageError(f"{self.path}#{row}: cannot be read ({reason}).")

    def _measure_group(self, group: int) -> int:
        """Bytes of a row group's pictures, unpacked, according to the file's footer."""
        described = self._file.metadata.row_group(group)
        columns = [described.column(index) for index in range(described.num_columns)]
        return sum(
            column.total_uncompressed_size
            for column in columns
            if column.path_in_schema.split(".")[0] == self._column
        )

    def _open_group(self, row: int) -> None:
        """Open the row group that holds the row; those before it are not read."""
        group, end = 0, self._counts[0]
        while row >= end:
            group += 1
            end += self._counts[group]
        # A dictionary stores a repeated picture once: each row may be as large as the whole group.
        rows = max(1, min(MAX_BATCH_ROWS, MAX_BATCH_BYTES // max(1, self._sizes[group])))
        self._batches = self._file.iter_batches(rows, row_groups=[group], columns=[self._column])
        self._values, self._start, self._group_end = (), end - self._counts[group], end


def list_pictures(inputs: Sequence[str], out: Path | None = None) -> Iterator[Picture]:
    """List the pictures in a reproducible order: inputs as given (pictures, folders, glob patterns, Parquet
    files and folders of them), folders sorted by name.

    Names are generated lazily: those of one folder are in memory, never all. `out`, the folder of the parts,
    is skipped inside of other folders; if it is an input itself, only its parts are skipped. Raises
    ImageError for an input that does not exist, DataError for a Parquet file that cannot be used.
    """
    for name in inputs:
        files = _walk(Path(name), out) if Path(name).is_dir() else map(str, expand_paths([name]))
        for file in files:
            if (
                out is not None
                and PART_NAME.fullmatch(Path(file).name)
                and Path(file).parent.resolve() == out.resolve()
            ):
                continue
            if not file.lower().endswith(".parquet"):
                yield Picture(file)
                continue
            rows = ParquetPictures(Path(file))
            for row in range(len(rows)):
                yield Picture(f"{file}#{row}", rows, row)


def _walk(top: Path, out: Path | None) -> Iterator[str]:
    suffixes, skipped = (*SUFFIXES, ".parquet"), out and out.resolve()

    def is_walked(folder: Path) -> bool:
        return skipped is None or folder.resolve() != skipped

    for folder, subfolders, files in os.walk(top):
        subfolders[:] = sorted(name for name in subfolders if is_walked(Path(folder, name)))
        for file in sorted(files):
            if file.lower().endswith(suffixes):
                yield str(Path(folder) / file)
