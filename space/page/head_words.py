"""The words around the views: the page's head and the names of its tabs."""

from page.words import Words

WORDS = Words(
    "page",
    en={
        "title": "Facial expression models side by side",
        "introduction": "Add a photo: each model you tick reads every face in it. The models judge how a "
        "face looks, not what the person feels.",
        "compare": "Compare",
        "models": "Models",
        "about": "About",
    },
    es={
        "title": "Modelos de expresión facial, lado a lado",
        "introduction": "Añade una foto: cada modelo marcado lee todas las caras. Los modelos juzgan qué "
        "aspecto tiene una cara, no lo que siente la persona.",
        "compare": "Comparar",
        "models": "Modelos",
        "about": "Acerca de",
    },
)
