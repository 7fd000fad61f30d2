"""The table, the chart and the page of a model: every number where it belongs, in both languages."""

import itertools
import re
from typing import Any

import numpy as np
import pytest

from fer_zoo.evaluation.raters import ferplus_agreement

SCRIPT = "<img src=x onerror=alert(1)>"
BEST = {"n": 3589, "accuracy": 0.7, "accuracy_ci95": [0.68, 0.72], "macro_f1": 0.65, "ece": 0.01}


def row(name: str, metrics: dict[str, Any]) -> dict[str, Any]:
    shape = {"params": 5_014_119, "input_size": 48, "bytes": 10_033_950, "family": "vit", "latency": None}
    told = {
        "note": "TinyViT-5M at 96 pixels",
        "label_source": "fer2013",
        "source": name,
        "weights": "embedded",
    }
    return {"name": name, "metrics": metrics, **shape, **told}


def test_zoo_is_ranked_and_what_nobody_measured_is_said() -> None:
    from models_tab.zoo_html import render_models

    fair = {**BEST, "accuracy": 0.6, "accuracy_ci95": [0.58, 0.62]}
    rows = [row("new", {}), row("fair", {"private": fair}), row("good", {"private": BEST})]
    html = render_models(rows, "en", {})
    assert html.index("good") < html.index("fair") < html.index("new")
    for shown in ("70.0%", "68.0% to 72.0%", "5.0 M", "10.0 MB", "3,589 faces"):
        assert shown in html
    assert html.count("not measured") == 4 + 2 + 3  # four scores of one model, the raters' of two, all speeds
    assert "288 of its faces are also in Training" in html
    assert "Measure speed here" in html


def test_the_line_for_python_loads_the_very_model_and_tells_no_path() -> None:
    from models_tab.model_html import render_model

    stored: dict[str, Any] = {"metrics": {}}
    shown = row("resnet_48", {})
    assert "fer_zoo.load(&quot;resnet_48&quot;)" in render_model(shown, stored, "en")
    pushed = {**shown, "weights": "hub", "source": "owner/name"}
    assert "fer_zoo.load(&quot;owner/name&quot;)" in render_model(pushed, stored, "en")
    run = render_model({**shown, "weights": "folder", "source": "/home/me/resnet_48"}, stored, "en")
    assert "fer_zoo.load" not in run and "/home/me" not in run


def test_spanish_zoo_has_its_comma_and_its_notes() -> None:
    from models_tab.zoo_html import render_models

    html = render_models([row("good", {"private": BEST})], "es", {})
    for shown in (
        "70,0\N{NO-BREAK SPACE}%",
        "68,0\N{NO-BREAK SPACE}% a 72,0\N{NO-BREAK SPACE}%",
        "5,0 M",
        "3.589 caras",
        "TinyViT-5M a 96 píxeles",
    ):
        assert shown in html


def test_speed_is_shown_with_how_it_was_measured_and_moves_the_chart() -> None:
    from models_tab.zoo_html import render_models

    rows = [row("one", {"private": BEST}), row("two", {"private": BEST})]
    speeds = {name: {"milliseconds": taken, "threads": 2} for name, taken in (("one", 8.04), ("two", 20.0))}
    half = render_models(rows, "en", {"one": speeds["one"]})
    assert "8.0 ms" in half and "Measure speed here" in half and "Parameters, in millions" in half
    html = render_models(rows, "en", speeds)
    assert "median of many runs with one face, CPU threads: 2" in html and "Measure speed here" not in html
    assert "FER2013 accuracy and time for one face: one 70.0%, 8.0 ms, two 70.0%, 20.0 ms" in html
    places = [float(x) for x in re.findall(r'class="fz-point" x="([\d.]+)%"', html)]
    assert places == pytest.approx([40.2, 100])


