"""The answer for a face in words, and what single models say beside it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from page.offered_models import ModelFacts
from page.words import format_number, name_label, say

SURE = 0.5  # probability: below it the runner-up is named, too
CLOSE = 0.1  # of probability: a runner-up so near is named, too


class Answer(NamedTuple):
    """probability: of the emotion, 0 to 1. next_emotion: the second most probable."""

    emotion: str
    probability: float
    next_emotion: str
    next_probability: float

    @property
    def is_sure(self) -> bool:
        return self.probability >= SURE and self.probability - self.next_probability >= CLOSE


def find_answer(probabilities: Sequence[float], names: Sequence[str]) -> Answer:
    """names: of the classes, two or more."""
    ranked = sorted(range(len(names)), key=lambda index: -probabilities[index])
    first, second = ranked[0], ranked[1]
    return Answer(names[first], float(probabilities[first]), names[second], float(probabilities[second]))


def format_answer(language: str, answer: Answer) -> str:
    """Such as "happy 93%"."""
    return f"{name_label(language, answer.emotion)} {format_number(language, answer.probability, '.0%')}"


def describe_doubt(language: str, answer: Answer) -> str:
    """A sentence where the answer is a close one, else nothing."""
    if answer.is_sure:
        return ""
    share = format_number(language, answer.next_probability, ".0%")
    return say(language, "compare.runner_up", emotion=name_label(language, answer.next_emotion), share=share)


def describe_singles(
    language: str, answers: Mapping[str, Answer], leads: Sequence[str], facts: Mapping[str, ModelFacts]
) -> str:
    """Sentences on what the single models say that do not lead; nothing where there is none.

    A member of an ensemble is no voter for it: it is said to be a member.
    """
    known = {name: facts.get(name, ModelFacts()) for name in answers}
    singles = [name for name in answers if name not in leads and not known[name].is_ensemble]
    if not singles:
        return ""
    by_emotion: dict[str, list[str]] = {}
    for name in singles:
        share = format_number(language, answers[name].probability, ".0%")
        by_emotion.setdefault(answers[name].emotion, []).append(f"{name} {share}")
    parts = [f"{name_label(language, emotion)} ({', '.join(who)})" for emotion, who in by_emotion.items()]
    key = "singles_differ" if len(parts) > 1 else "singles_agree" if len(singles) > 1 else "single_says"
    told = say(language, f"compare.{key}", parts="; ".join(parts))
    members = frozenset().union(*(facts[lead].members for lead in leads if lead in facts))
    if inside := [name for name in singles if name in members]:
        told += " " + say(language, "compare.members", names=", ".join(inside))
    return told
