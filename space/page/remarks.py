"""What is said of a picture of which not all was read as it is."""

from page.words import say


def describe_reading(language: str, faces_left_out: int = 0, turned: int = 0) -> str:
    """Sentences, or nothing where every face is read in a picture as it is. As of fer_zoo's Inspection."""
    told = []
    if faces_left_out:
        told.append(say(language, "page.left_out", count=faces_left_out))
    if turned == 180:
        told.append(say(language, "page.upside_down"))
    elif turned:
        told.append(say(language, "page.sideways", degrees=turned))
    return " ".join(told)
