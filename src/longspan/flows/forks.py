"""Several replies to the same, side by side, that hold and read what was asked once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol, Self, Unpack

from longspan.chat import Reasoning
from longspan.errors import UnsupportedModel
from longspan.progress import Progress
from longspan.running.generation import Generation
from longspan.spans import tokenize
from longspan.spans.logprobs import Logprobs
from longspan.usage import Usage

if TYPE_CHECKING:
    from longspan.session import Session


@dataclass(kw_only=True)
class Strand:
    """One of several replies on its way.

    text: all that was said or put into its mouth, stop strings left out. tokens: how many it said. state: whether it
    may go on, came to an end token, to the longest length, met a stop string, or was stopped since others had ended,
    the last time that it spoke. logprobs: how likely its tokens were then, if it was asked for.
    """

    text: str = ""
    tokens: int = 0
    state: Literal["open", "ended", "cut", "met", "stopped"] = "open"
    complete: bool = True
    logprobs: list[Logprobs] = field(default_factory=list)


class Forks(Protocol):
    """Several replies to the same. `Forked` is those of a model of this process.

    reasoning: whether the model may begin to reason, or has begun to.
    """

    strands: list[Strand]
    reasoning: Reasoning

    def speak(
        self,
        numbers: Sequence[int],
        seeds: Sequence[int],
        *,
        enough: int | None = None,
        **generation: Unpack[Generation],
    ) -> list[int]:
        """Some of them go on, until each has ended, or so many have; the others are then stopped at once.

        Returns which ended, at an end token or a stop string, in this order: by how much they said, those that said as
        much by their seeds, so that it does not follow from their places.
        """
        ...

    def put(self, number: int, text: str, *, over: str = "") -> None:
        """Puts words into the mouth of one, instead of the end token with which it may have ended; it is open then.

        over: a stop string, in whose place they are put if it was met. Raises UnsupportedModel for one that is no
        single token.
        """
        ...

    def choose(self, numbers: Sequence[int]) -> None:
        """Goes on with forks of these, as often as each is named, in this order; the others are gone."""
        ...

    @property
    def usage(self) -> Usage:
        """Of all of them together, those included that are gone."""
        ...

    def close(self) -> None:
        """Gives their memory back."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Forked:
    """Forks of a session that reads what is asked, and is closed then."""

    def __init__(
        self,
        session: Session,
        ids: list[int],
        count: int,
        *,
        reasoning: Reasoning,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        with session:
            session.read(ids, progress=progress)
            self._used = session.usage
            self._session = session.fork(of=[0] * count)
        self.strands, self.reasoning = [Strand() for _ in range(count)], reasoning

    def speak(
        self,
        numbers: Sequence[int],
        seeds: Sequence[int],
        *,
        enough: int | None = None,
        **generation: Unpack[Generation],
    ) -> list[int]:
        """As `Forks.speak`. Raises what `Session.generate` does."""
        began, said = time.perf_counter(), dict.fromkeys(numbers, 0)
        by_number = dict(zip(numbers, seeds, strict=True))
        ends, going, ended = self._session.ends, set(numbers), list[int]()
        for number in numbers:
            self.strands[number] = replace(self.strands[number], state="open", logprobs=[])
        every = [by_number.get(number, 0) for number in range(len(self.strands))]
        steps = self._session.generate(seeds=every, of=numbers, **generation)
        while going:
            for step in [next(steps) for _ in range(len(going))]:  # of one pass
                strand = self.strands[step.sequence]
                strand.text, strand.tokens, strand.complete = (
                    strand.text + step.text,
                    strand.tokens + 1,
                    step.complete,
                )
                said[step.sequence] += 1
                if step.logprobs is not None:
                    strand.logprobs.append(step.logprobs)
                if step.finished:
                    going.remove(step.sequence)
                    met = "ended" if step.token in ends else "met"
                    strand.state = "cut" if step.finished == "length" else met  # type: ignore[assignment]
                    if strand.state != "cut":
                        ended.append(step.sequence)
            if enough is not None and len(ended) >= enough:
                for number in sorted(going):
                    self.strands[number].state = "stopped"
                    self._session.stop(number)
                break
        for _ in steps:
            raise RuntimeError("a sequence went on that had ended")
        self._spend(sum(said.values()), time.perf_counter() - began)
        return sorted(ended, key=lambda number: (said[number], by_number[number], number))

    def put(self, number: int, text: str, *, over: str = "") -> None:
        """As `Forks.put`."""
        strand, tokenizer = self.strands[number], self._session.tokenizer
        instead = strand.state == "ended" or (strand.state == "met" and over != "")
        if strand.state == "met" and over and len(tokenize(tokenizer, over).ids) != 1:
            raise UnsupportedModel(
                f"{over} is several tokens of this model, which cannot be taken back; leave waits out, or use a model "
                "that reasons"
            )
        self._session.sequences[number].put(tokenize(tokenizer, text).ids, instead=instead)
        strand.text, strand.state = strand.text + text, "open"

    def choose(self, numbers: Sequence[int]) -> None:
        """As `Forks.choose`; memory is shared with those that are gone as far as it is the same."""
        self._used = replace(self._used, peak_kv_bytes=self.usage.peak_kv_bytes)
        with self._session as before:
            self._session = before.fork(of=numbers)
        self.strands = [
            replace(self.strands[each], logprobs=list(self.strands[each].logprobs)) for each in numbers
        ]

    @property
    def usage(self) -> Usage:
        """As `Forks.usage`: what was asked counts once."""
        now = self._session.usage
        peak = max(self._used.peak_kv_bytes, now.peak_kv_bytes)
        return replace(
            self._used, kv_bytes=now.kv_bytes, peak_kv_bytes=peak, offloaded_bytes=now.offloaded_bytes
        )

    def close(self) -> None:
        """As `Forks.close`."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _spend(self, tokens: int, seconds: float) -> None:
        used = self._used
        self._used = replace(
            used,
            generated_tokens=used.generated_tokens + tokens,
            decode_seconds=used.decode_seconds + seconds,
        )
