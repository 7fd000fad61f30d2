"""The words of the Video tab."""

from page.words import Words

WORDS = Words(
    "video",
    en={
        "tab": "Video",
        "file": "A video",
        "models": "Models",
        "empty": "Nothing here yet. Choose the models, then drop a video of up to {most} MB: its first "
        "{longest} seconds are read.",
        "privacy": "The video is read and then deleted within five minutes. What you see stays in memory "
        "until you clear it or close the page; the downloads are made of it and lie on no server.",
        "no_models": "No model is chosen. Tick one or more, then drop the video again.",
        "progress": "Reading {name}",
        "summary": "{name}: {seconds} s, faces: {faces}",
        "cut": "Read up to {seconds} s; the rest was left out.",
        "slow": "Stopped after {limit} s of work: read up to {seconds} s of the video, not the rest.",
        "damaged_rest": "Read up to {seconds} s; the rest of the file is damaged.",
        "format": "{name}: not a video of a kind that is read here. Save it as MP4.",
        "damaged": "{name}: no frame of this video can be read.",
        "pixels": "{name}: its frames are over 40 megapixels. Make them smaller.",
        "place": "This is no uploaded video. Send the video itself, not a path.",
        "no_face": "No face was found in it.",
        "face": "Face {number}",
        "times": "{first} to {last} s",
        "mean": "{emotion} {share} in the mean",
        "bands": "Face {number}, {model}, over time: {emotion} {share} in the mean",
        "more": "Faces that fewer frames show: {count}. The downloads have them, too.",
        "seconds": "{at} s",
    },
    es={
        "tab": "Vídeo",
        "file": "Un vídeo",
        "models": "Modelos",
        "empty": "Aún no hay nada. Elige los modelos y suelta un vídeo de hasta {most} MB: se leen sus "
        "primeros {longest} segundos.",
        "privacy": "El vídeo se lee y se borra en menos de cinco minutos. Lo que ves queda en memoria hasta "
        "que lo borres o cierres la página; las descargas salen de ello y no están en ningún servidor.",
        "no_models": "No hay ningún modelo elegido. Marca uno o más y suelta el vídeo otra vez.",
        "progress": "Leyendo {name}",
        "summary": "{name}: {seconds} s, caras: {faces}",
        "cut": "Leído hasta {seconds} s; el resto se dejó fuera.",
        "slow": "Detenido tras {limit} s de trabajo: leído hasta {seconds} s del vídeo, el resto no.",
        "damaged_rest": "Leído hasta {seconds} s; el resto del archivo está dañado.",
        "format": "{name}: no es un vídeo de un tipo que se lea aquí. Guárdalo como MP4.",
        "damaged": "{name}: no se puede leer ningún fotograma de este vídeo.",
        "pixels": "{name}: sus fotogramas pasan de 40 megapíxeles. Hazlos más pequeños.",
        "place": "Esto no es un vídeo subido. Envía el vídeo mismo, no una ruta.",
        "no_face": "No se encontró ninguna cara.",
        "face": "Cara {number}",
        "times": "de {first} a {last} s",
        "mean": "{emotion} {share} de media",
        "bands": "Cara {number}, {model}, en el tiempo: {emotion} {share} de media",
        "more": "Caras que salen en menos fotogramas: {count}. Las descargas también las tienen.",
        "seconds": "{at} s",
    },
)
