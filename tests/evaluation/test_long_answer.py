"""The length is shared between prompt and answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longspan.evaluation.haystack import Haystack
from longspan.evaluation.long_answer import LongAnswer
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request, TaskError
from wordcount import words


@dataclass(frozen=True, kw_only=True)
class Copy(LongAnswer):
    """Say n words again `times` times."""

    times: int

    def make(self, random: Random, index: int, request: Request) -> Sample:
        def build(count: int) -> tuple[Sample, str]:
            words = "word " * count
            sample = Sample(
                id="", context=words, question="again", references=(words,), facts={"count": count}
            )
            return sample, words * self.times

        return self.filled(build, request)

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        return {"score": float(output == sample.references[0])}


def task(times: int) -> Copy:
    return Copy(
        name="copy/words",
        description="d",
        diffusion="low",
        scope="low",
        metric="m",
        paper="p",
        link="l",
        form="f",
        times=times,
    )


def request(length: int | None) -> Request:
    return Request(
        length=length,
        seed=0,
        count_tokens=words,
        overhead=20,
        haystack=Haystack(repeats=True, name="h", text="One sentence."),
    )


@given(st.integers(400, 50_000), st.integers(1, 5))
def test_prompt_and_room_are_the_length_and_no_word_more_would_fit(length: int, times: int) -> None:
    asked = request(length)
    sample = next(task(times).samples(asked))
    room = sample.facts["max_new_tokens"]
    assert asked.prompt_tokens(sample) + room == length
    count = sample.facts["count"]

    def taken(
        words: int,
    ) -> int:  # overhead, "again", the margin, the words, the answers and an eighth of them
        return 20 + 1 + 256 + words + words * times + words * times * 5 // 8 // 5

    assert taken(count) <= length + 1
    assert taken(count + 1) >= length - 1
    assert room >= 256 + count * times


def test_too_short_a_length_says_how_many_tokens_are_needed() -> None:
    with pytest.raises(TaskError, match=r"copy/words needs \d+ tokens or more, length=100"):
        next(task(1).samples(request(100)))
    with pytest.raises(TaskError, match="length="):
        next(task(1).samples(request(None)))
