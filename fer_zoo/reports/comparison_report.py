"""Several models on one page: who is better, whether that is chance, on which emotions and faces."""

from collections.abc import Sequence
from itertools import combinations, permutations
from typing import Any

from markupsafe import Markup

from fer_zoo.data.fer2013 import FER2013
from fer_zoo.emotions import COLORS, EMOTIONS
from fer_zoo.errors import FerZooError
from fer_zoo.evaluation.error_analysis import find_disagreements
from fer_zoo.evaluation.metrics import compare_paired
from fer_zoo.reports.kit import (
    ACCENT,
    Number,
    Section,
    encode_face,
    name_emotion,
    render_answer,
    render_bar,
    render_faces,
    render_label,
    render_legend,
    render_page,
    render_table,
    render_text,
    say,
)
from fer_zoo.reports.measurements import Study
from fer_zoo.reports.model_report import describe_split, render_footer, show_robustness

# A line a model: told apart by shape as well as by color, none of them an emotion's.
LOOKS = (
    *((ACCENT, "solid"), ("#DB2777", "solid"), ("var(--ink)", "dashed")),
    *((ACCENT, "dotted"), ("#DB2777", "dashed"), ("var(--subdued)", "solid")),
)
SHOWN_FACES = 8  # of each pair, and each way round
MAX_PAIRS = 6  # whose faces are shown, in both directions


def check_count(count: int) -> None:
    """Raises FerZooError for more models than the page can tell apart."""
    if count > len(LOOKS):
        raise FerZooError(
            f"report got {count} models; allowed are up to {len(LOOKS)} on one page. Name fewer of them."
        )


def compare_studies(studies: Sequence[Study]) -> list[dict[str, Any]]:
    """A paired test for each two models: `compare_paired`, with the names a and b."""
    labels = studies[0].faces.labels
    return [
        {"a": a.name, "b": b.name, **compare_paired(a.probabilities, b.probabilities, labels)}
        for a, b in combinations(studies, 2)
    ]


def build_comparison(studies: Sequence[Study], dataset: FER2013) -> str:
    """The HTML page of several models, all measured on the same faces."""
    pairs, looks = compare_studies(studies), LOOKS[: len(studies)]
    legend = render_legend(
        (study.name, color, f"line {shape}") for study, (color, shape) in zip(studies, looks, strict=True)
    )
    robustness = show_robustness(studies, looks)
    sections = [
        _show_models(studies),
        _show_pairs(pairs),
        _show_recall(studies),
        robustness._replace(body=legend + robustness.body),
        *_show_disagreements(studies),
    ]
    best = max(studies, key=lambda study: study.scores["accuracy"])
    low, high = best.scores["accuracy_ci95"]
    note = f"{best.scores['accuracy']:.2%}, 95 % interval {low:.2%} to {high:.2%}"
    numbers = [Number("Most accurate here", best.name, note), _measure_union(studies)]
    title = " against ".join(study.name for study in studies)
    return render_page(title, describe_split(studies[0].scores), numbers, sections, render_footer(dataset))


def _measure_union(studies: Sequence[Study]) -> Number:
    labels = studies[0].faces.labels
    right = [study.probabilities.argmax(1) == labels for study in studies]
    some = sum(right) > 0
    every = sum(right) == len(right)
    return Number(
        "Right by at least one", f"{some.mean():.2%}", f"by all of them {every.mean():.2%} of the faces"
    )


def _show_models(studies: Sequence[Study]) -> Section:
    rows = []
    for study in studies:
        scores = study.scores
        low, high = scores["accuracy_ci95"]
        without, agreement = scores["accuracy_no_duplicates"], scores.get("ferplus")
        rows.append(
            (
                study.name,
                render_bar(scores["accuracy"], ACCENT, f"{scores['accuracy']:.2%}"),
                f"{low:.2%} to {high:.2%}",
                "-" if without is None else f"{without:.2%}",
                f"{scores['macro_f1']:.2%}",
                f"{scores['ece']:.2%}",
                f"{scores['nll']:.3f}",
                *([f"{agreement['agreement']:.2%}"] if agreement else []),
            )
        )
    head = ["model", "accuracy", "95 % interval", "new faces", "macro F1", "calibration error", "log loss"]
    head += ["FER+ raters agree"] if studies[0].scores.get("ferplus") else []
    lead = say(
        "New faces: without those that also stand in Training. Intervals may overlap where the paired tests "
        "below still find a difference: those use that all models saw the same faces."
    )
    return Section("models", "Side by side", lead + render_table(head, rows))


def _show_pairs(pairs: Sequence[dict[str, Any]]) -> Section:
    rows = []
    for pair in pairs:
        low, high = pair["difference_ci95"]
        verdict = "a real difference" if pair["p_value"] < 0.05 else "these faces show no difference"
        rows.append(
            (
                f"{pair['a']} - {pair['b']}",
                f"{100 * pair['difference']:+.2f}",
                f"{100 * low:+.2f} to {100 * high:+.2f}",
                f"{pair['n10']:,}",
                f"{pair['n01']:,}",
                f"{pair['p_value']:.2g}",
                render_text(verdict),
            )
        )
    head = ("pair", "points", "95 % interval", "only first right", "only second right", "p", "so")
    lead = say(
        "McNemar's exact test, two-sided. {} pairs, not corrected for their number."
        if len(pairs) > 1
        else "McNemar's exact test, two-sided.",
        len(pairs),
    )
    return Section("pairs", "Could it be chance?", lead + render_table(head, rows))


def _show_recall(studies: Sequence[Study]) -> Section:
    rows = [
        (
            name_emotion(index),
            *(
                render_bar(recall, COLORS[emotion], f"{recall:.1%}")
                for recall in (study.scores["per_class"][emotion]["recall"] for study in studies)
            ),
            f"{studies[0].scores['per_class'][emotion]['support']:,}",
        )
        for index, emotion in enumerate(EMOTIONS)
    ]
    head = ("emotion", *(study.name for study in studies), "faces")
    lead = say("Recall: of the faces with this label, how many each model finds.")
    return Section("recall", "Emotion by emotion", lead + render_table(head, rows))


def _show_disagreements(studies: Sequence[Study]) -> list[Section]:
    labels, body = studies[0].faces.labels, Markup("")
    for first, second in list(permutations(studies, 2))[: 2 * MAX_PAIRS]:
        chosen = find_disagreements(first.probabilities, second.probabilities, labels, SHOWN_FACES)
        if not len(chosen):
            continue
        cards = []
        for face in chosen.tolist():
            answers = [int(study.probabilities[face].argmax()) for study in (first, second)]
            shares = [study.probabilities[face].max() for study in (first, second)]
            caption = render_answer(answers[0], f"{shares[0]:.0%}")
            caption += render_label(answers[1], f"{shares[1]:.0%}")
            words = f"face {face} of the split, labeled {EMOTIONS[labels[face]]}"
            cards.append(([encode_face(first.faces.pixels[face, 0])], words, caption))
        title = Markup("<h3>{} is right, {} is not</h3>").format(first.name, second.name)
        body += title + render_faces(cards)
    lead = say(
        "The faces on which both were surest: first the answer that the label confirms, then the other."
    )
    return [Section("disagreements", "Where they disagree", lead + body)] if body else []
