"""The measured part of a card: figures by split, by emotion, against FER+'s raters, speed."""

from typing import Any

SPLITS = {
    "private": "PrivateTest",
    "public": "PublicTest",
    "test": "PublicTest + PrivateTest",
    "train": "Training",
}


def results_table(metrics: dict[str, Any]) -> str:
    lines = [
        "| split | views | n | accuracy | 95 % interval | without duplicates | macro-F1 | ECE | log loss |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for split, title in SPLITS.items():
        for tta in ("none", "flip", "tencrop"):
            score = metrics.get(split if tta == "none" else f"{split}_{tta}")
            if score:
                lines.append(_result_line(score, title, tta))
    return "\n".join(lines) + "\n"


def results_note(block: dict[str, Any]) -> str:
    chosen = "votes" if "members" in block else "epoch"
    correction = ", the prior correction" if "prior_correction" in block else ""
    return (
        f"The {chosen}{correction} and the temperature were chosen on PublicTest, so PrivateTest is the "
        "honest figure. Without duplicates: without the faces that are duplicated in Training. Flip: the "
        "mean of a face and its mirror image. ECE: expected calibration error, the mean gap between "
        "confidence and accuracy.\n"
    )


def _result_line(score: dict[str, Any], title: str, tta: str) -> str:
    low, high = score["accuracy_ci95"]
    without = score["accuracy_no_duplicates"]
    return (
        f"| {title} | {'single' if tta == 'none' else tta} | {score['n']} | {100 * score['accuracy']:.2f} % "
        f"| {100 * low:.2f} - {100 * high:.2f} | {'-' if without is None else f'{100 * without:.2f} %'} "
        f"| {score['macro_f1']:.3f} | {score['ece']:.3f} | {score['nll']:.3f} |"
    )


def ferplus_and_latency(block: dict[str, Any]) -> str:
    """What the table has no column for: FER+ and speed."""
    lines = []
    ferplus = block["metrics"].get("private", {}).get("ferplus")
    if ferplus:
        lines.append(
            f"On the {ferplus['n']:,} PrivateTest faces for which ten FER+ raters have a majority the model "
            f"agrees with it on {100 * ferplus['agreement']:.1f} %{_describe_ferplus(ferplus)}; FER2013's "
            f"own labels do on {100 * ferplus['labels_agreement']:.1f} %."
        )
    speed = block.get("latency")
    if speed:
        where = f" of {speed['processor']}, {speed['day']}" if "processor" in speed else ""
        took = f"{speed['milliseconds']:.1f} ms on {speed['threads']} CPU threads"
        lines.append(f"One face takes {took}{where} (median).")
    return "\n\n".join(lines) + "\n" if lines else ""


def _describe_ferplus(ferplus: dict[str, Any]) -> str:
    if "ece" not in ferplus:  # measured by an older version
        return ""
    low, high = ferplus["agreement_ci95"]
    without = ferplus["agreement_no_duplicates"]
    alone = "" if without is None else f"without duplicates {100 * without:.1f} %, "
    return (
        f" (95 % interval {100 * low:.1f} to {100 * high:.1f}, {alone}"
        f"macro-recall {100 * ferplus['macro_recall']:.1f} %, ECE {ferplus['ece']:.3f}; FER+'s own protocol: "
        "single votes dropped, more than half of the rest; contempt, which the model lacks, counts as wrong)"
    )


def class_tables(name: str, metrics: dict[str, Any]) -> str:
    """The split that counts with its pictures; the others folded."""
    tables = {split: _class_table(metrics[split], SPLITS[split]) for split in SPLITS if split in metrics}
    open_parts = [tables.pop("private", "")]
    if open_parts[0]:
        open_parts += [
            f"![{title} on PrivateTest]({name}-{picture}.png)\n"
            for picture, title in (("confusion", "Confusion matrix"), ("reliability", "Reliability"))
        ]
    if tables:
        open_parts.append(
            "<details><summary>By emotion on the other splits</summary>\n\n"
            + "\n".join(tables.values())
            + "\n</details>\n"
        )
    return "\n".join(part for part in open_parts if part)


def _class_table(score: dict[str, Any], title: str) -> str:
    lines = [
        f"### By emotion, {title}\n",
        "| emotion | precision | recall | F1 | n |",
        "|---|---|---|---|---|",
    ]
    for emotion, row in score["per_class"].items():
        lines.append(
            f"| {emotion} | {row['precision']:.3f} | {row['recall']:.3f} "
            f"| {row['f1']:.3f} | {row['support']} |"
        )
    return "\n".join(lines) + "\n"
