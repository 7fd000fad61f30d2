"""One model's page, made from what is stored with its weights."""

from typing import Any

from markupsafe import Markup

from fer_zoo import charts
from models_tab.zoo_html import name_inputs
from page.templates import render
from page.words import format_number, say, translate_note

SPLITS = ("private", "public", "test", "train")
VIEWS = ("none", "flip", "tencrop")
COLUMNS = ("accuracy", "interval", "unseen", "macro_f1", "ece", "nll", "n")
SPECS = {"macro_f1": ".1%", "ece": ".1%", "nll": ".3f", "n": ",d"}
RATED_COLUMNS = ("agreement", "interval", "unseen", "macro_f1", "ece", "n")
LARGEST_DOT = 11  # pixels: radius of the group with the most faces


def render_model(row: dict[str, Any], stored: dict[str, Any], language: str) -> str:
    """row: of `fer_zoo.list_models`; stored: as `fer_zoo.describe_model` gives it."""
    private = stored["metrics"].get("private", {})
    raters = private.get("ferplus") or {}
    is_by_votes = row["label_source"] == "ferplus"
    is_by_raters = is_by_votes and "per_class" in raters
    learned = raters if is_by_raters else private
    bins = learned.get("reliability")
    about = say(
        language,
        "model.about",
        note=translate_note(language, row["note"]),
        side=name_inputs(row, language),
        parameters=format_number(language, row["params"] / 1e6, ".1f"),
        size=format_number(language, row["bytes"] / 1e6, ".1f"),
    )
    is_trained = "recipe" in stored
    return render(
        "model",
        language,
        name=row["name"],
        about=about,
        address=row["source"] if row["weights"] in ("embedded", "hub") else None,  # no path of this machine
        results=_list_results(stored["metrics"], row["label_source"], language),
        ferplus=raters,
        is_by_votes=is_by_votes,
        is_by_raters=is_by_raters,
        classes=learned.get("per_class"),
        confusion=learned.get("confusion"),
        reliability=_draw_reliability(bins, language) if bins else None,
        bins=len(bins["count"]) if bins else 0,
        training=_describe_training(stored, language) if is_trained else "",
        settings={**_flatten(stored["recipe"]), **stored["versions"]} if is_trained else None,
        members=stored.get("members"),
    )


def _list_results(
    metrics: dict[str, Any], label_source: str, language: str
) -> list[tuple[str, tuple[str, ...], list[tuple[str, str, list[str]]]]]:
    """A table by FER2013's labels and one by FER+'s raters, of what was measured: its title, its columns, and
    its rows with split, view and scores. First the one by the labels that the model learned.
    """
    measured = [
        (split, view, metrics[key])
        for split in SPLITS
        for view in VIEWS
        if (key := split if view == "none" else f"{split}_{view}") in metrics
    ]
    rated = [(*at, score["ferplus"]) for *at, score in measured if "per_class" in score.get("ferplus", {})]
    tables = [("by_labels", COLUMNS, measured), ("by_raters", RATED_COLUMNS, rated)]
    return [
        (
            key,
            ("split", *columns),
            [(at, view, _list_scores(one, columns, language)) for at, view, one in rows],
        )
        for key, columns, rows in (tables[::-1] if label_source == "ferplus" else tables)
        if rows
    ]


def _list_scores(score: dict[str, Any], columns: tuple[str, ...], language: str) -> list[str]:
    def share(value: float | None) -> str:
        return "-" if value is None else format_number(language, value, ".2%")

    right = columns[0]  # accuracy or agreement
    low, high = score[f"{right}_ci95"]
    return [
        share(score[right]),
        say(language, "models.interval", low=share(low), high=share(high)),
        share(score[f"{right}_no_duplicates"]),
        *(format_number(language, score[name], SPECS[name]) for name in columns[3:]),
    ]


def _draw_reliability(bins: dict[str, list[Any]], language: str) -> Markup:
    """bins: confidence, accuracy and count of each group; a group without faces has no dot."""
    ticks = {at / 5: format_number(language, at / 5, ".0%") for at in range(6)}
    x = charts.Axis(say(language, "model.axis_confidence"), ticks)
    y = charts.Axis(say(language, "model.axis_right"), ticks)
    most = max([*bins["count"], 1])
    groups = zip(bins["confidence"], bins["accuracy"], bins["count"], strict=True)
    dots = [
        charts.Dot(
            confidence,
            accuracy,
            say(
                language,
                "model.bin",
                count=format_number(language, count, ",d"),
                confidence=format_number(language, confidence, ".0%"),
                accuracy=format_number(language, accuracy, ".0%"),
            ),
            max(2.5, LARGEST_DOT * (count / most) ** 0.5),
        )
        for confidence, accuracy, count in groups
        if count
    ]
    marks = charts.render_diagonal() + charts.render_dots(dots, x, y)
    return charts.render_chart("; ".join(dot.words for dot in dots), x, y, marks)


def _describe_training(stored: dict[str, Any], language: str) -> str:
    training, start = stored["training"], stored["pretrained"]
    if isinstance(start, dict):  # a trained model, with the start of its weights' SHA-256
        start = f"{start['name']} ({start['sha256']})"
    best = say(
        language,
        "model.best",
        best=training["best_epoch"],
        epochs=training["epochs"],
        minutes=format_number(language, training["minutes"], ".1f"),
        seed=stored["seed"],
        start=start or say(language, "model.scratch"),
        temperature=format_number(language, stored["temperature"], ".3f"),
        fingerprint=stored["data_fingerprint"].replace("with votes", say(language, "model.with_votes")),
    )
    if stored.get("teachers"):
        names = ", ".join(teacher["name"] for teacher in stored["teachers"])
        best += " " + say(language, "model.teachers", names=names)
    if stored.get("labels") in ("ferplus", "both"):
        best += " " + say(language, f"model.labels_{stored['labels']}")
    calibration = stored.get("calibration", {})
    if run_share := calibration.get("run_share"):
        best += " " + say(language, "model.mixed", share=format_number(language, 1 - run_share, ".1f"))
    if used := calibration.get("statistics_faces"):
        best += " " + say(language, "model.statistics", faces=format_number(language, used, ",d"))
    return best


def _flatten(recipe: dict[str, Any]) -> dict[str, Any]:
    """{"augment": {"flip": 0.5}} becomes {"augment.flip": 0.5}, as --set takes it."""
    flat: dict[str, Any] = {}
    for key, value in recipe.items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        flat |= {f"{key}.{name}".rstrip("."): one for name, one in inner}
    return flat
