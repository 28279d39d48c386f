"""Questions about the user's own documents whose answers can be checked: the task that plans are raced on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

from longspan.evaluation.metrics.text import contains, words
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Level, Request, Task, TaskError
from longspan.evaluation.tune.corpus import Corpus
from longspan.evaluation.tune.probes import HIDDEN, KINDS, MAX_QUESTIONS, Probe, Supply, quotable, quotes
from longspan.parameters import check_choice, check_range

BEGIN = "Read this text; a question about it follows.\n\n"
END = "\n\nThe text has ended. "
MIN_TEXT = 64
"""Tokens of a context that must be the documents' own."""


@dataclass(frozen=True, kw_only=True)
class Questions(Task):
    """Contexts cut from documents at sentence ends, each with several questions.

    corpus: the documents. kinds: what is asked about each context, one question each: needle, pair and two-hop hide
    sentences at random depths, quote gives the beginning of a sentence of the documents.
    """

    name: str = "tune/documents"
    description: str = "Hidden facts to find and sentences to continue, in the user's own documents."
    max_new_tokens: int = 24
    diffusion: Level = "medium"
    scope: Level = "low"
    metric: str = (
        "whether the answer contains the number; for a quote, the share of its words before a wrong one"
    )
    paper: str = "Needle In A Haystack - Pressure Testing LLMs"
    link: str = "https://github.com/gkamradt/LLMTest_NeedleInAHaystack"
    source: str = "the user's documents"
    licence: str = "that of the documents"
    form: str = "text, question, and the beginning of the answer"
    corpus: Corpus = field(repr=False)
    kinds: tuple[str, ...] = ("needle", "quote", "pair", "two-hop")

    def __post_init__(self) -> None:
        check_range("number of kinds", len(self.kinds), 1, MAX_QUESTIONS)
        for kind in self.kinds:
            check_choice("kinds", kind, KINDS)

    def samples(self, request: Request) -> Iterator[Sample]:
        """Context after context without end, each with its questions one after another.

        A context without a sentence that can be quoted has fewer. Raises TaskError where the length holds too little
        text, or nothing can be asked.
        """
        if not set(self.kinds) & set(HIDDEN) and not any(map(quotable, self.corpus.pieces)):
            raise TaskError(f"{self.name} has no sentence to quote; give documents with prose")
        for number in count():
            yield from self.context(number, request)

    def context(self, number: int, request: Request) -> list[Sample]:
        """The questions about context `number`, a function of the seed, the length and the number."""
        if request.length is None:
            raise TaskError(f"{self.name} is made at a length; give one with length=...")
        room = request.length
        while True:
            samples = self._build(number, room, request)
            longest = max(map(request.prompt_tokens, samples), default=0) + self.max_new_tokens
            if longest <= request.length:
                return samples
            room -= longest - request.length

    def score(self, output: str, sample: Sample) -> dict[str, float]:
        """The metric."""
        reference = sample.references[0]
        if sample.facts["kind"] != "quote":
            return {"score": contains(output, reference)}
        return {"score": in_order(words(output), words(reference))}

    def _build(self, number: int, room: int, request: Request) -> list[Sample]:
        """The questions about a context that takes about `room` tokens; the same choices whatever the room."""
        random = Random(f"{request.seed}/{request.length}/{number}")  # noqa: S311
        start = random.randrange(len(self.corpus.pieces))
        supply = Supply(random)
        probes = {place: HIDDEN[kind](supply) for place, kind in enumerate(self.kinds) if kind in HIDDEN}
        hidden = [(random.random(), each) for probe in probes.values() for each in probe.hidden]
        room -= sum(request.count_tokens(f"{each} ") for _, each in hidden)
        if room < MIN_TEXT:
            raise TaskError(
                f"{self.name} at length={request.length:,} leaves {max(room, 0)} tokens for text, "
                f"{MIN_TEXT} are needed; raise length=..."
            )
        pieces = self.corpus.cut(start, room, request.count_tokens)
        places = [place for place, kind in enumerate(self.kinds) if kind == "quote"]
        probes |= dict(zip(places, quotes(random, pieces, len(places)), strict=False))
        context = BEGIN + hide(hidden, pieces).strip() + END
        return [
            _sample(f"{number:04d}-{place}", self.kinds[place], context, probe)
            for place, probe in sorted(probes.items())
        ]


def hide(hidden: Sequence[tuple[float, str]], pieces: Sequence[str]) -> str:
    """The text with each sentence put in after a piece, at its depth from 0 to 1."""
    after: dict[int, list[str]] = {}
    for depth, sentence in hidden:
        after.setdefault(round(depth * len(pieces)), []).append(sentence)
    text = "".join(f"{sentence} " for sentence in after.get(0, ()))
    for place, piece in enumerate(pieces, 1):
        own = piece.rstrip()
        gap = piece[len(own) :] or " "
        text += piece + "".join(sentence + gap for sentence in after.get(place, ()))
    return text


def in_order(given: Sequence[str], wanted: Sequence[str]) -> float:
    """The share of the wanted words that were given before the first wrong one."""
    right = 0
    while right < min(len(given), len(wanted)) and given[right] == wanted[right]:
        right += 1
    return right / len(wanted) if wanted else 0.0


def _sample(name: str, kind: str, context: str, probe: Probe) -> Sample:
    sought = (probe.hidden[-1] if probe.hidden else probe.prefix).split()
    before = re.split(r"\s+".join(map(re.escape, sought)), context, maxsplit=1)[0]
    return Sample(
        id=name,
        context=context,
        question=probe.question,
        prefix=probe.prefix,
        references=(probe.answer,),
        facts={"kind": kind, "depth": len(before) / len(context)},
    )
