"""Who is whose ancestor: sentences of a chain of relatives, and questions that need every one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request
from longspan.evaluation.tasks.endless import Endless
from longspan.evaluation.tasks.hiding import depth_of, hidden
from longspan.evaluation.tasks.needlebench.people import people

GENERATIONS = {
    "father": 1,
    "mother": 1,
    "dad": 1,
    "mom": 1,
    "grandfather": 2,
    "grandmother": 2,
    "maternal grandmother": 2,
    "maternal grandfather": 2,
    "paternal grandfather": 2,
    "paternal grandmother": 2,
}
_SENTENCES = (
    "{elder} is {younger}'s {term}.",
    "{younger}'s {term} is {elder}.",
    "{elder}, as {younger}'s {term}, was there from the first day.",
    "{elder} is {younger}'s {term} and also a model to follow.",
    "For {younger}, {elder} is not only a {term} but a friend.",
    "{younger} learned to read from {elder}, who is {younger}'s {term}.",
)
KINDS = ("eldest", "ancestor", "descendant", "distance")
"""What is asked, in turn."""

_INTRODUCTION = (
    "This is a test of reasoning in many steps, the Ancestral Trace Challenge. The text below says how people are "
    "related.\n"
    "1. Do not mind whether a name fits a man or a woman, nor who inherits a surname: only who is whose ancestor "
    "counts.\n"
    "2. Father, mother, dad and mom count as 1 generation; every kind of grandfather and grandmother counts as 2.\n"
    "3. If Ada's grandmother is Bea and Bea's father is Cid, and no more is said of them, then the eldest relative "
    "that Ada can trace back to is Cid, Cid is Ada's ancestor 3 generations back, Ada is Cid's descendant 3 "
    "generations on, and their relationship distance is 3.\n\n"
)
_LAST_WORD = (
    "\nReason step by step, then end with your final answer within \\boxed{}, for example "
    '"So the answer is \\boxed{your answer here}."\n'
)
_BOXED = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")


@dataclass(frozen=True)
class Link:
    """One sentence of the chain, still without names; `order` says where it stands among the others."""

    term: str
    form: str
    order: float

    @classmethod
    def draw(cls, random: Random) -> Link:
        """Any link."""
        return cls(random.choice(tuple(GENERATIONS)), random.choice(_SENTENCES), random.random())


def story(names: list[str], links: list[Link]) -> list[str]:
    """The sentences that tie each name to the next, who is younger, in the order that the links say."""
    sentences = [
        (link.order, link.form.format(elder=elder, younger=younger, term=link.term))
        for link, elder, younger in zip(links, names[:-1], names[1:], strict=True)
    ]
    return [sentence for _, sentence in sorted(sentences)]


def riddle(kind: str, names: list[str], links: list[Link]) -> tuple[str, str]:
    """A question about the two ends of the chain, and its answer."""
    eldest, youngest = names[0], names[-1]
    generations = sum(GENERATIONS[link.term] for link in links)
    if kind == "eldest":
        return f"Who is the eldest relative that '{youngest}' can trace back to in the text?", eldest
    if kind == "ancestor":
        return f"Who is the ancestor of '{youngest}' {generations} generations back?", eldest
    if kind == "descendant":
        return f"Who is the descendant of '{eldest}' {generations} generations on?", youngest
    return f"What is the relationship distance between '{eldest}' and '{youngest}'?", str(generations)


@dataclass(frozen=True, kw_only=True)
class Kinship(Generated):
    """What multi-needle reasoning and the Ancestral Trace Challenge share: the question in four kinds by turns."""

    def sample(self, text: str, kind: str, names: list[str], links: list[Link], **facts: object) -> Sample:
        """The sample with this text."""
        question, answer = riddle(kind, names, links)
        return Sample(
            id="",
            context=f"{_INTRODUCTION}{text}\n\n",
            question=question + _LAST_WORD,
            references=(answer,),
            facts={"kind": kind, "needles": len(links), **facts},
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 if the last boxed answer is the reference; `named`: the reference stands anywhere in the output."""
        boxed = _BOXED.findall(output)
        answer = re.sub(r"\\text\{([^{}]*)\}", r"\1", boxed[-1]).strip(" '\".") if boxed else ""
        [gold] = sample.references
        return {"score": float(answer == gold), "named": float(gold in output)}


@dataclass(frozen=True, kw_only=True)
class MultiHop(Kinship):
    """Multi-needle reasoning of NeedleBench. https://arxiv.org/abs/2407.11963

    needles: sentences of the chain, each hidden a tenth of the length (at most at the end) after the one before; the
    first at eleven depths in turn, given as `depth`. Their order in the text is not that of the chain. Asks in four
    kinds by turns, given as `kind`.
    """

    needles: int = 2

    def __post_init__(self) -> None:
        if self.needles < 2:
            raise ValueError(f"needles={self.needles} is outside 2 and more; choose 2 .. 5 as in the paper")

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The chain, hidden."""
        names = people(random).first(self.needles + 1)
        links = Endless(random, Link.draw).first(self.needles)
        start = random.randrange(len(request.haystack.sentences))
        depth = depth_of(index)
        told = story(names, links)
        needles = [(min(depth + number / 10, 1.0), sentence) for number, sentence in enumerate(told)]

        def build(count: int) -> Sample:
            text = hidden(request.haystack.take(count, start), needles)
            return self.sample(text, KINDS[index % len(KINDS)], names, links, depth=depth)

        return self.largest(build, request)


@dataclass(frozen=True, kw_only=True)
class AncestralTrace(Kinship):
    """The Ancestral Trace Challenge of NeedleBench: no filler, every sentence is needed. https://arxiv.org/abs/2407.11963

    The chain is as long as the length allows; how many sentences that are is given as `needles`, so that scores can
    be told by that number as the paper does (2, 4, 8 .. 512). Asks in four kinds by turns, given as `kind`.
    """

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The longest chain that fits."""
        names, links = people(random), Endless(random, Link.draw)

        def build(count: int) -> Sample:
            chain, drawn = names.first(count + 1), links.first(count)
            return self.sample(" ".join(story(chain, drawn)), KINDS[index % len(KINDS)], chain, drawn)

        return self.largest(build, request, fewest=2)
