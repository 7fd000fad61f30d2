"""The parts of a report that show faces: mistakes, doubts, heatmaps and the map."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from fer_zoo.emotions import EMOTIONS
from fer_zoo.evaluation.error_analysis import (
    describe_errors,
    entropy,
    most_confident_errors,
    most_uncertain,
    shared_errors,
)
from fer_zoo.reports.charts import render_map
from fer_zoo.reports.kit import (
    ACCENT,
    Section,
    emotion_legend,
    encode_face,
    encode_heat,
    render_answer,
    render_bar,
    render_faces,
    render_label,
    render_table,
    say,
)
from fer_zoo.reports.measurements import Heat, Study

SHOWN_FACES = 24  # of each kind


def _show_faces(study: Study, chosen: Sequence[int] | np.ndarray) -> Markup:
    """Faces with the model's answer and the label, and the probability of each."""
    cards = []
    for face in chosen:
        label, row = int(study.faces.labels[face]), study.probabilities[face]
        answer = int(row.argmax())
        caption = render_answer(answer, f"{row[answer]:.0%}")
        caption += render_label(label, f"{row[label]:.0%}") if label != answer else Markup("as labeled")
        words = f"face {face} of the split, labeled {EMOTIONS[label]}"
        cards.append(([encode_face(study.faces.pixels[face, 0])], words, caption))
    return render_faces(cards)


def show_sure_mistakes(study: Study) -> Section:
    chosen = most_confident_errors(study.probabilities, study.faces.labels, SHOWN_FACES)
    wrong = round((1 - study.scores["accuracy"]) * study.scores["n"])
    lead = say(
        "The surest {} of {:,} wrong answers: the answer with its probability, then in gray the label "
        "with its own. Some are the model's, some are the label's.",
        len(chosen),
        wrong,
    )
    return Section("mistakes", "The surest mistakes", lead + _show_faces(study, chosen))


def show_shared_mistakes(study: Study) -> list[Section]:
    if study.majority is None:
        return []
    labels = study.faces.labels
    counts = describe_errors(study.probabilities, labels, study.majority)
    chosen = shared_errors(study.probabilities, labels, study.majority, SHOWN_FACES)
    titles = {
        "raters_with_model": "the model's answer",
        "raters_with_label": "FER2013's label",
        "raters_with_neither": "another emotion",
        "raters_unclear": "no clear majority among the seven",
    }
    rows = [
        (
            title,
            f"{counts[key]:,}",
            render_bar(counts[key] / max(1, counts["n"]), ACCENT, f"{counts[key] / max(1, counts['n']):.1%}"),
        )
        for key, title in titles.items()
    ]
    lead = say(
        "Ten people looked at each face again for FER+ (Barsoum et al. 2016). With whom does their majority "
        "stand where the model contradicts the label?"
    )
    body = lead + render_table(("the raters' majority says", "faces", "share of the mistakes"), rows)
    body += say("The surest of those where people give the model's answer:") + _show_faces(study, chosen)
    return [Section("raters", "Mistakes that people make too", body)]


def show_doubts(study: Study) -> Section:
    chosen = most_uncertain(study.probabilities, SHOWN_FACES)
    lead = say(
        "The {} faces at which the model hesitates most: up to {:.2f} bits of entropy; seven equal "
        "probabilities would have {:.2f}. Below an answer, in gray, the label where it is another.",
        len(chosen),
        entropy(study.probabilities).max(),
        np.log2(len(EMOTIONS)),
    )
    return Section("doubts", "The most uncertain faces", lead + _show_faces(study, chosen))


def show_heats(study: Study) -> Section:
    def show(heats: Sequence[Heat]) -> Markup:
        return render_faces([_show_heat(study, heat) for heat in heats], "pairs")

    right = [heat for heat in study.heats if heat.label is None]
    wrong = [heat for heat in study.heats if heat.label is not None]
    body = say(
        "Orange is where the network found what speaks for an emotion (HiResCAM on convolutions, attention "
        "inputs on tokens). It shows where, not why."
    )
    body += Markup("<h3>Right, at its surest</h3>{}").format(show(right))
    if wrong:
        body += Markup("<h3>Wrong, at its surest: for its answer, then for the label</h3>{}").format(
            show(wrong)
        )
    return Section("heatmaps", "Where it looks", body)


def _show_heat(study: Study, heat: Heat) -> tuple[list[str], str, Markup]:
    pixels, label = study.faces.pixels[heat.face, 0], int(study.faces.labels[heat.face])
    row = study.probabilities[heat.face]
    answer = int(row.argmax())
    pictures = [encode_face(pixels), encode_heat(pixels, heat.answer)]
    caption = render_answer(answer, f"{row[answer]:.0%}")
    if heat.label is not None:
        pictures.append(encode_heat(pixels, heat.label))
        caption += render_label(label, f"{row[label]:.0%}")
    return pictures, f"face {heat.face}, labeled {EMOTIONS[label]}, and where the model looked", caption


def show_map(study: Study) -> list[Section]:
    if study.face_map is None:
        return []
    chosen, places, alike = study.face_map
    labels = study.faces.labels[chosen]
    right = study.probabilities[chosen].argmax(1) == labels
    body = say(
        "{:,} faces, placed so that those which the network describes alike lie together (t-SNE of the "
        "features before its last layer). Color is the label, a ring is a wrong answer. Of a face's ten "
        "nearest neighbors {:.0%} share its label. Axes and the distances of far groups mean nothing.",
        len(chosen),
        alike,
    )
    return [Section("map", "A map of faces", body + emotion_legend() + render_map(places, labels, right))]
