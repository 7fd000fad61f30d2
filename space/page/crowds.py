"""What is said of a picture with more faces than are read."""

from typing import Any

from page.words import Words

WORDS = Words(
    "crowd",
    en={"left_out": "Only the largest faces are read; smaller ones left out: {count}."},
    es={"left_out": "Solo se leen las caras más grandes; quedaron sin leer, más pequeñas: {count}."},
)


def list_left_out(seen: Any) -> dict[str, int]:
    """{"faces_left_out": count} for an Inspection or a FaceTracker that left out faces, else {}."""
    count = getattr(seen, "faces_left_out", 0)
    return {"faces_left_out": count} if count else {}


def describe_left_out(result: dict[str, Any], language: str) -> str:
    """A sentence, or nothing where every face is read. result: as `list_left_out` gives it."""
    count = result.get("faces_left_out", 0)
    return WORDS.say(language, "left_out", count=count) if count else ""
