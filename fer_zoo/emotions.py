"""The seven emotions of FER2013, in the order of its CSV file, and how they are shown to people."""

EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

# Found by a search for the palette whose closest pair is farthest apart in CIELAB, seen with normal color
# vision and without red, green or blue cones, at a contrast of 3 to 1 or more on white and on near-black.
COLORS: dict[str, str] = {
    "angry": "#AF501E",
    "disgust": "#2A754F",
    "fear": "#8F5C98",
    "happy": "#C18902",
    "sad": "#4758F0",
    "surprise": "#2A9AE6",
    "neutral": "#8D9294",
}

SIDE = 48  # pixels: every face is 48x48 gray, uint8
