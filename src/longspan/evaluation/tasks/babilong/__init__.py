"""BABILong: the facts of a small world scattered through other text (https://arxiv.org/abs/2406.10149)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Level, Request, TaskError
from longspan.evaluation.tasks.babilong.files import read_stories
from longspan.evaluation.tasks.babilong.prompts import PROMPTS
from longspan.evaluation.tasks.babilong.stories import KINDS, Story


@dataclass(frozen=True, kw_only=True)
class Babilong(Generated):
    """Questions of one kind, qa1 to qa10: about facts of bAbI from local data, else about those of generated worlds."""

    kind: str
    origin: Origin = "stand-in"
    diffusion: Level = "medium"
    max_new_tokens: int = 20
    metric: str = (
        "1 if the labels in the first sentence, without those in the question, are exactly the gold ones; labels are "
        "sought as substrings, as published, so that none names one too"
    )
    paper: str = "BABILong: Testing the Limits of LLMs with Long Context Reasoning-in-a-Haystack"
    link: str = "https://arxiv.org/abs/2406.10149"
    source: str = "bAbI tasks 1-20 (babi/en in the folder of local data), else generated"
    licence: str = "CC BY 3.0 (bAbI), Apache-2.0 (generated)"
    form: str = "the published instruction and examples, the text in context tags, then the question"
    unlike: str = "the paper hides the facts in books (PG-19): name some with haystack=..."

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r} must be one of {', '.join(KINDS)}")

    def origin_of(self, data: Path | None) -> Origin:
        """By the benchmark's rules from the facts of bAbI, if they are there."""
        return self.origin if self._file(data) is None else "generated"

    def _file(self, data: Path | None) -> Path | None:
        files = [] if data is None else sorted(data.glob(f"babi/en/{self.kind}_*_test.txt"))
        return files[0] if files else None

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """A story in the haystack; facts: `depths` of its facts, `depth` of the first needed one, and their `data`."""
        story, data = self._story(random, request)
        depths = sorted(random.random() for _ in story.facts)
        start = random.randrange(len(request.haystack.sentences))

        def build(count: int) -> Sample:
            text = request.haystack.take(count, start)
            for depth, fact in zip(reversed(depths), reversed(story.facts), strict=True):
                text.insert(int(depth * (count + 1)), fact)
            return Sample(
                id="",
                context=f"{PROMPTS[self.kind].render()}<context>\n{' '.join(text)}\n</context>\n\n",
                question=f"Question: {story.question}",
                references=tuple(story.answer.split(",")),
                facts={
                    "depth": depths[story.supports[0]],
                    "depths": depths,
                    "question": story.question,
                    "data": data,
                },
            )

        return self.largest(build, request)

    def _story(self, random: Random, request: Request) -> tuple[Story, str]:
        """A story, and where it comes from; those of files may take half of the length."""
        file = self._file(request.data)
        if file is None or request.length is None:
            return KINDS[self.kind].tell(random), "generated"
        stories = read_babi(file)
        for story in random.sample(stories, len(stories)):
            if request.count_tokens(" ".join(story.facts)) <= request.length / 2:
                return story, "babi"
        raise TaskError(
            f"{self.name}: no story of {file} fits half of length={request.length:,}; raise length=..."
        )

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """Compares labels."""
        labels = {label.lower() for label in KINDS[self.kind].labels}
        sentence = re.split(r"\.|<context>|<example>", output.lower())[0]
        found = _named(labels, sentence) - _named(labels, sample.facts["question"].lower())
        return {"score": float(found == {reference.lower() for reference in sample.references})}


read_babi = lru_cache(maxsize=1)(read_stories)
"""The stories of the file that was read last are kept for the next sample."""


def _named(labels: Iterable[str], text: str) -> set[str]:
    return {label for label in labels if label in text}


_ASKED: Mapping[str, tuple[str, Level]] = {
    "qa1": ("Say where a person is, from one fact.", "low"),
    "qa2": ("Say where a thing is, from two facts.", "medium"),
    "qa3": ("Say where a thing was before it was elsewhere, from three facts.", "medium"),
    "qa4": ("Say which place lies on a side of another.", "low"),
    "qa5": ("Say who gave what to whom.", "low"),
    "qa6": ("Say whether a person is in a place.", "low"),
    "qa7": ("Count the things that a person carries.", "medium"),
    "qa8": ("Name the things that a person carries.", "medium"),
    "qa9": ("Say whether a person is in a place, from facts with negations.", "low"),
    "qa10": ("Say whether a person is in a place, which may be uncertain.", "low"),
}

TASKS = tuple(
    Babilong(name=f"babilong/{kind}", kind=kind, description=description, scope=scope)
    for kind, (description, scope) in _ASKED.items()
)
