"""The seven emotions in the visitor's language. The keys are fer_zoo.EMOTIONS."""

from page.words import Words

WORDS = Words(
    "emotion",
    en={
        "angry": "angry",
        "disgust": "disgust",
        "fear": "fear",
        "happy": "happy",
        "sad": "sad",
        "surprise": "surprise",
        "neutral": "neutral",
    },
    es={
        "angry": "enojo",
        "disgust": "asco",
        "fear": "miedo",
        "happy": "alegría",
        "sad": "tristeza",
        "surprise": "sorpresa",
        "neutral": "neutral",
    },
)
