"""What the page says about itself, as Markdown."""

from page.words import Words

PROGRAM = """
```python
from gradio_client import Client, handle_file

page = Client("http://127.0.0.1:7860")
page.predict(photo=handle_file("photo.jpg"), models=["cnn-baseline"], api_name="/compare")
```
"""

WORDS = Words(
    "about",
    en={
        "about": """## What the models can know

Each model sees one thing: a face as a gray picture of 48 by 48 pixels. From the 28,709 training
faces of FER2013 it has learned which of seven words people put under such a picture.

- **An expression is not a feeling.** People smile when they are sad and frown when they think. A
  photo shows one moment and leaves out the situation, the voice, and the person's habits.
- **The words are FER2013's.** Its pictures were collected by a web search for emotion words, and
  each got one label. Many labels can be disputed, *disgust* is rare, and nobody wrote down whose
  faces they are, so how fair a model is to people of different ages or origins cannot be measured
  on them. A model learns the habits of its labels.
- **About three answers in ten are wrong** on FER2013's own test pictures; the Models tab has the
  measurement. Your photo may be further from what the models know: a hand over the mouth, a
  profile, dim light, a small face.
- **A percentage is the model's own estimate**, adjusted on pictures that it did not learn from. It
  holds for faces like those of FER2013.

Do not use it to judge, select, watch or diagnose anybody.

## What happens to your picture

- It goes to the computer that runs this page and to no other. With `fer-zoo demo`, that is your
  own.
- There it lies in a temporary file for less than five minutes. As long as the page shows it, it is held
  in memory: **Forget photo**, another photo, or closing the page removes it.
- No picture and no answer is recorded. The page loads nothing from elsewhere: no fonts, no
  analytics.
- A picture may have up to 10 MB and 40 megapixels. Where and with what camera it was taken is not
  read.

## For programs
""",
        "answer": "The answer has the shape that `fer-zoo predict --json` gives for one picture.",
    },
    es={
        "about": """## Qué pueden saber los modelos

Cada modelo ve una sola cosa: una cara como imagen gris de 48 por 48 píxeles. Con las 28.709 caras
de entrenamiento de FER2013 ha aprendido cuál de siete palabras pone la gente debajo de una imagen
así.

- **Una expresión no es un sentimiento.** Hay quien sonríe estando triste y quien frunce el ceño al
  pensar. Una foto muestra un instante y deja fuera la situación, la voz y las costumbres de la
  persona.
- **Las palabras son las de FER2013.** Sus imágenes se reunieron buscando en la web palabras de
  emociones, y cada una recibió una sola etiqueta. Muchas etiquetas son discutibles, el *asco* es
  raro y nadie anotó de quién son las caras: por eso no se puede medir en ellas si un modelo trata
  igual a personas de distinta edad u origen. Un modelo aprende las costumbres de sus etiquetas.
- **Unas tres respuestas de cada diez son erróneas** en las imágenes de prueba del propio FER2013;
  la pestaña Modelos tiene la medida. Tu foto puede estar más lejos de lo que conocen: una mano
  sobre la boca, un perfil, poca luz, una cara pequeña.
- **Un porcentaje es la estimación del propio modelo**, ajustada con imágenes de las que no
  aprendió. Vale para caras como las de FER2013.

No la uses para juzgar, seleccionar, vigilar ni diagnosticar a nadie.

## Qué pasa con tu imagen

- Va al equipo que sirve esta página y a ningún otro. Con `fer-zoo demo`, es el tuyo.
- Allí está en un archivo temporal menos de cinco minutos. Mientras la página la muestra, se guarda en
  memoria: **Olvidar la foto**, otra foto o cerrar la página la borra.
- No se registra ninguna imagen ni respuesta. La página no carga nada de fuera: ni tipos de letra ni
  analítica.
- Una imagen puede tener hasta 10 MB y 40 megapíxeles. No se lee dónde ni con qué cámara se tomó.

## Para programas
""",
        "answer": "La respuesta tiene la forma que da `fer-zoo predict --json` para una imagen.",
    },
)
