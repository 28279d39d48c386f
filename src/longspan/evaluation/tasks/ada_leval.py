"""Ada-LEval: putting segments into order, and the best of many answers (https://arxiv.org/abs/2404.06480)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise, permutations
from random import Random

from longspan.credit import Credit
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Level, Request
from longspan.evaluation.tasks.invented import names


@dataclass(frozen=True, kw_only=True)
class AdaLEval(Generated):
    """What the two tasks have in common."""

    origin: Origin = "stand-in"
    unlike: str = (
        "made here: stages of an invented journey for BookSum's chapters, offers of boats for answers of "
        "StackOverflow"
    )
    diffusion: Level = "medium"
    scope: Level = "high"
    paper: str = "Ada-LEval: Evaluating long-context LLMs with length-adaptable benchmarks"
    link: str = "https://arxiv.org/abs/2404.06480"


@dataclass(frozen=True, kw_only=True)
class Sort(AdaLEval):
    """The order of shuffled segments.

    The paper cuts books; here stages of an invented journey stand among sentences of the haystack, so that the order
    can be found at any length, however short the haystack is. segments: their number, 2 to 6.
    """

    segments: int = 4

    def __post_init__(self) -> None:
        if not 2 <= self.segments <= 6:
            raise ValueError(f"segments={self.segments} must be from 2 to 6")

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Shuffled segments; the reference is their order as a JSON list; facts: `order`."""
        seed, start = random.getrandbits(64), random.randrange(len(request.haystack.sentences))
        shown = random.sample(range(self.segments), self.segments)
        order = [shown.index(segment) + 1 for segment in range(self.segments)]

        def build(count: int) -> Sample:
            around = 2 * _STEP
            sentences = request.haystack.take(count + 2 * around, start)
            stages = _journey(Random(seed))  # noqa: S311
            for place in range(0, len(sentences), _STEP):
                sentences[place] = next(stages)
            cuts = [around + count * part // self.segments for part in range(self.segments + 1)]
            parts = [" ".join(sentences[begin:end]) for begin, end in pairwise(cuts)]
            listed = "\n\n".join(f"Part {number}:\n{parts[part]}" for number, part in enumerate(shown, 1))
            return Sample(
                id="",
                context=f"You will be given {self.segments} parts of a book in random order. Together they are one "
                "continuous piece of it. What stands in the book just before and just after that piece is given too. "
                "Find the right order of the parts and give it as a list: "
                f"{_example(self.segments)}\n\n"
                f"Before:\n{' '.join(sentences[:around])}\n\n{listed}\n\n"
                f"After:\n{' '.join(sentences[-around:])}\n\n",
                question="Now all parts are given. Give only the list of their numbers in the right order.\n",
                prefix="Answer:",
                references=(json.dumps(order),),
                facts={"order": order},
            )

        return self.largest(build, request, fewest=self.segments * _STEP)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Whether the whole order is right; `placed` is the share of segments in their places."""
        order = [str(number) for number in sample.facts["order"]]
        given = _given_order(output, len(order))
        placed = sum(one == other for one, other in zip(order, given, strict=False)) / len(order)
        return {"score": float(given == order), "placed": placed}


_STEP = 3


def _example(segments: int) -> str:
    order = [segments, *range(1, segments)]
    return f"{order} says that part {order[0]} comes first and then part {order[1]}."


def _journey(random: Random) -> Iterator[str]:
    """Stages of a journey through places that are visited once."""
    places = names(random)
    traveller = next(places)
    for begin, end in pairwise(places):
        means = random.choice(("on foot", "by boat", "by coach", "on a mule", "by train", "with a carrier"))
        verb = random.choice(("travelled", "set out", "journeyed", "left"))
        yield f"From {begin} {traveller} {verb} {means} for {end}."


def _given_order(output: str, segments: int) -> list[str]:
    """The order in an answer: a list alone, else the only order whose numbers follow one another in the text."""
    text = output.partition("Answer:")[2] if "Answer:" in output else output
    if re.fullmatch(r"\[[\d, ]*\]", text.strip()):
        return re.findall(r"\d+", text)
    orders = permutations("123456"[:segments])
    found = [order for order in orders if _follow_one_another(order, text)]
    return list(found[0]) if len(found) == 1 else []


def _follow_one_another(wanted: Iterable[str], text: str) -> bool:
    rest = iter(text)
    return all(each in rest for each in wanted)


@dataclass(frozen=True, kw_only=True)
class BestAnswer(AdaLEval):
    """The most helpful of many answers to a question.

    The paper takes questions of a forum with the answer that its asker accepted; here the question states wishes, one
    answer meets all of them, and every other misses one to three.
    """

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Numbered answers; the reference is the number as in A4; facts: `depth`, `gold_index`, and `answers`."""
        seed, depth = random.getrandbits(64), random.random()

        def build(distractors: int) -> Sample:
            wishes, fitting, others = _offers(Random(seed))  # noqa: S311
            answers = list(islice(others, distractors))
            gold = int(depth * (distractors + 1))
            answers.insert(gold, fitting)
            listed = "".join(f"A{number}:\n{answer}\n\n" for number, answer in enumerate(answers, 1))
            return Sample(
                id="",
                context="You will be given a question and many answers to it. Each answer begins with an A and its "
                "number, as in A4. Find the answer that is the most helpful one to the question.\n\n"
                f"The question is given below.\n{wishes}\n\nPossible answers are given below.\n{listed}",
                question="Now the answers are over, please decide which answer is the most helpful one to the "
                "question. You must give me only the designation of the MOST helpful answer.\n",
                prefix="Answer:",
                references=(f"A{gold + 1}",),
                facts={"depth": depth, "gold_index": gold, "answers": len(answers)},
            )

        return self.largest(build, request)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Whether the designation is right; of several the highest counts, as the paper's scorer has it."""
        named = re.findall(r"\bA(\d{1,9})\b", output) or re.findall(r"\b\d{1,9}\b", output)
        known = [int(number) for number in named if 1 <= int(number) <= sample.facts["answers"]]
        return {"score": float(bool(known) and f"A{max(known)}" == sample.references[0])}


_WISHES: Mapping[str, tuple[str, ...]] = {
    "colour": ("red", "blue", "green", "white", "yellow", "black", "grey", "brown"),
    "material": ("oak", "pine", "steel", "aluminium", "rubber", "cedar"),
    "harbour": (
        "the old harbour",
        "the north quay",
        "the river mouth",
        "the lock",
        "the fish market",
        "the island",
    ),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "extra": ("a stove", "two bunks", "a mast", "an awning", "a fishing rod", "a radio"),
}


def _offers(random: Random) -> tuple[str, str, Iterator[str]]:
    """A question, the answer that meets it, and answers without end that do not."""
    owners = names(random)
    wished = {kind: random.choice(values) for kind, values in _WISHES.items()}
    question = (
        "Where can I hire a boat? It has to be {colour}, built of {material}, moored at {harbour}, free on {day}, and "
        "to have {extra} on board."
    ).format(**wished)

    def offer(features: Mapping[str, str]) -> str:
        return (
            "{owner} hires out a {colour} boat, built of {material}. You find it at {harbour}, it is still free on "
            "{day}, and it comes with {extra} on board. I took it last summer for {price} a day and was content."
        ).format(owner=next(owners), price=random.randrange(10, 90), **features)

    def others() -> Iterator[str]:
        while True:
            missed = random.sample(list(_WISHES), random.randint(1, 3))
            yield offer(
                wished
                | {
                    kind: random.choice([each for each in _WISHES[kind] if each != wished[kind]])
                    for kind in missed
                }
            )

    return question, offer(wished), others()


CREDITS = (
    Credit(
        kind="task",
        name="ada-leval",
        field=15,
        missing="Texts and answers are made by rules, since the published items, questions from a forum and "
        "chapters of books, cannot be shipped.",
    ),
)

TASKS = (
    Sort(
        name="ada-leval/sort",
        description="Put the shuffled segments of a long story into their order.",
        max_new_tokens=32,
        metric="1 if the whole order is right",
        form="What stands before, numbered segments, what stands after, then the question; the answer begins with "
        "Answer:",
    ),
    BestAnswer(
        name="ada-leval/best-answer",
        description="Choose the answer that meets all wishes of a question among many that miss some.",
        max_new_tokens=16,
        metric="1 if the designation of the best answer is named",
        form="Question, numbered answers, then the instruction; the answer begins with Answer:",
    ),
)
