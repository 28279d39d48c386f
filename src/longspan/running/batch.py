"""Sequences of one owner that go side by side under one plan."""

from __future__ import annotations

import time
from collections import abc
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from longspan.conversation import Conversation, Words
from longspan.progress import Progress, Watcher
from longspan.running.drafting import Drafting
from longspan.running.engine import Engine
from longspan.running.generation import Step
from longspan.running.host import Answering
from longspan.running.runner import Request, Runner
from longspan.running.sequence import Sequence, reading
from longspan.running.side_by_side import Side, joined, mixed, together
from longspan.running.source import Prompt
from longspan.running.speaking import Speaker
from longspan.running.spent import Spent, total
from longspan.seam.seam import Seam
from longspan.spans import Span
from longspan.store.ledger import Ledger
from longspan.usage import Usage


class Batch:
    """Some sequences, their memory in one ledger, and the runner that they have for themselves.

    words, converse: how policies speak, and a fresh conversation for each sequence. others: finds other models, that
    draft.
    """

    def __init__(
        self,
        engine: Engine,
        size: int,
        *,
        words: Words,
        converse: Callable[[], Conversation],
        others: Callable[[str], Seam] | None = None,
    ) -> None:
        self._engine, self._words, self._converse, self._others = engine, words, converse, others
        self.ledger, self._runner, self._peak = Ledger(), Runner(engine.seam), 0
        self._speaking: list[Request] = []
        self.sequences = [self._empty() for _ in range(size)]

    @property
    def conversations(self) -> list[Conversation]:
        """Of each sequence."""
        return [each.conversation for each in self.sequences if each.conversation is not None]

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self.ledger.held + sum(each.state_bytes + each.marked_bytes for each in self.sequences)

    @property
    def bytes_held(self) -> list[int]:
        """Bytes in memory by sequence; what several share counts for the first of them."""
        known: set[int] = set()
        return [each.bytes_beside(known) for each in self.sequences]

    def take(self, sequences: abc.Sequence[Sequence], *, apart: bool = False) -> None:
        """Forks of sequences instead of its own; what was spent counts for the first fork of each.

        apart: what they share is never copied, as `Sequence.fork` has it.
        """
        self.sequences = [each.fork(self.ledger, self._engine, apart=apart) for each in sequences]
        for number, fork in enumerate(self.sequences):
            if any(sequences[number] is each for each in sequences[:number]):
                fork.spent = Spent()

    def some(self, numbers: abc.Sequence[int]) -> list[Sequence]:
        """Its sequences of these numbers. Raises ValueError where several speak as one."""
        if not self.alone:
            raise ValueError("of names a sequence, and several speak as one here; leave it out")
        return [self.sequences[number] for number in numbers]

    def grow(self, size: int) -> None:
        """Makes it so many sequences, while they are empty."""
        self.sequences += [self._empty() for _ in range(size - len(self.sequences))]

    def fit(self, lengths: abc.Sequence[int]) -> int | None:
        """Makes the positions of sequences that are still empty for so many tokens.

        Returns how many tokens they support, None where nothing bounds them.
        """
        supported = [each.fit(length) for each, length in zip(self.sequences, lengths, strict=True)]
        known = [each for each in supported if each is not None]
        return min(known) if known else None

    @property
    def upcoming(self) -> Tensor | None:
        """Logits `[vocab]` for the next token of all that speak as one, None where nobody knows it."""
        rows = [each.upcoming for each in self.sequences if not each.pending]
        known = [row for row in rows if row is not None]
        if len(known) < len(self.sequences):
            return None
        return known[0] if self.alone else mixed(known, self._shares)

    @property
    def alone(self) -> bool:
        """Whether each sequence speaks for itself."""
        return self.sequences[0].share is None

    @property
    def spans(self) -> list[Span]:
        """What the sequences have read of documents."""
        return self.conversations[0].spans if self.alone else together(self.conversations).spans

    def asked(self, question: str, about: Any) -> Prompt:
        """The question about what was read and about further documents, of each sequence."""
        return Prompt.all([Prompt.asked(each, question, about) for each in self.conversations])

    @property
    def ends(self) -> list[int]:
        """Where a token stands in each that follows all that was read and generated."""
        return [each.end for each in self.sequences]

    def prompt(self, source: Any, question: Any) -> Prompt:
        """A source and what asks about it, None for nothing, of all sequences."""
        asking = None if question is None else self.each(question)
        return Prompt.of(self.conversations, self.each(source), asking)

    def each(self, source: Any) -> Any:
        """A source, once for each sequence where they speak as one."""
        return source if self.alone else [source] * len(self.sequences)

    def after(self, prompt: Prompt) -> list[int]:
        """Where each ends once it has read a prompt."""
        return [end + count for end, count in zip(self.ends, self._counts(prompt), strict=True)]

    def check_read(self, what: str, *, goes_on: bool = False) -> None:
        """Raises ValueError where something was not read that is needed. goes_on: whether a next token is wanted."""
        if not all(each.seen for each in self.sequences):
            raise ValueError(
                f"session has read 0 tokens, {what} needs 1 or more; call session.read(...) first"
            )
        if goes_on and any(each.upcoming is None and not each.pending for each in self.sequences):
            raise ValueError(
                f"session has read windows and nothing after them, {what} needs 1 token that sees them all; call "
                "session.read(...) first"
            )

    def settled(self) -> Tensor | None:
        """See `upcoming`, once the model has run what was announced, which nothing that follows changes any more."""
        if any(each.held for each in self.conversations):
            for conversation in self.conversations:
                conversation.commit()
            self.run([Request(sequence=each, reading=False) for each in self.sequences])
        return self.upcoming

    def _counts(self, prompt: Prompt) -> list[int]:
        config = self._engine.seam.config
        return prompt.counts(config.vocab_size, config.hidden_size)

    @property
    def _shares(self) -> list[float]:
        return [each.share for each in self.sequences if each.share is not None]

    def logits(self, tokens: list[int]) -> Tensor:
        """Appends tokens to all that speak as one, and returns the logits after each of them, `[n, vocab]`."""
        for sequence, conversation in zip(self.sequences, self.conversations, strict=True):
            conversation.tokens(tokens)
            sequence.history.append(["logits", len(tokens)])
        self.run([Request(sequence=each, reading=False) for each in self.sequences])
        for sequence in self.sequences:
            sequence.pending.extend(tokens)
        requests = [Request(sequence=each, reading=False, every=True) for each in self.sequences]
        self.run(requests)
        rows = [torch.cat(each.rows) for each in requests]
        return rows[0] if self.alone else mixed(rows, self._shares)

    def read_side(self, side: Side, progress: Watcher | None) -> None:
        """Reads texts side by side, which then become one sequence, or several that speak as one."""
        (base,) = self.sequences
        base.take(side.shared, back=side.back, begins_round=True)
        base.spent.read_tokens += len(side.shared)
        if base.pending:
            self.run([Request(sequence=base, more=True)])
        start, windows = base.place, side.begun(base, self.ledger)
        self.sequences = [base, *windows]
        self._runner = Runner(self._engine.seam, budget=self._engine.chunk)
        self.run([Request(sequence=each, more=True) for each in windows], progress)
        self._runner = Runner(self._engine.seam)
        base.release()
        self.sequences = windows
        for window, ids in zip(windows, side.texts, strict=True):
            window.spent.read_tokens = len(ids)
            window.history.append(side.told())
        if side.shares is None:
            spent = [base.spent, *(each.spent for each in windows)]
            self.sequences = [joined(windows, start, side, self.ledger)]
            self.sequences[0].spent = total(spent)
            return
        windows[0].spent = total([base.spent, windows[0].spent])
        for window, share in zip(windows, side.shares, strict=True):
            window.share = share

    def run(self, requests: list[Request], progress: Watcher | None = None) -> None:
        """Runs requests that do not speak to their end. Raises what was wrong with any of them."""
        self._begin(requests)
        total, began = sum(len(each.sequence.pending) for each in requests), time.perf_counter()
        while self._runner.requests:
            self._step()
            if progress is not None and total:
                left = sum(len(each.sequence.pending) for each in requests)
                seconds = time.perf_counter() - began
                progress(Progress(processed=total - left, total=total, seconds=seconds))

    def read(
        self,
        prompt: Prompt,
        progress: Watcher | None,
        *,
        rounds: bool,
        more: bool,
        reserve: int,
    ) -> None:
        """Reads a prompt, and takes over the conversations that follow from it. As `reading` has it."""
        self.run(self.reading(prompt, rounds=rounds, more=more, reserve=reserve), progress)
        self.has_read(prompt, more=more)

    def reading(self, prompt: Prompt, *, rounds: bool, more: bool, reserve: int) -> list[Request]:
        """Requests by which the sequences read a prompt; `has_read` is told when they have.

        rounds: whether a round of the dialogue begins. more: whether the text goes on in another call. reserve: tokens
        to come for which memory is taken at once.
        """
        asking = prompt.questions or [[] for _ in prompt.ids]
        self._counts(prompt)
        for sequence, ids, asked, back in zip(self.sequences, prompt.ids, asking, prompt.back, strict=True):
            sequence.take(ids, question=asked, back=back, begins_round=rounds)
        return [Request(sequence=each, more=more, reserve=reserve) for each in self.sequences]

    def has_read(self, prompt: Prompt, *, more: bool) -> None:
        """Takes over the conversations that follow from a prompt."""
        asking, counts = prompt.questions or [[] for _ in prompt.ids], self._counts(prompt)
        for sequence, ids, asked, held, conversation, count in zip(
            self.sequences, prompt.ids, asking, prompt.held, prompt.conversations, counts, strict=True
        ):
            sequence.question, sequence.conversation = [], conversation
            sequence.pending.extend(held)
            sequence.history.append(reading(len(ids), len(asked), more))
            sequence.spent.read_tokens += count

    def speaking(self, speakers: abc.Sequence[Speaker], ends: abc.Collection[int]) -> list[Request]:
        """Requests by which the sequences speak. ends: tokens with which one does."""
        decode = self._engine.plan.decode
        return [
            Request(
                sequence=sequence,
                reading=False,
                speaker=speaker,
                drafting=None if decode is None else Drafting(decode, self._host(sequence, speaker)),
                ends=ends,
            )
            for sequence, speaker in zip(self.sequences, speakers, strict=True)
        ]

    def speak(
        self, speakers: abc.Sequence[Speaker], ends: abc.Collection[int], of: abc.Collection[int]
    ) -> Iterator[list[Step]]:
        """Tokens of the sequences `of`, step by step, until all have ended. ends: tokens with which one does."""
        if not self.alone:
            yield from self._as_one(speakers[0], ends)
            return
        requests = self.speaking(speakers, ends)
        for number, request in enumerate(requests):
            request.finished = number not in of
        self._speaking = requests
        requests = [request for request in requests if not request.finished]
        self._begin(requests)
        for request in requests:
            request.sequence.history.append(["generate", 0])
        while not all(request.finished for request in requests):
            if requests[-1] not in self._runner.requests and not requests[-1].finished:
                raise ValueError("the session went on with something else meanwhile; generate again")
            steps = self._step()
            for step in steps:
                self.sequences[step.sequence].history[-1][1] += 1
            yield steps

    def _as_one(self, speaker: Speaker, ends: abc.Collection[int]) -> Iterator[list[Step]]:
        """The same of sequences that say the same, drawn from the mean of what each would say."""
        if self._engine.plan.decode is not None:
            raise ValueError("decode=... drafts for one text, and several speak as one here; leave it out")
        for sequence in self.sequences:
            sequence.history.append(["generate", 0])
        speaker.begin([token for each in self.sequences for token in each.tokens], ends)
        said, ended = [each.seen for each in self.sequences], False
        while not ended:
            if [each.seen for each in self.sequences] != said:
                raise ValueError("the session went on with something else meanwhile; generate again")
            self.run([Request(sequence=each, reading=False) for each in self.sequences])
            step = speaker.step(self.upcoming, ends)
            for number, sequence in enumerate(self.sequences):
                sequence.say(step.token, ended=step.token in ends, again=number > 0)
                sequence.history[-1][1] += 1
            said, ended = [each + 1 for each in said], bool(step.finished)
            yield [step]

    def stop(self, number: int) -> None:
        """A sequence that speaks says no more; the others go on."""
        request = self._speaking[number]
        request.finished = True
        self._runner.remove(request)

    def usage(self, truncated_tokens: int) -> Usage:
        """What all of it took, without what was gathered for forks under other plans."""
        engine, spent = self._engine, [each.spent for each in self.sequences]
        own = engine.policy.tracking if engine.policy else None
        for_forks = sum(seconds for each, seconds in engine.watch_seconds.items() if each != own)
        seconds = sum(each.decode_seconds for each in spent)
        saved = sum(each.saved_seconds for each in spent)
        return Usage(
            prompt_tokens=sum(each.read_tokens for each in spent),
            generated_tokens=sum(each.generated_tokens for each in spent),
            kv_bytes=self.held,
            peak_kv_bytes=max(self._peak, self.ledger.peak, self.held),
            prefill_seconds=sum(each.prefill_seconds for each in spent) - for_forks,
            decode_seconds=seconds,
            truncated_tokens=truncated_tokens,
            offloaded_bytes=self.ledger.offloaded,
            drafted_tokens=sum(each.drafted_tokens for each in spent),
            accepted_tokens=sum(each.accepted_tokens for each in spent),
            draft_gain=1.0 + saved / seconds if seconds else 1.0,
        )

    def release(self) -> None:
        """Gives all memory back; the sequences are empty afterwards."""
        for sequence in self.sequences:
            sequence.release()
        self._runner.clear()
        self.sequences = [self._empty() for _ in self.sequences]

    def _host(self, sequence: Sequence, speaker: Speaker) -> Answering:
        return Answering(sequence, speaker.draws, self._others)

    def _empty(self) -> Sequence:
        return Sequence(self._engine, self.ledger, conversation=self._converse(), words=self._words)

    def _begin(self, requests: list[Request]) -> None:
        self._runner.clear()
        for request in requests:
            self._runner.add(request)

    def _step(self) -> list[Step]:
        """A pass. Raises what was wrong with any of the requests."""
        requests = list(self._runner.requests)
        steps = self._runner.step()
        self._peak = max(self._peak, self.held)
        for request in requests:
            if request.error is not None:
                raise request.error
        return [step for _, step in steps]
