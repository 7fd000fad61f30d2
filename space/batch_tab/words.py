"""The words of the Many pictures tab."""

from page.words import Words

WORDS = Words(
    "batch",
    en={
        "tab": "Many pictures",
        "files": "Pictures, or a zip of pictures",
        "models": "Models",
        "empty": "Nothing here yet. Choose the models, then drop pictures or a zip: up to {most} pictures, "
        "10 MB each, a zip of up to {zip} MB, and {total} MB in all, unpacked.",
        "privacy": "The pictures are read and then deleted within five minutes. This list stays in memory "
        "until you clear it or close the page; the downloads are made of it and lie on no server.",
        "no_models": "No model is chosen. Tick one or more, then drop the pictures again.",
        "too_many": "More than {most} pictures at a time. Drop fewer.",
        "too_many_entries": "{name} has more than {most} entries. Pack fewer files.",
        "too_large": "The pictures have more than {most} MB in all, unpacked. Drop fewer.",
        "no_pictures": "No picture was in what you dropped.",
        "bad_zip": "the zip is damaged or cut off.",
        "locked": "locked with a password; pack it without one.",
        "packed": "packed in a way that is not read here; pack it as a common zip.",
        "large": "over {most} MB; make it smaller.",
        "progress": "Reading {name}",
        "summary": "Pictures: {pictures}. Faces: {faces}.",
        "faults": "Not read: {count}",
        "no_face": "no face found",
        "face": "face {number}",
        "table": "Table of faces",
        "crop": "Face",
        "crop_words": "Face {number} of {name} as the models see it",
        "picture": "Picture",
        "shortened": "The first {shown} rows are shown; the downloads hold all.",
    },
    es={
        "tab": "Muchas fotos",
        "files": "Fotos, o un zip de fotos",
        "models": "Modelos",
        "empty": "Aún no hay nada. Elige los modelos y suelta fotos o un zip: hasta {most} fotos, "
        "10 MB cada una, un zip de hasta {zip} MB y {total} MB en total, sin comprimir.",
        "privacy": "Las fotos se leen y se borran en menos de cinco minutos. Esta lista queda en memoria "
        "hasta que la borres o cierres la página; las descargas salen de ella y no están en ningún servidor.",
        "no_models": "No hay ningún modelo elegido. Marca uno o más y suelta las fotos otra vez.",
        "too_many": "Más de {most} fotos a la vez. Suelta menos.",
        "too_many_entries": "{name} tiene más de {most} entradas. Comprime menos archivos.",
        "too_large": "Las fotos pasan de {most} MB en total, sin comprimir. Suelta menos.",
        "no_pictures": "No había ninguna foto en lo que soltaste.",
        "bad_zip": "el zip está dañado o incompleto.",
        "locked": "tiene contraseña; comprímelo sin ella.",
        "packed": "está comprimido de un modo que aquí no se lee; usa un zip corriente.",
        "large": "pasa de {most} MB; hazlo más pequeño.",
        "progress": "Leyendo {name}",
        "summary": "Fotos: {pictures}. Caras: {faces}.",
        "faults": "No se leyeron: {count}",
        "no_face": "sin caras",
        "face": "cara {number}",
        "table": "Tabla de caras",
        "crop": "Cara",
        "crop_words": "Cara {number} de {name} como la ven los modelos",
        "picture": "Foto",
        "shortened": "Se muestran las primeras {shown} filas; las descargas las tienen todas.",
    },
)
