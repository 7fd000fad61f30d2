"""The words of the Models tab."""

from page.words import Words

WORDS = Words(
    "models",
    en={
        "caption": "On FER2013's PrivateTest: {count} faces, unused in training and in choosing, one view of "
        "each. Choose a model's name to read more.",
        "nobody": "no",
        "and": " and ",
        "interval": "{low} to {high}",
        "missing": "not measured",
        "table": "Table of models",
        "model": "Model",
        "accuracy": "Accuracy",
        "macro_f1": "Macro F1",
        "ece": "Calibration error",
        "latency": "Time per face",
        "size": "Size",
        "parameters": "Parameters",
        "input": "Input",
        "accuracy_means": "share of right answers, with its 95% interval",
        "macro_f1_means": "F1 averaged over the seven expressions",
        "ece_means": "mean gap between confidence and accuracy",
        "latency_means": "of the network alone, measured on this machine",
        "size_means": "of the file of weights",
        "parameters_means": "numbers learned, in millions",
        "input_means": "side of the picture that the network sees, in pixels",
        "measure": "Measure speed here",
        "measured": "Speed here: median of many runs with one face, CPU threads: {threads}.",
        "chart_latency": "Accuracy against time for one face",
        "chart_parameters": "Accuracy against parameters",
        "axis_accuracy": "Accuracy, with 95% interval",
        "axis_latency": "Milliseconds for one face, on this machine",
        "axis_parameters": "Parameters, in millions",
        "chart_description": "{title}: {points}. The table above has the same numbers.",
    },
    es={
        "caption": "En PrivateTest de FER2013: {count} caras, no usadas ni para entrenar ni para elegir, una "
        "vista de cada una. Elige el nombre de un modelo para leer más.",
        "nobody": "ninguna",
        "and": " y ",
        "interval": "{low} a {high}",
        "missing": "sin medir",
        "table": "Tabla de modelos",
        "model": "Modelo",
        "accuracy": "Exactitud",
        "macro_f1": "F1 macro",
        "ece": "Error de calibración",
        "latency": "Tiempo por cara",
        "size": "Tamaño",
        "parameters": "Parámetros",
        "input": "Entrada",
        "accuracy_means": "proporción de aciertos, con su intervalo del 95 %",
        "macro_f1_means": "F1 promediado sobre las siete expresiones",
        "ece_means": "distancia media entre confianza y exactitud",
        "latency_means": "de la red sola, medido en este equipo",
        "size_means": "del archivo de pesos",
        "parameters_means": "números aprendidos, en millones",
        "input_means": "lado de la imagen que ve la red, en píxeles",
        "measure": "Medir la velocidad aquí",
        "measured": "Velocidad aquí: mediana de muchas pasadas con una cara, hilos de CPU: {threads}.",
        "chart_latency": "Exactitud y tiempo por cara",
        "chart_parameters": "Exactitud y parámetros",
        "axis_accuracy": "Exactitud, con intervalo del 95 %",
        "axis_latency": "Milisegundos por cara, en este equipo",
        "axis_parameters": "Parámetros, en millones",
        "chart_description": "{title}: {points}. La tabla de arriba tiene los mismos números.",
    },
)

SPANISH_NOTES = {  # beginnings of fer_zoo's own notes, which are English; others stay English
    "Soft vote of": "Voto ponderado de",
    "Wider residual network with channel gates": "Red residual más ancha con compuertas de canal",
    "Transformer on tokens made by residual blocks, for 48 pixels": "Transformer sobre tokens hechos por "
    "bloques residuales, para 48 píxeles",
    "EfficientNet-Lite0, taught by two other networks too": "EfficientNet-Lite0, enseñada también por otras "
    "dos redes",
    "EfficientNet-Lite2, taught by two other networks too": "EfficientNet-Lite2, enseñada también por otras "
    "dos redes",
    "The tutorial's network, unchanged": "La red del tutorial, sin cambios",
    "Residual network made for 48 pixels": "Red residual hecha para 48 píxeles",
    "EfficientNet-B0 at 96 pixels": "EfficientNet-B0 a 96 píxeles",
    "EfficientNet-Lite0 at 96 pixels, made for phones": "EfficientNet-Lite0 a 96 píxeles, hecha para móviles",
    "ViT-Tiny at 48 pixels, 8-pixel patches (37 tokens)": "ViT-Tiny a 48 píxeles, trozos de 8 (37 tokens)",
    "TinyViT-5M at 96 pixels": "TinyViT-5M a 96 píxeles",
}


def translate_note(language: str, note: str) -> str:
    for english, spanish in SPANISH_NOTES.items():
        if language == "es" and note.startswith(english):
            return spanish + note.removeprefix(english)
    return note
