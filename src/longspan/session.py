"""A session: read in chunks, generate, ask, fork. A facade over sequences that are read under one plan."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from torch import Tensor

from longspan.chat import check_variables
from longspan.contexts.context import Context, Kind, Saved
from longspan.contexts.origin import Origin
from longspan.contexts.snapshot import Snapshot
from longspan.conversation import Conversation, Words
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.profiles.profiles import prepare
from longspan.progress import Watcher
from longspan.running.batch import Batch
from longspan.running.compressing import compress, rehearse
from longspan.running.engine import CHUNK, Engine
from longspan.running.entries import Entries, entries_of
from longspan.running.forking import check_alike, check_fork, forked
from longspan.running.generation import ANSWER_TOKENS, Generation, Said, Step, end_tokens
from longspan.running.sequence import Mark, Sequence
from longspan.running.side_by_side import Side
from longspan.running.source import Prompt, Source, checked
from longspan.running.speaking import Speaker, speakers
from longspan.running.window import window_exceeded
from longspan.seam.seam import Seam
from longspan.spans import Answer, Document, Span, cite, split_reasoning
from longspan.store.ledger import Ledger
from longspan.usage import Usage
from longspan.windows.base import Windows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Session:
    """What a model has read under a plan. Use it as a context manager, or close it, to give its memory back.

    size: sequences that are read and generated side by side, packed without padding. chunk: tokens of one sequence
    that pass through the model at a time. window: tokens to allow, by default what the plan's positions support; a
    factor that is not given is that of the first text and 1,024 tokens. forks: plans that forks will have, so that
    what their policies look at is gathered while reading. reached: in how many layers each part of the plan acts, by
    slot; layers with a window are left alone. others: finds models that draft. tokenizer:
    the model's. Raises PlanError for a part that acts in none.
    """

    def __init__(
        self,
        seam: Seam,
        tokenizer: PreTrainedTokenizerFast,
        plan: Plan,
        *,
        origin: Origin,
        size: int = 1,
        chunk: int = CHUNK,
        window: int | None = None,
        forks: abc.Sequence[Plan | str] = (),
        profile: Callable[[str], Tensor] | None = None,
        template: Mapping[str, Any] | None = None,
        others: Callable[[str], Seam] | None = None,
    ) -> None:
        check_range("size", size, 1)
        check_range("chunk", chunk, 1)
        self.plan, self.size, self.chunk = plan, size, chunk
        self._seam, self.tokenizer, self._origin = seam, tokenizer, origin
        self._forks = [Plan.of(each) for each in forks]
        self._kind = Kind(plan=plan, forks=self._forks, size=size, chunk=chunk)
        prepare((plan, *self._forks), profile)
        made = Engine(seam, plan, forks=self._forks, chunk=chunk, profile=profile, window=window)
        self._engine = made.checked()
        self.window, self.reached = self._engine.window, dict(self._engine.reached)
        self._template = check_variables(template)
        self._brought: dict[str, Any] = {"profile": profile, "template": self._template, "others": others}
        self._batch = Batch(
            self._engine,
            size,
            words=Words(tokenizer, self._template),
            converse=lambda: Conversation(tokenizer, self._template),
            others=others,
        )
        self.saved_seconds = 0.0

    def read(
        self,
        source: Source | abc.Sequence[Source],
        *,
        question: Source | abc.Sequence[Source] | None = None,
        more: bool = False,
        reserve: int = 0,
        progress: Watcher | None = None,
    ) -> Self:
        """Reads a text, a document, parts of documents or token ids; with size > 1 a list of one source a sequence.

        Text and ids are read as they are (after the model's begin token, if the session is new). A document opens
        a user's turn, which `ask` completes. question: what is read after the source and asks about it; policies
        guided by the question know it from the beginning. more: whether the text goes on with what is read or asked
        next, so that a policy does not act yet because it ended. reserve: tokens to come for which memory is taken at
        once, so that nothing is moved when they come. Each call begins a round of the dialogue. Raises WindowExceeded
        before anything is read. An exception while reading closes the session: it has read nothing.
        """
        check_range("reserve", reserve, 0)
        self._append(self._batch.prompt(source, question), progress, more=more, reserve=reserve)
        return self

    def read_windows(
        self,
        sources: abc.Sequence[Source],
        method: Windows | str = "pcw",
        *,
        progress: Watcher | None = None,
    ) -> Self:
        """Reads sources side by side: each sees what was read before and itself, and what is read next sees them all.

        method: how they stand and are seen, of the room windows. One alone is read as `read` does, with more to follow.
        Raises PlanError for a plan with parts that know only one text, WindowExceeded where one does not fit.
        """
        side = Side.of(self._batch.conversations, sources, method)
        if side is None:
            return self.read(sources[0], more=True, progress=progress)
        side.check(self._engine)
        self._fit([end + side.reach for end in self._batch.ends])
        with self._whole():
            self._batch.read_side(side, progress)
        return self

    def generate(
        self,
        *,
        seeds: abc.Sequence[int] | None = None,
        of: abc.Sequence[int] | None = None,
        **generation: Unpack[Generation],
    ) -> Iterator[Step]:
        """Streams tokens after what was read, greedily unless there is a `temperature`.

        Ends a sequence at an end token of the model, its tokenizer or its template, at a stop string (not part of the
        text), after max_new_tokens, or by `stop`. Step.sequence says whose token it is. seed: the draws of each
        sequence, the same alone and beside others; seeds: one for each, so that forks say different things. of: those
        that speak, all by default. Raises WindowExceeded; ValueError if nothing was read.
        """
        said_by = speakers(self._seam, self.tokenizer, self.size, seeds, **generation)
        self._batch.check_read("generating", goes_on=True)
        self._require(max(self._batch.ends), said_by[0].limit)
        return self._generate(said_by, forked(self.size, of))

    def stop(self, sequence: int) -> None:
        """One of the sequences that are being generated says no more; the others go on."""
        self._batch.stop(sequence)

    def ask(
        self,
        question: str,
        *,
        about: Document | abc.Sequence[Document] | abc.Sequence[Span] | Prompt = (),
        progress: Watcher | None = None,
        stream: Callable[[str], None] | None = None,
        truncated_tokens: int = 0,
        more: bool = False,
        **generation: Unpack[Generation],
    ) -> Answer:
        """Asks about what was read, and about further documents read together with the question.

        Documents in `about` and the question are one prompt, so that a policy that looks at the prompt's end sees
        the question; documents read before are compressed without knowing it. stream gets the answer's text piece
        by piece. Quotes in the answer, and sentences that support it, are checked against the documents. more: as in
        `read`. truncated_tokens goes to the usage, for callers that chose what to read, the rest to `generate`.
        """
        if self.size > 1:
            raise ValueError(f"size={self.size} is outside 1 .. 1 for ask; use read and generate for a batch")
        if not question.strip():
            raise ValueError("question is empty; ask something")
        prompt, opens = self._batch.asked(question, about), not self._batch.conversations[0].open
        begun = generation.setdefault("reasoning", prompt.conversations[0].reasoning) == "begun"
        said_by = speakers(self._seam, self.tokenizer, 1, **generation)
        limit = said_by[0].limit
        self._require(max(self._batch.after(prompt)), limit)
        reserve = 0 if self.plan.policy else limit  # a policy makes room itself
        self._append(prompt, progress, rounds=opens, more=more, room=limit, reserve=reserve)
        said, exact = Said(), generation.get("form") is not None
        with self._whole():
            for step in self._generate(said_by, [0]):
                text = step.text if exact or said.text.strip() else step.text.lstrip()
                said.take(step)
                if stream is not None and text:
                    stream(text)
        reasoning, text = split_reasoning(said.text, begun=begun, exact=exact)
        return Answer(
            text=text,
            citations=cite(text, question, self._batch.spans),
            usage=self._batch.usage(truncated_tokens),
            reasoning=reasoning,
            logprobs=tuple(said.logprobs),
            complete=said.complete,
        )

    def logits(self, ids: abc.Sequence[int] | Tensor) -> Tensor:
        """Appends tokens and returns the logits after each of them, `[n, vocab]`. For sessions of one sequence."""
        if self.size > 1:
            raise ValueError(f"size={self.size} is outside 1 .. 1 for logits")
        tokens = checked(ids, self._seam.config.vocab_size, self._seam.config.hidden_size)
        self._fit([end + len(tokens) for end in self._batch.ends])
        with self._whole():
            return self._batch.logits(tokens)

    def fork(self, plan: Plan | str | None = None, *, of: abc.Sequence[int] | None = None) -> Session:
        """A second session that has read the same; memory is shared until one of the two writes.

        of: which of its sequences, as often as each is named, so that `of=[0] * 8` are eight that go on from one
        prompt, which none of them copies unless a part of the plan changes entries. It was read for the first of them.
        plan: one that differs only in what comes after the prompt (`Plan.reading`); its policy acts now, on what was
        read without one, and what follows is as if the fork had read it all. So one reading serves many plans. Raises
        ValueError for a plan that would have read differently, or whose policy looks at something that was not
        gathered because the plan is not among `forks` of this session.
        """
        chosen = self.plan if plan is None else Plan.of(plan)
        check_fork(chosen, self.plan, self._engine)
        numbers = forked(self.size, of)
        twin = self._another(chosen, len(numbers), self._forks if chosen.policy is None else ())
        twin._engine.watch_seconds |= self._engine.watch_seconds
        changes = chosen.policy != self.plan.policy
        if changes and self._engine.gathers(
            chosen.policy
        ):  # what is rehearsed here is known to further forks
            twin.saved_seconds = sum(rehearse(each, twin._engine) for each in self.sequences)
        mine = self.sequences if of is None else self._batch.some(numbers)
        twin._batch.take(mine, apart=of is not None)
        if changes:
            with twin._whole():
                for sequence in twin.sequences:
                    compress(sequence)
        return twin

    @staticmethod
    def together(sessions: abc.Sequence[Session]) -> Session:
        """One session of several that read under the same plan; its sequences go on side by side. They are closed."""
        kinds = [(id(each._seam), each.plan, each.chunk, each.window) for each in sessions]
        check_alike(kinds, [each._batch.alone for each in sessions])
        joined = sessions[0]._another(sessions[0].plan, sum(each.size for each in sessions))
        joined._batch.take([sequence for each in sessions for sequence in each.sequences])
        joined._engine.watched([each._engine for each in sessions])
        for each in sessions:
            each.close()
        return joined

    def mark(self) -> list[Mark]:
        """This moment of all sequences, to go back to by `rewind` until the session is closed. Nothing is copied."""
        return [each.mark() for each in self.sequences]

    def rewind(self, marks: abc.Sequence[Mark]) -> None:
        """Goes back to a moment of this session: what was read, generated and dropped since is undone, bit for bit."""
        if len(marks) != (count := len(self.sequences)):
            raise ValueError(f"marks are of {len(marks)} sequences, allowed is {count}; give those of mark()")
        for sequence, mark in zip(self.sequences, marks, strict=True):
            sequence.rewind(mark)

    def save(self, path: str | Path | None = None) -> Path:
        """Keeps all of it in a file, for `Model.restore`, and returns where it is.

        By default it lies in the cache folder under `name`; what is compressed stays compressed. The file is there
        whole or not at all. Raises ContextError when it cannot be written, ValueError if nothing was read.
        """
        return self._snapshot(self.sequences).save(path)

    def snapshot(self) -> Snapshot:
        """What the session knows now, for `Snapshot.save` to keep it later as `save` would now.

        It shares memory, and holds on to what the session gives back. Raises ValueError if nothing was read.
        """
        return self._snapshot([each.fork(Ledger()) for each in self.sequences])

    def resume(self, saved: Saved) -> Self:
        """Takes up a saved context; for a session that has read nothing and was opened in the same way."""
        with self._whole():
            self._batch.grow(len(saved.histories))
            saved.fill(self.sequences, self._batch.ledger)
        self.window = saved.window
        return self

    def name(self, source: Source | abc.Sequence[Source] | None = None, *, more: bool = False) -> str:
        """32 digits for the model, the plan and what was read and generated, or will be after `read(source)`."""
        known = Context.of(self.sequences, self._origin, self._kind)
        return (known if source is None else known.after(self._batch.each(source), more=more)).name

    @property
    def sequences(self) -> list[Sequence]:
        """What is known of each text, side by side."""
        return self._batch.sequences

    @property
    def batch(self) -> Batch:
        """The sequences with what they share, for whoever runs them beside those of other sessions."""
        return self._batch

    @property
    def seen(self) -> list[int]:
        """Tokens read and generated so far, per sequence."""
        return [each.seen for each in self.sequences]

    @property
    def next_logits(self) -> Tensor:
        """Logits `[vocab]` for the token after what was read. For sessions of one sequence that have just read."""
        with self._whole():
            upcoming = self._batch.settled() if self.size == 1 else None
        if upcoming is None:
            raise ValueError("session has no logits for the next token; call session.read(...) just before")
        return upcoming

    @property
    def usage(self) -> Usage:
        """Tokens, bytes and seconds so far."""
        return self._batch.usage(0)

    @property
    def bytes_held(self) -> list[int]:
        """Bytes in memory by sequence, `usage.kv_bytes` together: what several share counts for the first of them."""
        return self._batch.bytes_held

    def entries(self, layer: int, sequence: int = 0) -> Entries:
        """What a layer holds: positions, keys and values. layer: of those with attention, counted from 0."""
        return entries_of(self.sequences, sequence, layer)

    @property
    def peak_entries(self) -> int:
        """The most entries that any row of keys and values ever held."""
        return self._batch.ledger.peak_entries

    def close(self) -> None:
        """Gives the session's memory back; it has then read nothing."""
        self._batch.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def ends(self) -> set[int]:
        """Tokens that end what is said."""
        return end_tokens(self._seam.network, self.tokenizer, self._batch.conversations[0].end)

    def _generate(self, said_by: list[Speaker], of: list[int]) -> Iterator[Step]:
        for conversation in self._batch.conversations:
            conversation.commit()
        said = self._batch.speak(said_by, self.ends, of)
        while True:
            with self._whole():
                steps = next(said, None)
            if steps is None:
                return
            yield from steps

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Closes the session when what is done to it is interrupted: some layers would know more than others."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _append(
        self,
        prompt: Prompt,
        progress: Watcher | None,
        *,
        rounds: bool = True,
        more: bool = False,
        room: int = ANSWER_TOKENS,
        reserve: int = 0,
    ) -> None:
        self._fit(self._batch.after(prompt), room)
        with self._whole():
            self._batch.read(prompt, progress, rounds=rounds, more=more, reserve=reserve)

    def _another(self, plan: Plan, size: int, forks: abc.Sequence[Plan] = ()) -> Session:
        """A session of the same kind that has read nothing."""
        kind: dict[str, Any] = self._brought | {"chunk": self.chunk, "window": self.window}
        return Session(self._seam, self.tokenizer, plan, origin=self._origin, size=size, forks=forks, **kind)

    def _snapshot(self, sequences: list[Sequence]) -> Snapshot:
        self._batch.check_read("saving")
        known = Context.of(sequences, self._origin, self._kind)
        usage, entries = self.usage, self.peak_entries
        return Snapshot(context=known, sequences=sequences, window=self.window, usage=usage, entries=entries)

    def _fit(self, lengths: list[int], room: int = ANSWER_TOKENS) -> None:
        supported = self._batch.fit([self.window or length + room for length in lengths])
        self.window = self.window or supported
        self._require(max(lengths), 0)

    def _require(self, prompt: int, output: int) -> None:
        if self.window is not None and prompt + output > self.window:
            raise window_exceeded(prompt, output, self.window, self._seam, streams=self.plan.streams)
