"""What a command is given is looked at before anything that takes a second is loaded."""

from pathlib import Path

from fer_zoo.errors import FerZooError


def check_file(option: str, path: str | None, what: str) -> None:
    """Raises FerZooError where a file that an option names is not there."""
    if path and not Path(path).expanduser().is_file():
        raise FerZooError(f"{option} got {path!r}, but there is no such file: give {what}.")


def check_ferplus(option: str, path: str | None) -> None:
    check_file(option, path, "FER+'s fer2013new.csv, from github.com/microsoft/FERPlus")


def check_exclude(path: str | None) -> None:
    check_file("--exclude", path, "a CSV with the columns split,index, as fer-zoo data audit writes it")
