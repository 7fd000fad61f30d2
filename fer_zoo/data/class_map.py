"""Classes merged, renamed or dropped, and the classes of data matched to those of a model."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fer_zoo.data.labels_and_splits import Rows, is_same_class, order_classes
from fer_zoo.emotions import EMOTIONS, SAFE_NAME
from fer_zoo.errors import DataError, UnknownNameError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_FILE_BYTES = 1_000_000
HOW_TO_MERGE = "angry,disgust=negative"
HOW_TO_MAP = 'lines such as disgust = "negative", and drop = ["contempt"]'


@dataclass(frozen=True)
class ClassMap:
    """What becomes of the classes of a data set."""

    # the new name by the data's name; several with one new name are merged
    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()  # whose faces are left out
    is_strict: bool = True  # a name that the data does not have is an error

    def describe(self) -> dict[str, Any]:
        """For config.json; empty where nothing changes."""
        described = {"renamed": dict(self.renamed), "dropped": list(self.dropped)}
        return {key: value for key, value in described.items() if value}

    def __bool__(self) -> bool:
        return bool(self.renamed or self.dropped)


UNCHANGED = ClassMap()


def read_class_map(
    merge: Sequence[str] = (), drop: Sequence[str] = (), file: str | Path | None = None
) -> ClassMap:
    """Read what the options --merge, --drop and --classes say.

    Args:
        merge: OLD,OLD=NEW each.
        drop: A class each.
        file: TOML: `old = "new"` a line, and `drop = ["old"]`.

    Raises:
        DataError: One of them is not of that form, or a class is given twice.
    """
    pairs = [pair for text in merge for pair in _parse_merge(text)]
    dropped = list(drop)
    if file is not None:
        more_pairs, more_dropped = _read_file(Path(file).expanduser())
        pairs, dropped = pairs + more_pairs, dropped + more_dropped
    given = [old for old, _ in pairs] + dropped
    if twice := sorted({name for name in given if given.count(name) > 1}):
        raise DataError(f"The class {twice[0]!r} is given twice; merge, rename or drop it once.")
    return ClassMap(dict(pairs), tuple(dropped))


def restore_class_map(described: Any) -> ClassMap:
    """The map that `describe` gave, from a config.json, where the data's names may be others."""
    table = described if isinstance(described, dict) else {}
    renamed, dropped = table.get("renamed", {}), table.get("dropped", [])
    if not isinstance(renamed, dict) or not isinstance(dropped, list):
        raise DataError("The class map in config.json is damaged: give --merge, --drop or --classes.")
    return ClassMap({str(old): str(new) for old, new in renamed.items()}, tuple(map(str, dropped)), False)


def apply_class_map(rows: Rows, class_map: ClassMap, source: str) -> Rows:
    """Rows with the new classes, without the faces of the dropped ones. Raises UnknownNameError for a name
    that is not a class of the data, DataError if no class remains.
    """
    new_names: dict[int, str | None] = dict(enumerate(rows.classes))
    for old, new in [*class_map.renamed.items(), *((name, None) for name in class_map.dropped)]:
        label = _find_class(old, rows.classes)
        if label is not None:
            new_names[label] = new
        elif class_map.is_strict:
            raise UnknownNameError(f"class of {source}", old, rows.classes)
    classes = order_classes(name for name in new_names.values() if name is not None)
    if not classes:
        raise DataError(f"{source}: every class is dropped; keep two or more.")
    kept = np.isin(rows.labels, [label for label, name in new_names.items() if name is not None])
    # EMOTIONS may spell a name otherwise
    table = np.array([0 if name is None else _find_class(name, classes) or 0 for name in new_names.values()])
    return Rows(
        rows.pixels[kept],
        table[rows.labels[kept]].astype(np.uint16),
        rows.usages[kept],
        classes,
        tuple(np.array(rows.names, dtype=object)[kept]) if rows.names else (),
    )


def check_class_names(classes: Sequence[str], source: str) -> None:
    """Raise DataError for a name that config.json cannot hold."""
    for name in classes:
        if not SAFE_NAME.fullmatch(name):
            raise DataError(
                f"{source}: the class {name!r:.80}; allowed are 1 to 60 letters, digits, spaces, dots, - and "
                "_. Rename it, with --classes FILE."
            )


def match_classes(given: Sequence[str], wanted: Sequence[str]) -> dict[int, int]:
    """The index in `wanted` of each class of `given` that has a counterpart, by the same name or a common
    spelling of it (`happiness` is `happy`).
    """
    found = ((index, _find_class(name, wanted)) for index, name in enumerate(given))
    return {index: other for index, other in found if other is not None}


def require_emotions(classes: Sequence[str], what: str) -> None:
    """Raise DataError unless the classes are FER2013's seven. what: needs them, at the start of the line."""
    if tuple(classes) != EMOTIONS:
        raise DataError(
            f"{what} needs FER2013's seven emotions ({', '.join(EMOTIONS)}); the classes here are "
            f"{list_some(classes)}."
        )


def list_some(names: Sequence[str]) -> str:
    """The first ten names, and how many more there are."""
    rest = len(names) - 10
    return ", ".join(names[:10]) + (f" and {rest} more" if rest > 0 else "")


def _find_class(name: str, classes: Sequence[str]) -> int | None:
    if name in classes:
        return classes.index(name)
    alike = [label for label, known in enumerate(classes) if is_same_class(known, name)]
    return alike[0] if len(alike) == 1 else None


def _parse_merge(text: str) -> list[tuple[str, str]]:
    olds, equals, new = text.rpartition("=")
    names = [name.strip() for name in olds.split(",")]
    if not equals or not new.strip() or not all(names):
        raise DataError(f"--merge got {text!r:.100}; allowed is OLD,OLD=NEW, for example {HOW_TO_MERGE}.")
    return [(name, new.strip()) for name in names]


def _read_file(path: Path) -> tuple[list[tuple[str, str]], list[str]]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"it is over {MAX_FILE_BYTES:,} bytes")
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{str(path)!r} cannot be read ({str(error)[:200]}). Give a TOML file with {HOW_TO_MAP}."
        ) from None
    dropped = table.pop("drop", []) if not isinstance(table.get("drop"), str) else []
    is_list = isinstance(dropped, list) and all(isinstance(name, str) for name in dropped)
    if not is_list or not all(isinstance(new, str) and new.strip() for new in table.values()):
        raise DataError(f"{str(path)!r} has something else than {HOW_TO_MAP}.")
    return [(old, new.strip()) for old, new in table.items()], dropped
