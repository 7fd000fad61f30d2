"""What stands in a folder that is not FER2013, for the line that says so."""

from pathlib import Path

from fer_zoo.data.labels_and_splits import parse_label, parse_usage
from fer_zoo.emotions import EMOTIONS

LAYOUT = f"train/<class>/* and test/<class>/* with the classes {', '.join(EMOTIONS)}"
MAX_NAMES = 8


def explain_folder(folder: Path) -> str:
    """One sentence for a folder of folders that is nearly one of FER2013: of other classes, of one split
    alone, or of no classes. Empty for anything else.
    """
    if not folder.is_dir():
        return ""
    names = _list_folders(folder)
    splits = [name for name in names if parse_usage(name) is not None]
    if splits:
        classes = sorted({name for split in splits for name in _list_folders(folder / split)})
        found = "without class folders"
        if classes:
            found = f"with the classes {_list_some(classes)}, none of them FER2013's"
        return f"{folder}: an image folder ({_list_some(splits)}) {found}. Needed are {LAYOUT}."
    if classes := [name for name in names if parse_label(name) is not None]:
        return (
            f"{folder}: the class folders {_list_some(classes)} without a split, as in one part of FER2013: "
            f"train and test are missing. Give the folder above it. Needed are {LAYOUT}."
        )
    return ""


def _list_folders(folder: Path) -> list[str]:
    return [entry.name for entry in sorted(folder.iterdir()) if entry.is_dir() and entry.name[:1] != "."]


def _list_some(names: list[str]) -> str:
    rest = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {rest} more" if rest > 0 else "")
