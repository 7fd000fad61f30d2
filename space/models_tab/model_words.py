"""The words of one model's page."""

from page.words import Words

WORDS = Words(
    "model",
    en={
        "back": "All models",
        "about": "{note}. It has learned {parameters} million numbers, which take {size} MB, and sees "
        "a face as {side} by {side} gray pixels.",
        "use": "In Python:",
        "results": "Results on FER2013",
        "split": "Split",
        "n": "Faces",
        "accuracy": "Accuracy",
        "interval": "95% interval",
        "unseen": "Without duplicates",
        "macro_f1": "Macro F1",
        "ece": "Calibration error",
        "nll": "Log loss",
        "results_note": "Without duplicates: without the test faces that also stand in Training. "
        "The epoch and the calibration were chosen on PublicTest, so PrivateTest is the honest "
        "figure.",
        "private": "PrivateTest",
        "public": "PublicTest",
        "test": "both test splits",
        "train": "Training",
        "none": "one view",
        "flip": "with mirror image",
        "tencrop": "ten crops",
        "ferplus": "On {n} PrivateTest faces ten FER+ raters have a clear majority: the model agrees with "
        "it on {agreement}, FER2013's own labels on {labels}.",
        "classes": "By expression, PrivateTest",
        "emotion": "Expression",
        "recall": "Recall",
        "precision": "Precision",
        "f1": "F1",
        "classes_note": "Recall: the share of this expression's faces that is found. Precision: "
        "the share of this answer's faces that is right.",
        "confusion": "What is taken for what, PrivateTest",
        "confusion_note": "Each row holds the faces of one label, in percent: the answers that they got.",
        "label": "Label",
        "cell": "{count} of {total} faces labeled {label} are read as {answer}",
        "reliability": "Can its percentages be believed?",
        "reliability_note": "Faces of PrivateTest in {bins} groups by the confidence of the "
        "answer; the larger a dot, the more faces. On the dashed line confidence and accuracy "
        "are equal, below it the model is too sure.",
        "axis_confidence": "Confidence of the answer",
        "axis_right": "Share of right answers",
        "bin": "{count} faces with confidence {confidence}: {accuracy} right",
        "training": "How it was trained",
        "recipe": "All settings",
        "best": "Best epoch by PublicTest accuracy: {best} of {epochs}, {minutes} minutes. Seed "
        "{seed}. Start weights: {start}. Calibration temperature {temperature}. Data "
        "fingerprint {fingerprint}.",
        "scratch": "none, from scratch",
        "teachers": "Teachers, whose answers it learned too: {names}.",
        "labels_ferplus": "It learned the votes of FER+'s ten raters in place of the labels.",
        "labels_both": "Each face's target was one half its label, one half what the votes of FER+'s ten "
        "raters make likely.",
        "mixed": "The weights are a mean with the start weights, whose share is {share}.",
        "statistics": "Statistics of batch normalization: of {faces} Training faces as they are.",
        "members": "How it was made",
        "members_note": "The answer is the weighted mean of the members' probabilities. The votes were "
        "chosen on PublicTest.",
        "member": "Member",
        "vote": "Share of the vote",
        "limits": "Limits",
        "limits_text": "Good for experiments, teaching, and comparing models on FER2013. Not for "
        "judging what a person feels, thinks or intends, nor for any decision about a person. "
        "The model repeats the labelling habit of one data set of web pictures. People agree "
        "with those labels about two times in three, so no honest model gets far beyond that.",
        "unmeasured": "No measurements are stored with this model.",
    },
    es={
        "back": "Todos los modelos",
        "about": "{note}. Ha aprendido {parameters} millones de números, que ocupan {size} MB, y ve una "
        "cara como {side} por {side} píxeles grises.",
        "use": "En Python:",
        "results": "Resultados en FER2013",
        "split": "Parte",
        "n": "Caras",
        "accuracy": "Exactitud",
        "interval": "Intervalo del 95 %",
        "unseen": "Sin duplicados",
        "macro_f1": "F1 macro",
        "ece": "Error de calibración",
        "nll": "Pérdida log.",
        "results_note": "Sin duplicados: sin las caras de prueba que también están en Training. "
        "La época y la calibración se eligieron en PublicTest; por eso la cifra honesta es la "
        "de PrivateTest.",
        "private": "PrivateTest",
        "public": "PublicTest",
        "test": "ambas de prueba",
        "train": "Training",
        "none": "una vista",
        "flip": "con imagen reflejada",
        "tencrop": "diez recortes",
        "ferplus": "En {n} caras de PrivateTest hay una mayoría clara entre diez personas de FER+: el "
        "modelo coincide con ella en {agreement}, las etiquetas de FER2013 en {labels}.",
        "classes": "Por expresión, PrivateTest",
        "emotion": "Expresión",
        "recall": "Exhaustividad",
        "precision": "Precisión",
        "f1": "F1",
        "classes_note": "Exhaustividad: qué parte de las caras de esta expresión se encuentra. "
        "Precisión: qué parte de las caras con esta respuesta es correcta.",
        "confusion": "Qué se toma por qué, PrivateTest",
        "confusion_note": "Cada fila tiene las caras de una etiqueta, en porcentaje: las "
        "respuestas que recibieron.",
        "label": "Etiqueta",
        "cell": "{count} de {total} caras con la etiqueta {label} se leen como {answer}",
        "reliability": "¿Se puede creer en sus porcentajes?",
        "reliability_note": "Caras de PrivateTest en {bins} grupos según la confianza de la "
        "respuesta; cuanto mayor el punto, más caras. En la línea discontinua confianza y "
        "exactitud son iguales; debajo, el modelo está demasiado seguro.",
        "axis_confidence": "Confianza de la respuesta",
        "axis_right": "Proporción de aciertos",
        "bin": "{count} caras con confianza {confidence}: {accuracy} de aciertos",
        "training": "Cómo se entrenó",
        "recipe": "Todos los ajustes",
        "best": "Mejor época por exactitud en PublicTest: {best} de {epochs}, {minutes} minutos. "
        "Semilla {seed}. Pesos iniciales: {start}. Temperatura de calibración {temperature}. "
        "Huella de los datos {fingerprint}.",
        "scratch": "ninguno, desde cero",
        "teachers": "Maestros, de cuyas respuestas también aprendió: {names}.",
        "labels_ferplus": "Aprendió los votos de las diez personas de FER+ en lugar de las etiquetas.",
        "labels_both": "El objetivo de cada cara era mitad su etiqueta, mitad lo que hacen probable los "
        "votos de las diez personas de FER+.",
        "mixed": "Los pesos son una media con los iniciales, cuya parte es {share}.",
        "statistics": "Estadísticas de la normalización por lotes: de {faces} caras de Training sin alterar.",
        "members": "Cómo se hizo",
        "members_note": "La respuesta es la media ponderada de las probabilidades de los miembros. Los "
        "votos se eligieron en PublicTest.",
        "member": "Miembro",
        "vote": "Parte del voto",
        "limits": "Límites",
        "limits_text": "Sirve para experimentos, para enseñar y para comparar modelos en FER2013. "
        "No sirve para juzgar lo que una persona siente, piensa o pretende, ni para decidir "
        "nada sobre nadie. El modelo repite la costumbre de etiquetado de un conjunto de "
        "imágenes de la web. La gente coincide con esas etiquetas unas dos de cada tres veces; "
        "ningún modelo honesto llega mucho más lejos.",
        "unmeasured": "Con este modelo no hay medidas guardadas.",
    },
)