def test_speed_is_the_cards_until_it_is_measured() -> None:
    from models_tab.zoo_html import render_models

    cards = {"latency": {"milliseconds": 2.4, "threads": 2}}
    rows = [{**row(name, {"private": BEST}), **cards} for name in ("one", "two")]
    html = render_models(rows, "en", {"one": {"milliseconds": 8.0, "threads": 2}})
    assert "8.0 ms</td>" in html and re.search(r"2\.4 ms<small[^>]*>model card", html)
    assert "(model cards)" in html and "one 70.0%, 2.4 ms" in html  # one machine for a whole chart


def test_both_scores_and_the_inputs_of_an_ensembles_members_are_shown() -> None:
    from models_tab.zoo_html import render_models

    ferplus = {"n": 3350, "agreement": 0.734, "labels_agreement": 0.656}
    known = {**row("ensemble", {"private": {**BEST, "ferplus": ferplus}}), "family": "ensemble"}
    html = render_models([known], "en", {})
    assert "73.4%" in html and "48, 96 px" in html


def test_each_score_has_a_chart_and_f1_is_by_what_was_learned() -> None:
    from models_tab.zoo_html import render_models

    ferplus = {"agreement": 0.734, "agreement_ci95": [0.72, 0.75], "macro_f1": 0.513, "ece": 0.022}
    scores = {"private": {**BEST, "ferplus": ferplus}}
    rows = [{**row("votes", scores), "label_source": "ferplus"}, row("labels", {"private": BEST})]
    html = render_models(rows, "en", {})
    assert re.findall(r"<h2>(.*?)</h2>", html) == [
        "FER2013 accuracy and parameters",
        "FER+ agreement and parameters",
    ]
    by_labels, by_raters = re.findall(r"parameters: (.*?)\. The table", html)
    assert by_labels == "votes 70.0%, 5.0 M, labels 70.0%, 5.0 M" and by_raters == "votes 73.4%, 5.0 M"
    assert "51.3%" in html and html.count("65.0%") == 1 and "72.0% to 75.0%" in html


def test_filters_offer_what_differs() -> None:
    from models_tab.zoo_html import render_models

    rows = [row("a", {}), {**row("b", {}), "family": "cnn"}, {**row("c", {}), "family": "<odd>"}]
    html = render_models(rows, "es", {})
    assert re.findall(r'<option value="([^"]+)">([^<]+)', html) == [
        ("&lt;odd&gt;", "&lt;odd&gt;"),
        ("cnn", "convolucional"),
        ("vit", "transformer"),
    ]


def test_zoo_without_any_score_has_no_chart() -> None:
    from models_tab.zoo_html import render_models

    assert "<svg" not in render_models([row("new", {})], "en", {})


def test_interval_bar_ends_where_the_interval_ends() -> None:
    from models_tab.zoo_html import render_models

    html = render_models([row("good", {"private": BEST})], "en", {})
    ticks = [(float(at), text) for at, text in re.findall(r'y="([\d.]+)%" dy=".32em"[^>]*>(\d+)%<', html)]
    (top, highest), (bottom, lowest) = min(ticks), max(ticks)
    (high, low), (y,) = (
        re.findall(r'"fz-interval".*?y1="([\d.]+)%" y2="([\d.]+)%"', html)[0],
        re.findall(r'"fz-point" x="[\d.]+%" y="([\d.]+)%"', html),
    )

    def read(place: str) -> float:
        return float(highest) - (float(place) - top) / (bottom - top) * (float(highest) - float(lowest))

    assert [read(place) for place in (low, y, high)] == pytest.approx([68, 70, 72], abs=0.01)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 5.01, [0, 2, 4, 6]),
        (0, 17.3, [0, 5, 10, 15, 20]),
        (0.6768, 0.7158, [0.67, 0.68, 0.69, 0.7, 0.71, 0.72]),
        (0.68, 0.72, [0.68, 0.69, 0.7, 0.71, 0.72]),
    ],
)
def test_ticks_are_round_and_enclose(low: float, high: float, ticks: list[float]) -> None:
    from fer_zoo.reports.charts import choose_ticks

    assert choose_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize("places", [[100, 101, 102, 250], [298, 299, 300], [5.0, 5, 5, 290], []])
