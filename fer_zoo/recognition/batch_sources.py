"""Pictures by the million: files under folders and rows of Parquet files, one after another."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_zoo.errors import DataError, ImageError
from fer_zoo.utils.images import SUFFIXES, expand_paths

IMAGE_COLUMNS = ("image", "img", "img_bytes", "picture", "bytes")
ROWS_AT_ONCE = 64  # encoded pictures of a Parquet file in memory, if they are small enough
PART_NAME = re.compile(r"part-\d{5,}\.parquet")  # of `predict_into`
MAX_BYTES = 1_000_000_000  # of a row group's pictures, unpacked
BYTES_AT_ONCE = 250_000_000  # of the rows in memory, or one row
MAX_ROWS = 1_000_000  # of a row group: a damaged one may claim more than anybody can count


@dataclass(frozen=True)
class Picture:
    """One picture, not read yet. name: its path, or FILE#ROW with rows from 0."""

    name: str
    rows: "ParquetPictures | None" = None
    row: int = 0

    def fetch(self) -> str | bytes:
        """What `read_photo` takes. Raises ImageError for a row without a picture."""
        return self.name if self.rows is None else self.rows.fetch(self.row)


class ParquetPictures:
    """The encoded pictures of a Parquet file, bytes or datasets' {"bytes", "path"}, fetched in rising order.

    Raises DataError for a file that is none, or has no such column.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow
        from pyarrow import parquet

        self.path = path
        try:
            # Without buffering ahead, a row group's pages are read as they are wanted.
            self._file = parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
            names = self._file.schema_arrow.names
        except (pyarrow.ArrowException, OSError, ValueError) as fault:
            raise DataError(f"{path}: not a Parquet file that can be read ({fault}).") from None
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
        self._values: Any = ()  # an Arrow array: as Python's bytes they would be there twice
        self._start = self._group_end = 0  # rows: of the first value here, and behind the group being read

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
        except Exception as fault:  # Arrow raises errors of many kinds for damaged pages
            self._batches = iter(())  # nor can what comes after it in this row group
            reason = " ".join(str(fault).split())[:200]
        raise ImageError(f"{self.path}#{row}: cannot be read ({reason}).")

    def _measure_group(self, group: int) -> int:
        """Bytes of a row group's pictures, unpacked, as the file's footer says."""
        described = self._file.metadata.row_group(group)
        columns = [described.column(index) for index in range(described.num_columns)]
        return sum(
            column.total_uncompressed_size
            for column in columns
            if column.path_in_schema.split(".")[0] == self._column
        )

    def _open_group(self, row: int) -> None:
        """Start with the row group that holds the row; those before it are not read."""
        group, end = 0, self._counts[0]
        while row >= end:
            group += 1
            end += self._counts[group]
        # A dictionary holds a picture once, however many rows have it: each row may be as large as all of it.
        rows = max(1, min(ROWS_AT_ONCE, BYTES_AT_ONCE // max(1, self._sizes[group])))
        self._batches = self._file.iter_batches(rows, row_groups=[group], columns=[self._column])
        self._values, self._start, self._group_end = (), end - self._counts[group], end


def list_pictures(given: Sequence[str], without: Path | None = None) -> Iterator[Picture]:
    """In an order that is the same each time: what was given as given, folders sorted by name.

    given: pictures, folders, patterns, Parquet files and folders of them. Names are made as they are wanted:
    one folder's names are in memory, never all. without: the folder of the parts; inside of another it is
    left out, and where it is given itself, its parts are. Raises ImageError for a name that leads to nothing,
    DataError for a Parquet file that cannot be used.
    """
    for name in given:
        files = _walk(Path(name), without) if Path(name).is_dir() else map(str, expand_paths([name]))
        for file in files:
            if without is not None and _is_part(Path(file), without):
                continue
            if not file.endswith(".parquet"):
                yield Picture(file)
                continue
            rows = ParquetPictures(Path(file))
            for row in range(len(rows)):
                yield Picture(f"{file}#{row}", rows, row)


def _walk(folder: Path, without: Path | None) -> Iterator[str]:
    kinds = (*SUFFIXES, ".parquet")
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if without is None or not _is_same(place, name, without))
        for file in sorted(files):
            if file.lower().endswith(kinds):
                yield str(Path(place) / file)


def _is_part(file: Path, out: Path) -> bool:
    return bool(PART_NAME.fullmatch(file.name)) and file.parent.resolve() == out.resolve()


def _is_same(place: str, name: str, other: Path) -> bool:
    return name == other.name and (Path(place) / name).resolve() == other.resolve()
