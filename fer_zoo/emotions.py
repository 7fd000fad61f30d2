"""The seven emotions of FER2013, in the order of its CSV file, and how they are shown to people."""

EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

# Okabe and Ito's palette: the seven stay apart for the common forms of colour blindness.
COLORS: dict[str, str] = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
    "neutral": "#7F7F7F",
}

SIDE = 48  # pixels: every face is 48x48 grey, uint8