def test_labels_do_not_touch_each_other_nor_a_dot_and_stay_inside(places: list[float]) -> None:
    from fer_zoo.reports.charts import DOT_GAP, HEIGHT, LABEL_GAP, place_labels

    ways = [[dot for dot in places if dot != place] for place in places]  # every dot is in every label's way
    labels = place_labels(places, ways)
    gaps = [after - before for before, after in itertools.pairwise(sorted(labels))]
    assert all(gap >= LABEL_GAP for gap in gaps) and all(0 <= label <= HEIGHT for label in labels)
    assert all(abs(label - dot) >= DOT_GAP for label, way in zip(labels, ways, strict=True) for dot in way)
    assert place_labels([100.0], [[]]) == [100.0]  # alone, it stays where it is
    assert place_labels([100.0], [[105.0]]) == [105.0 - DOT_GAP]


def test_page_of_a_model_shows_what_is_stored(stored: dict[str, Any]) -> None:
    from models_tab.model_html import render_model

    html = render_model(row("cnn-baseline", stored["metrics"]), {**stored, "temperature": 0.885}, "en")
    score = stored["metrics"]["private"]
    assert f"{score['accuracy']:.2%}" in html and f"{score['nll']:.3f}" in html
    for numbers in score["per_class"].values():
        assert f"width:{100 * numbers['recall']:.1f}%" in html and f">{numbers['support']}<" in html
    angry = score["confusion"][0]
    assert f'style="--share:{100 * angry[3] / sum(angry):.1f}"' in html
    assert f"{angry[3]} of {sum(angry)} faces labeled angry are read as happy" in html
    assert "Best epoch by PublicTest accuracy: 2 of 2, 1.5 minutes" in html and "temperature 0.885" in html
    assert "augment.flip" in html and "none, from scratch" in html


def test_page_of_a_model_of_other_classes_has_their_names() -> None:
    from models_tab.model_html import render_model

    scores = {"recall": 0.5, "precision": 0.5, "f1": 0.5, "support": 4}
    private = {
        **BEST,
        "accuracy_no_duplicates": None,
        "nll": 1.0,
        "per_class": {"calm": scores, "happy": scores},
    }
    metrics = {"private": {**private, "confusion": [[2, 2], [1, 3]]}}
    html = render_model(row("mine", metrics), {"metrics": metrics}, "es")
    assert (
        "calm" in html
        and "alegría" in html
        and "1 de 4 caras con la etiqueta alegría se leen como calm" in html
    )
    assert html.count("--share:") == 4


def test_reliability_has_a_dot_for_each_group_with_faces(stored: dict[str, Any]) -> None:
    from models_tab.model_html import render_model

    html = render_model(row("cnn-baseline", {}), {**stored, "temperature": 1.0}, "en")
    dots = re.findall(r'class="fz-dot" cx="([\d.]+)%" cy="([\d.]+)%"', html)
    assert dots == [("40.00", "50.00"), ("70.00", "32.00")]
    assert "3,500 faces with confidence 70%: 68% correct" in html


def test_page_of_an_ensemble_names_its_members(stored: dict[str, Any]) -> None:
    from models_tab.model_html import render_model

    members = [{"name": "one", "weight": 0.75}, {"name": "two", "weight": 0.25}]
    html = render_model(row("good", {}), {"metrics": {}, "members": members}, "es")
    assert re.findall(r"<tr>.*?(one|two).*?(\d+)\s%</td>", html) == [("one", "75"), ("two", "25")]


