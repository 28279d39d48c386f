"""Aggregation: the most common words of a long list, the most frequent words of a coded text."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from string import ascii_lowercase

from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Request
from longspan.evaluation.tasks.endless import Endless, distinct
from longspan.evaluation.tasks.ruler.family import Ruler
from longspan.evaluation.words import endless_words, is_listed, pseudo_word

_SHORT = 4096
_COMMON_BEFORE = (
    "Below is a numbered list of words. In these words, some appear more often than others. Memorize the ones that "
    "appear most often.\n"
)
_COMMON_QUESTION = "\nQuestion: What are the {count} most common words in the above list?"
_COMMON_PREFIX = " Answer: The top {count} words that appear most often in the list are:"
_FREQUENT_BEFORE = (
    "Read the following coded text and track the frequency of each coded word. Find the three most frequently appeared "
    "coded words. "
)
_FREQUENT_QUESTION = (
    "\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are the three most frequently "
    "appeared words in the above coded text?"
)
_FREQUENT_PREFIX = " Answer: According to the coded text above, the three most frequently appeared words are:"
_DOTS = "..."


@dataclass(frozen=True, kw_only=True)
class CommonWords(Ruler):
    """Common words extraction as in RULER, after one solved example.

    common: how many words are common; common_times, other_times: how often a common and any other word stands in the
    list. Below 4,096 tokens these are 6 and 1 as published, and the example is shorter. Words are English; a list
    that needs more than some two thousand different ones goes on with pseudo-words, for as large a share of the common
    words as of all others, so that the kind of a word does not tell which are common.
    """

    max_new_tokens: int = 120
    form: str = (
        "a solved example, instruction, numbered list, question; the answer begins with a given half sentence"
    )
    common: int = 10
    common_times: int = 30
    other_times: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.common <= 100:
            raise ValueError(f"common={self.common} is outside 1 .. 100; the paper has 10")
        if not 1 <= self.other_times < self.common_times:
            raise ValueError(
                f"other_times={self.other_times} is outside 1 .. {self.common_times - 1}, below common_times; lower it"
            )

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Lists in random order, with no word both in the example and in the list that is asked about."""
        short = request.length is not None and request.length < _SHORT
        example_order, order = random.getrandbits(64), random.getrandbits(64)
        source = endless_words(random)
        vocabulary = Endless(random, distinct(lambda _: next(source)))
        shown = (2 if short else 4) * self.common
        repeats = (3, 1) if short else (10, 3)
        solved = (
            _numbered(vocabulary.first(shown), self.common, repeats, example_order)
            + _COMMON_QUESTION.format(count=self.common)
            + _COMMON_PREFIX.format(count=self.common)
            + " "
            + _list(vocabulary.first(self.common))
            + "\n"
        )

        lots = [random.random() for _ in range(self.common)]
        invented = Endless(random, distinct(pseudo_word)).first(self.common)

        def build(others: int) -> Sample:
            words = vocabulary.first(shown + self.common + others)[shown:]
            share = sum(not is_listed(word) for word in words) / len(words)
            for place, (lot, word) in enumerate(zip(lots, invented, strict=True)):
                if lot < share and word not in words:
                    words[place] = word
            times = (6, 1) if short else (self.common_times, self.other_times)
            return Sample(
                id="",
                context=solved + _numbered(words, self.common, times, order),
                question=_COMMON_QUESTION.format(count=self.common),
                prefix=_COMMON_PREFIX.format(count=self.common),
                references=tuple(words[: self.common]),
            )

        return self.largest(build, request)


def _numbered(words: list[str], common: int, times: tuple[int, int], order: int) -> str:
    """The instruction and a list in which the first `common` words stand times[0] times, the others times[1]."""
    entries = words[:common] * times[0] + words[common:] * times[1]
    Random(order).shuffle(entries)  # noqa: S311
    return _COMMON_BEFORE + _list(entries)


def _list(words: list[str]) -> str:
    return " ".join(f"{number}. {word}" for number, word in enumerate(words, 1))


@dataclass(frozen=True, kw_only=True)
class FrequentWords(Ruler):
    """Frequent words extraction as in RULER.

    alpha: exponent of the zeta distribution, so that the word of rank k stands in proportion to k**-alpha. The first
    rank is dots, to be ignored; the next three are asked for. letters: of each coded word.
    """

    max_new_tokens: int = 50
    form: str = "instruction, coded text, question; the answer begins with a given half sentence"
    alpha: float = 2.0
    letters: int = 6

    def __post_init__(self) -> None:
        if not 1 < self.alpha <= 4:
            raise ValueError(f"alpha={self.alpha} is outside (1, 4]; the paper has 1.5 .. 3.5")

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """Coded words in random order."""
        words = Endless(
            random, distinct(lambda random: "".join(random.choices(ascii_lowercase, k=self.letters)))
        )
        order = random.getrandbits(64)

        def build(dots: int) -> Sample:
            """`dots`: how often the first rank stands."""
            ranks = int(dots ** (1 / self.alpha))
            coded = words.first(ranks)
            text = [_DOTS] * dots
            for rank, word in enumerate(coded, 2):
                text += [word] * int(dots / rank**self.alpha)
            Random(order).shuffle(text)  # noqa: S311
            return Sample(
                id="",
                context=_FREQUENT_BEFORE + " ".join(text),
                question=_FREQUENT_QUESTION,
                prefix=_FREQUENT_PREFIX,
                references=tuple(coded[:3]),
            )

        return self.largest(build, request, fewest=int(4 * 5**self.alpha))
