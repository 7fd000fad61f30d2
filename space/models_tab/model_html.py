"""One model's page, made from what is stored with its weights. Markup.format escapes every text in it."""

from functools import partial
from typing import Any

from markupsafe import Markup

from fer_zoo import EMOTIONS
from fer_zoo.emotions import COLORS
from models_tab.chart import Axis, render_chart
from page import words

SPLITS = ("private", "public", "test", "train")
VIEWS = ("none", "flip", "tencrop")
LARGEST_DOT = 11  # pixels: radius of the group with the most faces

PAGE = Markup(
    '<article class="fz-model" data-page="{name}"><button type="button" class="fz-link" data-act="clear">'
    '← {back}</button><h2 tabindex="-1">{name}</h2><p>{about}</p>'
    "<p>{use} <code>fer_zoo.load(&quot;{name}&quot;).predict(&quot;face.png&quot;)</code></p>"
    "{sections}</article>"
)
SECTION = Markup("<section><h3>{title}</h3>{body}</section>")
NOTE = Markup('<p class="fz-about">{}</p>')
TABLE = Markup(
    '<div class="fz-scroll" tabindex="0" role="group" aria-label="{title}"><table class="{kind}">'
    "<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
)
HEAD = Markup('<th scope="col">{}</th>')
ROW = Markup('<tr><th scope="row">{}</th>{}</tr>')
SPLIT = Markup("{}<small>{}</small>")
CELL = Markup("<td>{}</td>")
CLASS = Markup(
    '<tr style="--emotion:{color}"><th scope="row"><i class="fz-swatch"></i>{emotion}</th>'
    '<td><span class="fz-bar" style="width:{share:.1f}%"></span><span>{recall}</span></td>'
    "<td>{precision}</td><td>{f1}</td><td>{n}</td></tr>"
)
HEAT = Markup('<td style="--share:{share:.1f}" title="{words}">{shown}</td>')
DIAGONAL = Markup('<line class="fz-diagonal" x1="0" y1="100%" x2="100%" y2="0"/>')
DOT = Markup('<circle class="fz-dot" cx="{x:.2f}%" cy="{y:.2f}%" r="{r:.1f}"><title>{words}</title></circle>')
TRAINING = Markup(
    '<p>{best}</p><details><summary>{title}</summary><dl class="fz-settings">{terms}</dl></details>'
)
SETTING = Markup("<div><dt><code>{key}</code></dt><dd>{value}</dd></div>")


def render_model(row: dict[str, Any], stored: dict[str, Any], language: str) -> str:
    """row: of `fer_zoo.list_models`; stored: as `fer_zoo.describe_model` gives it."""
    say = partial(words.say, language)
    private = stored["metrics"].get("private")
    sections = [(say("model.results"), _render_results(stored["metrics"], language))]
    if private:
        sections.append((say("model.classes"), _render_classes(private, language)))
        sections.append((say("model.confusion"), _render_confusion(private["confusion"], language)))
    if private and "reliability" in private:
        sections.append((say("model.reliability"), _render_reliability(private["reliability"], language)))
    if "recipe" in stored:
        sections.append((say("model.training"), _render_training(stored, language)))
    if "members" in stored:
        sections.append((say("model.members"), _render_members(stored["members"], language)))
    sections.append((say("model.limits"), Markup("<p>{}</p>").format(say("model.limits_text"))))
    about = say(
        "model.about",
        note=words.translate_note(language, row["note"]),
        side=row["input_size"],
        parameters=words.format_number(language, row["params"] / 1e6, ".1f"),
        size=words.format_number(language, row["bytes"] / 1e6, ".1f"),
    )
    return PAGE.format(
        name=row["name"],
        back=say("model.back"),
        about=about,
        use=say("model.use"),
        sections=Markup("").join(SECTION.format(title=title, body=body) for title, body in sections),
    )


