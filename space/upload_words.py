"""What was wrong with an upload: a sentence for each kind of fer_zoo's ImageError."""

from words import Words

WORDS = Words(
    "upload",
    en={
        "bytes": "{name}: over {most} MB; make it smaller.",
        "zip": "{name}: a zip of over {most_zip} MB; make it smaller.",
        "pixels": "{name}: allowed are sides from {shortest} pixels and at most {megapixels} megapixels.",
        "format": "{name}: not a picture of a kind that is read here. Save it as JPEG or PNG.",
        "damaged": "{name}: the picture is damaged or cut off.",
        "place": "{name}: no uploaded picture. Send the picture itself, not a path.",
    },
    es={
        "bytes": "{name}: pasa de {most} MB; hazla más pequeña.",
        "zip": "{name}: un zip de más de {most_zip} MB; hazlo más pequeño.",
        "pixels": "{name}: se admiten lados desde {shortest} píxeles y {megapixels} megapíxeles como máximo.",
        "format": "{name}: no es una imagen de un tipo que se lea aquí. Guárdala como JPEG o PNG.",
        "damaged": "{name}: la imagen está dañada o incompleta.",
        "place": "{name}: no es una imagen subida. Envía la imagen misma, no una ruta.",
    },
)
