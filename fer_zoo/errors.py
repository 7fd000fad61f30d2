"""The errors that a user's mistake raises: one line that says what was given, what is allowed and what to
do next.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class FerZooError(Exception):
    """Base of the family. The command line prints its message on one line and exits with code 2."""

    def __str__(self) -> str:
        return escape(super().__str__())


def escape(text: str) -> str:
    r"""What does not print becomes its escape, as \n: the names of files and columns are others' words, and
    a terminal would obey some of them.
    """
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def one_line(error: BaseException) -> str:
    """Another library's message on one line of at most 200 characters; the error's type without one."""
    return " ".join(str(error).split())[:200] or type(error).__name__


class DataError(FerZooError):
    """The data set is missing, or a row of it is wrong."""


class ImageError(FerZooError):
    """A picture cannot be read, or is outside the allowed size.

    kind: `bytes` or `pixels` (too many, or too few), `format`, `damaged`, `time` (a video that takes longer
    than the caller allows), `limit` (decoding takes more time or memory than is allowed), or nothing where
    the name is wrong: for programs that have words of their own.
    """

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class ArtifactError(FerZooError):
    """A model folder is missing, damaged, or not one of ours."""


class RecipeError(FerZooError):
    """A recipe names an unknown field, or gives one a value that is not allowed."""


class TrainingError(FerZooError):
    """A run cannot start or continue: an occupied folder, a device that is not there, a loss that is not a
    number.
    """


class WriteError(FerZooError, OSError):
    """A file cannot be written: a full disk, a folder that is read-only. An OSError too, for those who
    can continue without the file.
    """


class HubError(FerZooError):
    """The Hugging Face Hub is not reached, or refuses what it is asked."""


class UnknownNameError(FerZooError):
    """A name that no table holds."""

    def __init__(self, kind: str, given: str, allowed: Iterable[str]) -> None:
        names = sorted(allowed)
        near = get_close_matches(given, names, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"Unknown {kind} {given!r}.{hint} Known: {', '.join(names)}.")
