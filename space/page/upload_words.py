"""What is wrong with an upload, by kind of fault, where the page speaks another language than fer_zoo."""

FAULTS = {
    "es": {
        "bytes": "{name}: pasa de {most} MB; hazla más pequeña.",
        "zip": "{name}: un zip de más de {most_zip} MB; hazlo más pequeño.",
        "pixels": "{name}: se admiten lados desde 16 píxeles y 40 megapíxeles como máximo.",
        "format": "{name}: no es una imagen de un tipo que se lea aquí. Guárdala como JPEG o PNG.",
        "damaged": "{name}: la imagen está dañada o incompleta.",
        "place": "{name}: no es una imagen subida. Envía la imagen misma, no una ruta.",
    }
}
