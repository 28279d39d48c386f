"""The needle heat map: one fact in prose or noise, at eleven depths in turn.

https://github.com/gkamradt/LLMTest_NeedleInAHaystack
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from longspan.credit import Credit
from longspan.evaluation.metrics.ruler import share_matched
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Generated, Request, Task
from longspan.evaluation.tasks.hiding import depth_of, hidden
from longspan.evaluation.words import listed

_GARBAGE = (
    "The grass is green.",
    "The sky is blue.",
    "The sun is yellow.",
    "Here we go.",
    "There and back again.",
)
_CITIES = (
    "San Francisco", "Lisbon", "Oslo", "Nairobi", "Lima", "Kyoto", "Tbilisi", "Ljubljana", "Montevideo", "Hanoi",
    "Tallinn", "Valletta", "Bergen", "Porto", "Quito", "Adelaide", "Ghent", "Krakow", "Muscat", "Dakar",
)  # fmt: skip
_FOODS = (
    "sandwich", "pancake", "dumpling", "waffle", "pretzel", "baguette", "burrito", "samosa", "croissant", "pasty",
    "muffin", "pizza", "kebab", "doughnut", "falafel", "meringue",
)  # fmt: skip
_WEATHERS = ("sunny", "windy", "misty", "frosty", "rainy", "snowy", "cloudy", "foggy")


@dataclass(frozen=True, kw_only=True)
class Passkey(Generated):
    """A pass key of five digits in repeated noise, as for Landmark Attention (https://arxiv.org/abs/2305.16300).

    The paper draws it from 1 .. 50,000; here it always has five digits, so that none is short enough to be met by
    chance. Facts: `depth`.
    """

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The key at the depth whose turn it is."""
        key = str(random.randint(10_000, 50_000))
        depth = depth_of(index)
        needle = f"The pass key is {key}. Remember it. {key} is the pass key."

        def build(sentences: int) -> Sample:
            garbage = (_GARBAGE * (sentences // len(_GARBAGE) + 1))[:sentences]
            return Sample(
                id="",
                context="There is an important info hidden inside a lot of irrelevant text. Find it and memorize it. "
                f"I will quiz you about the important information there.\n{hidden(garbage, [(depth, needle)])}\n",
                question="What is the pass key?",
                prefix=" The pass key is",
                references=(key,),
                facts={"depth": depth},
            )

        return self.largest(build, request)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """1 if the key is a whole number of the output."""
        return {"score": float(sample.references[0] in re.findall(r"\d+", output))}


@dataclass(frozen=True, kw_only=True)
class Sentence(Generated):
    """A sentence that has nothing to do with the prose around it, of the pattern of the original needle.

    The original says to eat a sandwich and sit in Dolores Park on a sunny day in San Francisco and has a model judge
    the answer; here city, food, park and weather are drawn anew for each sample, and the answer is right as far as
    it has the last three. The haystack always begins at its beginning. Facts: `depth`.
    """

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """The sentence at the depth whose turn it is."""
        city = random.choice(_CITIES)
        food, weather = random.choice(_FOODS), random.choice(_WEATHERS)
        park = f"{random.choice(listed('nouns')).title()} Park"
        depth = depth_of(index)
        needle = f"The best thing to do in {city} is to eat a {food} and sit in {park} on a {weather} day."

        def build(sentences: int) -> Sample:
            text = hidden(request.haystack.take(sentences), [(depth, needle)])
            return Sample(
                id="",
                context="You are a helpful AI bot that answers questions for a user. Keep your response short and "
                f"direct.\n\n<context>\n{text}\n</context>\n\n",
                question=f"What is the best thing to do in {city}? Don't give information outside the document or "
                "repeat your findings.",
                references=(food, park, weather),
                facts={"depth": depth},
            )

        return self.largest(build, request)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The share of food, park and weather that the output has; `whole`: 1 if it has all three."""
        share = share_matched(output, sample.references)
        return {"score": share, "whole": float(share == 1)}


CREDITS = (
    Credit(
        kind="task",
        name="needle/passkey",
        field=151,
        missing="Its passkey task is here; its landmark tokens, for which the model is trained, are not.",
    ),
)

TASKS: tuple[Task, ...] = (
    Passkey(
        name="needle/passkey",
        description="Gives the pass key hidden in repeated noise, at eleven depths in turn.",
        max_new_tokens=16,
        diffusion="low",
        scope="low",
        metric="1 if the key is a whole number of the output",
        paper="Landmark Attention: Random-Access Infinite Context Length for Transformers",
        link="https://arxiv.org/abs/2305.16300",
        form="instruction, noise with the key, question; the answer begins with a given half sentence",
    ),
    Sentence(
        name="needle/sentence",
        description="Repeats what a sentence hidden in prose recommends, at eleven depths in turn.",
        max_new_tokens=64,
        diffusion="low",
        scope="low",
        metric="share of the three parts of the hidden fact that are substrings of the output, in any case",
        paper="Needle In A Haystack - Pressure Testing LLMs",
        link="https://github.com/gkamradt/LLMTest_NeedleInAHaystack",
        form="instruction, prose with the sentence in context tags, question",
        unlike="city, food, park and weather are drawn, and their names are sought instead of a judge",
    ),
)