def _render_table(title: str, kind: str, heads: list[str], rows: Markup) -> Markup:
    return TABLE.format(
        title=title, kind=kind, heads=Markup("").join(HEAD.format(head) for head in heads), rows=rows
    )


def _render_results(metrics: dict[str, Any], language: str) -> Markup:
    """A row for every split and view that was measured."""
    rows = []
    for split in SPLITS:
        for view in VIEWS:
            score = metrics.get(split if view == "none" else f"{split}_{view}")
            if score:
                cells = Markup("").join(CELL.format(text) for text in _list_scores(score, language))
                name = SPLIT.format(
                    words.say(language, f"model.{split}"), words.say(language, f"model.{view}")
                )
                rows.append(ROW.format(name, cells))
    if not rows:
        return NOTE.format(words.say(language, "model.unmeasured"))
    keys = ("split", "accuracy", "interval", "unseen", "macro_f1", "ece", "nll", "n")
    table = _render_table(
        words.say(language, "model.results"),
        "fz-results",
        [words.say(language, f"model.{key}") for key in keys],
        Markup("").join(rows),
    )
    remarks = NOTE.format(words.say(language, "model.results_note"))
    ferplus = metrics.get("private", {}).get("ferplus")
    if ferplus:
        shares = {"agreement": ferplus["agreement"], "labels": ferplus["labels_agreement"]}
        said = {key: words.format_number(language, share, ".1%") for key, share in shares.items()}
        said["n"] = words.format_number(language, ferplus["n"], ",d")
        remarks += NOTE.format(words.say(language, "model.ferplus", **said))
    return table + remarks


def _list_scores(score: dict[str, Any], language: str) -> list[str]:
    def share(value: float | None) -> str:
        return "-" if value is None else words.format_number(language, value, ".2%")

    low, high = score["accuracy_ci95"]
    return [
        share(score["accuracy"]),
        f"{words.format_number(language, 100 * low, '.2f')} - {share(high)}",
        share(score["accuracy_no_duplicates"]),
        words.format_number(language, score["macro_f1"], ".3f"),
        words.format_number(language, score["ece"], ".3f"),
        words.format_number(language, score["nll"], ".3f"),
        words.format_number(language, score["n"], ",d"),
    ]


def _render_classes(score: dict[str, Any], language: str) -> Markup:
    rows = [
        CLASS.format(
            color=COLORS[emotion],
            emotion=words.say(language, f"emotion.{emotion}"),
            share=100 * numbers["recall"],
            n=words.format_number(language, numbers["support"], ",d"),
            **{
                key: words.format_number(language, numbers[key], ".1%")
                for key in ("recall", "precision", "f1")
            },
        )
        for emotion, numbers in score["per_class"].items()
    ]
    table = _render_table(
        words.say(language, "model.classes"),
        "fz-bars fz-classes",
        [words.say(language, f"model.{key}") for key in ("emotion", "recall", "precision", "f1", "n")],
        Markup("").join(rows),
    )
    return table + NOTE.format(words.say(language, "model.classes_note"))


def _render_confusion(confusion: list[list[int]], language: str) -> Markup:
    """confusion: faces (7, 7), rows labels, columns answers."""
    names = [words.say(language, f"emotion.{emotion}") for emotion in EMOTIONS]
    rows = []
    for label, counts in zip(names, confusion, strict=True):
        total = sum(counts)
        cells = [
            HEAT.format(
                share=100 * count / max(total, 1),
                shown=f"{100 * count / max(total, 1):.0f}",
                words=words.say(language, "model.cell", count=count, total=total, label=label, answer=answer),
            )
            for answer, count in zip(names, counts, strict=True)
        ]
        rows.append(ROW.format(label, Markup("").join(cells)))
    note = NOTE.format(words.say(language, "model.confusion_note"))
    heads = [words.say(language, "model.label"), *names]
    return note + _render_table(
        words.say(language, "model.confusion"), "fz-heat", heads, Markup("").join(rows)
    )