def test_teachers_and_raters_are_told(stored: dict[str, Any]) -> None:
    from models_tab.model_html import render_model

    ferplus = {"n": 3000, "agreement": 0.812, "labels_agreement": 0.7}
    metrics = {"private": {**stored["metrics"]["private"], "ferplus": ferplus}}
    info = {**stored, "metrics": metrics, "temperature": 1.0, "teachers": [{"name": "wise"}]}
    html = render_model(row("pupil", metrics), info, "en")
    assert "On 3,000 PrivateTest faces" in html and "81.2%" in html and "own labels on 70.0%" in html
    assert "Distilled from wise." in html and "half its label" not in html
    for labels, words in (("both", "half its label"), ("ferplus", "on FER+ soft labels")):
        assert words in render_model(row("pupil", metrics), {**info, "labels": labels}, "en")
    told = {
        count: render_model(row("pupil", metrics), {**info, "calibration": {"statistics_faces": count}}, "en")
        for count in (0, 2610)
    }
    assert "on 2,610 unaugmented Training faces" in told[2610] and "unaugmented" not in told[0]
    mixed = {**info, "calibration": {"run_share": 0.6, "statistics_faces": 2610}}
    assert "initial weights, whose weight is 0.4." in render_model(row("pupil", metrics), mixed, "en")
    voted = {**mixed, "data_fingerprint": "12ab with votes 34cd"}
    in_spanish = render_model(row("pupil", metrics), voted, "es")
    assert "cuyo peso es 0,4." in in_spanish and "12ab con votos 34cd" in in_spanish
    assert "whose weight is" not in told[2610]


@pytest.mark.parametrize("source", ["ferplus", "fer2013"])
def test_page_leads_with_the_labels_that_were_learned(stored: dict[str, Any], source: str) -> None:
    from models_tab.model_html import render_model

    generator = np.random.default_rng(1)
    votes = np.zeros((3589, 10), dtype=int)
    votes[np.arange(3589), generator.integers(0, 8, 3589)] = 10
    answers = generator.dirichlet(np.ones(7), size=3589)
    raters = ferplus_agreement(answers, generator.integers(0, 7, 3589), votes)
    scores = {**stored["metrics"]["private"], "ferplus": raters}
    info = {**stored, "metrics": {"private": scores}, "temperature": 1.0}
    html = render_model({**row("pupil", info["metrics"]), "label_source": source}, info, "en")
    first, second = ("majority of FER+", "FER2013&#39;s labels")[:: 1 if source == "ferplus" else -1]
    assert html.index(f"By {'the ' * (source == 'ferplus')}{first}") < html.index(second)
    assert f"{raters['agreement']:.2%}" in html and f"{scores['accuracy']:.2%}" in html
    fear = (raters if source == "ferplus" else scores)["per_class"]["fear"]
    assert f"width:{100 * fear['recall']:.1f}%" in html
    assert ("contempt" in html) == ("from whose votes these weights learned" in html) == (source == "ferplus")
    assert ("the tenth agrees" in html) == (source == "ferplus")
    in_spanish = render_model({**row("pupil", info["metrics"]), "label_source": source}, info, "es")
    assert ("desprecio" in in_spanish) == (source == "ferplus")


def test_page_without_scores_says_so() -> None:
    from models_tab.model_html import render_model

    html = render_model(row("new", {}), {"metrics": {}}, "es")
    assert "no hay medidas guardadas" in html and "fz-heat" not in html and "<svg" not in html


@pytest.mark.parametrize("language", ["en", "es"])
def test_names_cannot_bring_script_into_the_page(stored: dict[str, Any], language: str) -> None:
    from models_tab.model_html import render_model
    from models_tab.zoo_html import render_models

    evil = {**row(SCRIPT, stored["metrics"]), "note": SCRIPT}
    info = {**stored, "temperature": 1.0, "data_fingerprint": SCRIPT, "recipe": {SCRIPT: SCRIPT}}
    for html in (render_models([evil], language, {}), render_model(evil, info, language)):
        assert "&lt;img src=x" in html and "<img" not in html
