"""Texts that candidates are scored on."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from longspan.conversation import begin_ids
from longspan.profiles.prose import prose
from longspan.spans import tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_THINGS = ("amber", "basalt", "cedar", "denim", "ebony", "flint", "garnet", "hazel", "ivory", "jasper")
_BEASTS = ("otter", "heron", "badger", "falcon", "marten", "lynx", "plover", "weasel", "curlew", "beaver")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Token ids, and the positions of those whose likelihood counts."""

    ids: tuple[int, ...]
    scored: range


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Makes texts of `length` tokens. text: what they are cut from, by default made-up prose that never repeats."""

    tokenizer: PreTrainedTokenizerFast
    length: int
    text: str | None = None

    def plain(self, count: int) -> list[Sample]:
        """Stretches of the text, every token of which counts."""
        begin = begin_ids(self.tokenizer)
        return [
            Sample(ids=(*begin, *stretch), scored=range(max(1, len(begin)), self.length))
            for stretch in self._stretches(self.length - len(begin), count)
        ]

    def needles(self, count: int, seed: int) -> list[Sample]:
        """Stretches of the text with a number at their beginning, which is asked for at the end; only its tokens count.

        As in appendix C of LongRoPE2, https://arxiv.org/abs/2502.20082. Raises ValueError where the text between has
        no room.
        """
        parts = [self._needle(Random(f"{seed}/{index}")) for index in range(count)]  # noqa: S311
        rooms = [self.length - sum(map(len, part)) for part in parts]
        if min(rooms) < 1:
            raise ValueError(
                f"target={self.length} is outside {self.length + 1 - min(rooms)} .. ∞ tokens, which a needle and its "
                "question take; raise target"
            )
        stretches = self._stretches(max(rooms), count)
        samples = []
        for (before, asked, answer), room, stretch in zip(parts, rooms, stretches, strict=True):
            ids = (*before, *stretch[:room], *asked, *answer)
            samples.append(Sample(ids=ids, scored=range(len(ids) - len(answer), len(ids))))
        return samples

    def _needle(self, random: Random) -> tuple[list[int], list[int], list[int]]:
        """What stands before the stretch, what asks after it, and the answer."""
        name = f"{random.choice(_THINGS)}-{random.choice(_BEASTS)}"
        answer = self._ids(f" {random.randint(1_000_000, 9_999_999)}")
        told = self._ids(
            "A special magic number is hidden within the following text. Make sure to memorize it. I will quiz you "
            f"about the number afterwards.\nOne of the special magic numbers for {name} is:"
        )
        asked = self._ids(
            f"\nWhat is the special magic number for {name} mentioned in the provided text? The special magic number "
            f"for {name} mentioned in the provided text is:"
        )
        return [*begin_ids(self.tokenizer), *told, *answer, *self._ids(".\n")], asked, answer

    def _stretches(self, size: int, count: int) -> list[list[int]]:
        """Stretches of so many tokens, evenly spread over the text; they overlap only where the text is short."""
        ids = prose(self.tokenizer, size * count) if self.text is None else self._ids(self.text)
        spare = len(ids) - size
        if spare < count - 1:
            raise ValueError(
                f"the text has {len(ids):,} tokens, {count} samples need {size + count - 1:,} or more; give a longer "
                "text, or lower target or samples"
            )
        starts = [spare * number // max(count - 1, 1) for number in range(count)]
        return [ids[start : start + size] for start in starts]

    def _ids(self, text: str) -> list[int]:
        return tokenize(self.tokenizer, text, plain=True).ids
