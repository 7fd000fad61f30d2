"""What is said of a picture with more faces than are read."""

from typing import Any

from page import words


def list_left_out(seen: Any) -> dict[str, int]:
    """{"faces_left_out": count} for an Inspection or a FaceTracker that left out faces, else {}."""
    count = getattr(seen, "faces_left_out", 0)
    return {"faces_left_out": count} if count else {}


def describe_left_out(result: dict[str, Any], language: str) -> str:
    """A sentence, or nothing where every face is read. result: as `list_left_out` gives it."""
    count = result.get("faces_left_out", 0)
    return words.say(language, "page.left_out", count=count) if count else ""
