"""A session: read in chunks, generate, ask, fork."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from torch import Tensor

from longspan.batch import Batch, Progress
from longspan.chat import check_variables
from longspan.contexts.context import Context, Kind, Saved, reading
from longspan.contexts.origin import Origin
from longspan.conversation import Conversation, Words
from longspan.engine.engine import Engine
from longspan.forking import check_alike, check_fork
from longspan.generation import ROOM, Generation, Step, end_tokens
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.profiles.profiles import prepare
from longspan.seam import Seam
from longspan.source import Prompt, Source, checked
from longspan.spans import Answer, Document, Span, apart, cite
from longspan.speaking import Speaker
from longspan.usage import Usage
from longspan.window import window_exceeded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class Session:
    """What a model has read under a plan. Use it as a context manager, or close it, to give its memory back.

    size: sequences that are read and generated side by side, packed without padding. chunk: tokens of one sequence
    that pass through the model at a time. window: tokens to allow, by default what the plan's positions support; a
    factor that is not given is that of the first text and 1,024 tokens. forks: plans that forks will have, so that
    what their policies look at is gathered while reading. reached: in how many layers each part of the plan acts, by
    slot; layers with a window are left alone. Raises PlanError for a part that acts in none.
    """

    def __init__(
        self,
        seam: Seam,
        tokenizer: PreTrainedTokenizerFast,
        plan: Plan,
        *,
        origin: Origin,
        size: int = 1,
        chunk: int = 2048,
        window: int | None = None,
        forks: Sequence[Plan | str] = (),
        profile: Callable[[str], Tensor] | None = None,
        template: Mapping[str, Any] | None = None,
    ) -> None:
        check_range("size", size, 1)
        check_range("chunk", chunk, 1)
        self.plan, self.size, self.chunk = plan, size, chunk
        self._seam, self._tokenizer, self._origin = seam, tokenizer, origin
        self._forks, self._profile = [Plan.of(each) for each in forks], profile
        prepare((plan, *self._forks), profile)
        self._engine = Engine(seam, plan, forks=self._forks, profile=profile, reach=window).checked()
        self.window, self.reached = self._engine.window, dict(self._engine.reached)
        self._template = check_variables(template)
        self._batch = Batch(self._engine, size, chunk, Words(tokenizer, self._template))
        self._conversations = [Conversation(tokenizer, self._template) for _ in range(size)]
        self._history: list[Any] = []
        self._read_tokens = self._generated = 0
        self._prefill = self._decode = 0.0

    def read(
        self,
        source: Source | Sequence[Source],
        *,
        question: Source | Sequence[Source] | None = None,
        more: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Self:
        """Reads a text, a document, parts of documents or token ids; with size > 1 a list of one source a sequence.

        Text and ids are read as they are (after the model's begin token, if the session is new). A document opens
        a user's turn, which `ask` completes. question: what is read after the source and asks about it; policies
        guided by the question know it from the beginning. more: whether the text goes on with what is read or asked
        next, so that a policy does not act yet because it ended. Each call begins a round of the dialogue. Raises
        WindowExceeded before anything is read. An exception while reading closes the session: it has read nothing.
        """
        self._append(Prompt.of(self._conversations, source, question), progress, more=more)
        return self

    def generate(self, **generation: Unpack[Generation]) -> Iterator[Step]:
        """Streams tokens after what was read, greedily unless there is a `temperature`.

        Ends a sequence at an end token of the model, its tokenizer or its template, at a stop string (not part of the
        text), or after max_new_tokens. Step.sequence says whose token it is. seed: the draws of each sequence, which
        are the same alone and beside others. Raises WindowExceeded; ValueError if nothing was read.
        """
        speaker = self._speaker(**generation)
        self._require_read("generating")
        self._require(max(self.seen), speaker.limit)
        return self._generate(speaker)

    def ask(
        self,
        question: str,
        *,
        about: Document | Sequence[Document] | Sequence[Span] = (),
        progress: Callable[[Progress], None] | None = None,
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
        prompt, opens = Prompt.asked(self._conversations[0], question, about), not self._conversations[0].open
        speaker = self._speaker(**generation)
        self._require(self.seen[0] + len(prompt), speaker.limit)
        self._append(prompt, progress, rounds=opens, more=more, room=speaker.limit)
        draft = self._conversations[0]
        said = ""
        with self._whole():
            for step in self._generate(speaker):
                text = step.text if said else step.text.lstrip()
                said += text
                if stream is not None and text:
                    stream(text)
        reasoning, text = apart(said, begun=draft.thinks)
        return Answer(
            text=text,
            citations=cite(text, question, draft.spans),
            usage=self._usage(truncated_tokens),
            reasoning=reasoning,
        )

    def logits(self, ids: Sequence[int] | Tensor) -> Tensor:
        """Appends tokens and returns the logits after each of them, `[n, vocab]`. For sessions of one sequence."""
        if self.size > 1:
            raise ValueError(f"size={self.size} is outside 1 .. 1 for logits")
        tokens = checked(ids, self._seam.config.vocab_size)
        self._fit([self.seen[0] + len(tokens)])
        self._conversations[0].tokens(tokens)
        self._history.append(["logits", len(tokens)])
        with self._whole():
            return self._batch.logits(tokens).clone()

    def fork(self, plan: Plan | str | None = None) -> Session:
        """A second session that has read the same; memory is shared until one of the two writes.

        plan: one that differs only in what comes after the prompt (`Plan.reading`); its policy acts now, on what was
        read without one, and what follows is as if the fork had read it all. So one reading serves many plans. Raises
        ValueError for a plan that would have read differently, or whose policy looks at something that was not
        gathered because the plan is not among `forks` of this session.
        """
        chosen = self.plan if plan is None else Plan.of(plan)
        check_fork(chosen, self.plan, self._engine)
        twin = Session(
            self._seam,
            self._tokenizer,
            chosen,
            origin=self._origin,
            size=self.size,
            chunk=self.chunk,
            window=self.window,
            forks=self._forks if chosen.policy is None else (),
            profile=self._profile,
            template=self._template,
        )
        twin._engine.watch_seconds |= self._engine.watch_seconds
        twin._batch = self._batch.fork(twin._engine)
        twin._conversations = [conversation.fork() for conversation in self._conversations]
        twin._history = deepcopy(self._history)
        twin._read_tokens, twin._generated = self._read_tokens, self._generated
        twin._prefill, twin._decode = self._prefill, self._decode
        if chosen.policy != self.plan.policy:
            with twin._whole():
                twin._batch.compress()
        return twin

    @staticmethod
    def together(sessions: Sequence[Session]) -> Session:
        """One session of several that read under the same plan; its sequences go on side by side. They are closed."""
        check_alike([(id(each._seam), each.plan, each.chunk, each.window) for each in sessions])
        first = sessions[0]
        joined = Session(
            first._seam,
            first._tokenizer,
            first.plan,
            origin=first._origin,
            size=sum(each.size for each in sessions),
            chunk=first.chunk,
            window=first.window,
            profile=first._profile,
            template=first._template,
        )
        joined._batch = Batch.together([each._batch for each in sessions], joined._engine)
        joined._conversations = [one.fork() for each in sessions for one in each._conversations]
        joined._history = [["together", [deepcopy(each._history) for each in sessions]]]
        for each in sessions:
            joined._read_tokens += each._read_tokens
            joined._prefill += each.usage.prefill_seconds
            each.close()
        return joined

    def save(self, path: str | Path | None = None) -> Path:
        """Keeps all of it in a file, for `Model.restore`, and returns where it is.

        By default it lies in the cache folder under `name`; what is compressed stays compressed. The file is there
        whole or not at all. Raises ContextError when it cannot be written, ValueError if nothing was read.
        """
        self._require_read("saving")
        return self._context().save(
            None if path is None else Path(path),
            batch=self._batch,
            trackings=self._engine.trackings,
            window=self.window,
            usage=self.usage,
        )

    def resume(self, saved: Saved) -> Self:
        """Takes up a saved context; for a session that has read nothing and was opened in the same way."""
        with self._whole():
            saved.fill(self._batch, self._conversations, self._engine.trackings)
        self.window, self._history, spent = saved.window, deepcopy(saved.history), saved.spent
        self._read_tokens, self._generated = int(spent["prompt_tokens"]), int(spent["generated_tokens"])
        self._prefill, self._decode = spent["prefill_seconds"], spent["decode_seconds"]
        return self

    def name(self, source: Source | Sequence[Source] | None = None, *, more: bool = False) -> str:
        """32 digits for the model, the plan and what was read and generated, or will be after `read(source)`."""
        context = self._context()
        return (context if source is None else context.after(source, more=more)).name

    @property
    def seen(self) -> list[int]:
        """Tokens read and generated so far, per sequence."""
        return self._batch.seen

    @property
    def next_logits(self) -> Tensor:
        """Logits `[vocab]` for the token after what was read. For sessions of one sequence that have just read."""
        if self.size == 1 and self._conversations[0].held:
            self._conversations[0].settle()
            with self._whole():
                self._batch.step([0])
        upcoming = self._batch.upcoming[0]
        if self.size > 1 or upcoming is None or self._batch.pending[0]:
            raise ValueError("session has no logits for the next token; call session.read(...) just before")
        return upcoming

    @property
    def usage(self) -> Usage:
        """Tokens, bytes and seconds so far."""
        return self._usage(0)

    @property
    def saved_seconds(self) -> float:
        """What this fork would have taken longer, had an earlier one not rehearsed the same."""
        return self._batch.saved_seconds

    @property
    def bytes_held(self) -> list[int]:
        """Bytes in memory by sequence, which are `usage.kv_bytes` together."""
        return self._batch.held_each

    @property
    def peak_entries(self) -> int:
        """The most entries that any row of keys and values ever held."""
        return self._batch.ledger.peak_entries

    def close(self) -> None:
        """Gives the session's memory back; it has then read nothing."""
        self._batch.release()
        self._conversations = [Conversation(self._tokenizer, self._template) for _ in range(self.size)]
        self._history = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _speaker(self, **generation: Unpack[Generation]) -> Speaker:
        return Speaker(self._tokenizer, self._seam.device, self.size, **generation)

    def _generate(self, speaker: Speaker) -> Iterator[Step]:
        ends = end_tokens(self._seam.network, self._tokenizer, self._conversations[0].end)
        for conversation in self._conversations:
            conversation.settle()
        self._batch.reserve(speaker.limit)
        running = list(range(self.size))
        counts = [0] * self.size
        self._history.append(["generate", counts])
        for count in range(1, speaker.limit + 1):
            began = time.perf_counter()
            with self._whole():
                self._batch.step(running)
            steps = []
            for sequence in running:
                logits = self._batch.upcoming[sequence]
                step = speaker.step(sequence, logits, ends, last=count == speaker.limit)
                self._batch.pending[sequence].append(step.token)
                self._conversations[sequence].spoke(step.token, ended=step.token in ends)
                counts[sequence] += 1
                steps.append(step)
            running = [step.sequence for step in steps if not step.finished]
            self._generated += len(steps)
            self._decode += time.perf_counter() - began
            yield from steps
            if not running:
                return

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
        progress: Callable[[Progress], None] | None,
        *,
        rounds: bool = True,
        more: bool = False,
        room: int = ROOM,
    ) -> None:
        new = prompt.counts(self._seam.config.vocab_size)
        self._fit([seen + count for seen, count in zip(self.seen, new, strict=True)], room)
        began = time.perf_counter()
        with self._whole():
            self._batch.read(
                prompt.ids,
                progress,
                questions=prompt.questions,
                back=prompt.back,
                held=prompt.held,
                rounds=rounds,
                more=more,
            )
        self._history.append(reading(prompt.ids, prompt.questions, more))
        self._conversations = prompt.conversations
        self._read_tokens += sum(new)
        self._prefill += time.perf_counter() - began

    def _context(self) -> Context:
        return Context(
            origin=self._origin,
            kind=Kind(plan=self.plan, forks=self._forks, size=self.size, chunk=self.chunk),
            history=self._history,
            tokens=self._batch.tokens,
            conversations=self._conversations,
        )

    def _require_read(self, what: str) -> None:
        if not all(self.seen):
            raise ValueError(
                f"session has read 0 tokens, {what} needs 1 or more; call session.read(...) first"
            )

    def _fit(self, lengths: list[int], room: int = ROOM) -> None:
        supported = self._batch.fit([self.window or length + room for length in lengths])
        self.window = self.window or supported
        self._require(max(lengths), 0)

    def _require(self, prompt: int, output: int) -> None:
        if self.window is not None and prompt + output > self.window:
            raise window_exceeded(prompt, output, self.window, self._seam, streams=self.plan.streams)

    def _usage(self, truncated_tokens: int) -> Usage:
        own = self.plan.policy.tracking if self.plan.policy else None
        for_forks = sum(spent for each, spent in self._engine.watch_seconds.items() if each != own)
        return Usage(
            prompt_tokens=self._read_tokens,
            generated_tokens=self._generated,
            kv_bytes=self._batch.held,
            peak_kv_bytes=self._batch.peak,
            prefill_seconds=self._prefill - for_forks,
            decode_seconds=self._decode,
            truncated_tokens=truncated_tokens,
            apart_bytes=self._batch.ledger.apart,
        )