def _render_reliability(bins: dict[str, list[Any]], language: str) -> Markup:
    """bins: confidence, accuracy and count of each group; a group without faces has no dot."""
    filled = [
        group for group in zip(bins["confidence"], bins["accuracy"], bins["count"], strict=True) if group[2]
    ]
    most = max((count for _, _, count in filled), default=1)
    dots = []
    for confidence, accuracy, count in filled:
        told = words.say(
            language,
            "model.bin",
            count=words.format_number(language, count, ",d"),
            confidence=words.format_number(language, confidence, ".0%"),
            accuracy=words.format_number(language, accuracy, ".0%"),
        )
        radius = max(2.5, LARGEST_DOT * (count / most) ** 0.5)
        dots.append((told, DOT.format(x=100 * confidence, y=100 - 100 * accuracy, r=radius, words=told)))
    ticks = {at / 5: words.format_number(language, at / 5, ".0%") for at in range(6)}
    chart = render_chart(
        "; ".join(told for told, _ in dots),
        Axis(words.say(language, "model.axis_confidence"), ticks),
        Axis(words.say(language, "model.axis_right"), ticks),
        DIAGONAL + Markup("").join(dot for _, dot in dots),
    )
    note = NOTE.format(words.say(language, "model.reliability_note", bins=len(bins["count"])))
    return note + Markup('<div class="fz-square">{}</div>').format(chart)


def _render_training(stored: dict[str, Any], language: str) -> Markup:
    training = stored["training"]
    best = words.say(
        language,
        "model.best",
        best=training["best_epoch"],
        epochs=training["epochs"],
        minutes=words.format_number(language, training["minutes"], ".1f"),
        seed=stored["seed"],
        start=_name_start(stored["pretrained"]) or words.say(language, "model.scratch"),
        temperature=words.format_number(language, stored["temperature"], ".3f"),
        fingerprint=stored["data_fingerprint"],
    )
    if stored.get("teachers"):
        names = ", ".join(teacher["name"] for teacher in stored["teachers"])
        best += " " + words.say(language, "model.teachers", names=names)
    if stored.get("labels") in ("ferplus", "both"):
        best += " " + words.say(language, f"model.labels_{stored['labels']}")
    calibration = stored.get("calibration", {})
    if run_share := calibration.get("run_share"):
        best += " " + words.say(
            language, "model.mixed", share=words.format_number(language, 1 - run_share, ".1f")
        )
    if used := calibration.get("statistics_faces"):
        best += " " + words.say(language, "model.statistics", faces=words.format_number(language, used, ",d"))
    settings = {**_flatten(stored["recipe"]), **stored["versions"]}
    terms = Markup("").join(SETTING.format(key=key, value=value) for key, value in settings.items())
    return TRAINING.format(best=best, title=words.say(language, "model.recipe"), terms=terms)


def _name_start(start: Any) -> Any:
    """A trained model's name, with the start of its weights' SHA-256; else what config.json has."""
    return f"{start['name']} ({start['sha256']})" if isinstance(start, dict) else start


def _flatten(recipe: dict[str, Any]) -> dict[str, Any]:
    """{"augment": {"flip": 0.5}} becomes {"augment.flip": 0.5}, as --set takes it."""
    flat: dict[str, Any] = {}
    for key, value in recipe.items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        flat |= {f"{key}.{name}".rstrip("."): one for name, one in inner}
    return flat


def _render_members(members: list[dict[str, Any]], language: str) -> Markup:
    rows = [
        ROW.format(member["name"], CELL.format(words.format_number(language, member["weight"], ".0%")))
        for member in members
    ]
    heads = [words.say(language, f"model.{key}") for key in ("member", "vote")]
    table = _render_table(words.say(language, "model.members"), "fz-members", heads, Markup("").join(rows))
    return NOTE.format(words.say(language, "model.members_note")) + table
