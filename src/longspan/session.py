"""A session: read in chunks, generate, ask, fork."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import torch
from torch import Tensor

from longspan.conversation import Conversation
from longspan.engine.engine import Engine, Portion
from longspan.errors import WindowExceeded
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.sampling import Sampler, Sampling
from longspan.seam import Seam
from longspan.spans import Answer, Document, Span, cite
from longspan.store.ledger import Ledger
from longspan.streaming import TextStream
from longspan.usage import Usage

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Source = str | Document | Sequence[Span] | Sequence[int] | Tensor
"""What can be read: text, a document, parts of documents, or token ids."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far reading has come: tokens processed of total, and the seconds it took so far."""

    processed: int
    total: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Step:
    """One generated token of one sequence.

    text: what became certain with it, possibly nothing yet. finished: why the sequence ended with this token,
    "stop" for an end token or a stop string, "length" for max_new_tokens, "" while it goes on.
    """

    sequence: int
    token: int
    text: str
    finished: Literal["", "stop", "length"] = ""


class Session:
    """What a model has read under a plan. Use it as a context manager, or close it, to give its memory back.

    size: sequences that are read and generated side by side, packed without padding. chunk: tokens of one sequence
    that pass through the model at a time. window: tokens to allow; by default what the plan's positions support.
    """

    def __init__(
        self,
        seam: Seam,
        tokenizer: PreTrainedTokenizerFast,
        plan: Plan,
        *,
        size: int = 1,
        chunk: int = 2048,
        window: int | None = None,
    ) -> None:
        check_range("size", size, 1)
        check_range("chunk", chunk, 1)
        self.plan, self.size, self.chunk = plan, size, chunk
        self._seam, self._tokenizer = seam, tokenizer
        self._engine = Engine(seam, plan)
        self.window = window
        if window is None:
            self.window = plan.positions.window(seam.window) if plan.positions else seam.window
        else:
            check_range("window", window, 1)
        self._ledger = Ledger()
        self._memories = [self._engine.memory(self._ledger) for _ in range(size)]
        self._next: list[Tensor | None] = [None] * size
        self._pending: list[list[int]] = [[] for _ in range(size)]
        self._conversations = [Conversation(tokenizer) for _ in range(size)]
        self._read_tokens = self._generated = self._peak = 0
        self._prefill = self._decode = 0.0

    def read(
        self, source: Source | Sequence[Source], *, progress: Callable[[Progress], None] | None = None
    ) -> Self:
        """Reads a text, a document, parts of documents or token ids; with size > 1 a list of one source a sequence.

        Text and ids are read as they are (after the model's begin token, if the session is new). A document opens
        a user's turn, which `ask` completes. Raises WindowExceeded before anything is read.
        """
        sources = [source] if self.size == 1 else source
        if not isinstance(sources, Sequence) or isinstance(sources, str) or len(sources) != self.size:
            raise ValueError(
                f"source is not a list of {self.size} sources, one for each sequence of the session"
            )
        drafts = [conversation.fork() for conversation in self._conversations]
        self._append([self._ids(draft, each) for draft, each in zip(drafts, sources, strict=True)], progress)  # type: ignore[arg-type]
        self._conversations = drafts
        return self

    def generate(
        self,
        *,
        max_new_tokens: int = 256,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Iterator[Step]:
        """Streams tokens after what was read, greedily at temperature 0.

        Ends a sequence at the model's end token, at a stop string (not part of the text), or after
        max_new_tokens. Sequences of a batch run side by side; Step.sequence says whose token it is. Raises
        WindowExceeded, and ValueError if nothing was read.
        """
        check_range("max_new_tokens", max_new_tokens, 1)
        sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, seed=seed)
        streams = [TextStream(self._tokenizer, stop) for _ in range(self.size)]
        self._flush()
        if any(logits is None for logits in self._next):
            raise ValueError(
                "session has read 0 tokens, generating needs 1 or more; call session.read(...) first"
            )
        self._require(max(memory.seen for memory in self._memories), max_new_tokens)
        return self._generate(max_new_tokens, Sampler(sampling, self._seam.device), streams)

    def ask(
        self,
        question: str,
        *,
        about: Document | Sequence[Document] | Sequence[Span] = (),
        progress: Callable[[Progress], None] | None = None,
        stream: Callable[[str], None] | None = None,
        truncated_tokens: int = 0,
        max_new_tokens: int = 256,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Answer:
        """Asks about what was read, and about further documents read together with the question.

        Documents in `about` and the question are one prompt, so that a policy that looks at the prompt's end sees
        the question; documents read before are compressed without knowing it. stream gets the answer's text piece
        by piece. Quotes in the answer, and sentences that support it, are checked against the documents.
        truncated_tokens is passed on to the usage, for callers that chose what to read.
        """
        if self.size > 1:
            raise ValueError(f"size={self.size} is outside 1 .. 1 for ask; use read and generate for a batch")
        if not question.strip():
            raise ValueError("question is empty; ask something")
        about = [about] if isinstance(about, Document) else about
        spans = [Span(each, 0, len(each.text)) if isinstance(each, Document) else each for each in about]
        draft = self._conversations[0].fork()
        ids = draft.question(question, spans, last=self._pending[0][-1] if self._pending[0] else None)
        self._require(self._memories[0].seen + len(self._pending[0]) + len(ids), max_new_tokens)
        self._append([ids], progress)
        self._conversations = [draft]
        text = ""
        steps = self.generate(
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            seed=seed,
            stop=stop,
        )
        for step in steps:
            text += step.text
            if stream is not None and step.text:
                stream(step.text)
        return Answer(
            text=text.strip(),
            citations=cite(text, question, draft.spans),
            usage=self._usage(truncated_tokens),
        )

    def logits(self, ids: Sequence[int] | Tensor) -> Tensor:
        """Appends tokens and returns the logits after each of them, `[n, vocab]`. For sessions of one sequence."""
        if self.size > 1:
            raise ValueError(f"size={self.size} is outside 1 .. 1 for logits")
        self._flush()
        tokens = self._tensor(ids)
        self._require(self._memories[0].seen + len(tokens), 0)
        result = self._forward([tokens], every=True, progress=None)
        return torch.cat(result).clone()

    def fork(self) -> Session:
        """A second session that has read the same; memory is shared until one of the two writes."""
        twin = Session(
            self._seam, self._tokenizer, self.plan, size=self.size, chunk=self.chunk, window=self.window
        )
        twin.window = self.window
        twin._memories = [memory.fork(twin._ledger) for memory in self._memories]
        twin._next = list(self._next)
        twin._pending = [list(ids) for ids in self._pending]
        twin._conversations = [conversation.fork() for conversation in self._conversations]
        twin._read_tokens, twin._generated = self._read_tokens, self._generated
        twin._prefill, twin._decode = self._prefill, self._decode
        return twin

    @property
    def seen(self) -> list[int]:
        """Tokens read and generated so far, per sequence."""
        return [memory.seen + len(ids) for memory, ids in zip(self._memories, self._pending, strict=True)]

    @property
    def usage(self) -> Usage:
        """What this session has used so far."""
        return self._usage(0)

    @property
    def peak_entries(self) -> int:
        """The most entries that any row of keys and values ever held."""
        return self._ledger.peak_entries

    def close(self) -> None:
        """Gives the session's memory back; it has then read nothing."""
        for memory in self._memories:
            memory.release()
        self._memories = [self._engine.memory(self._ledger) for _ in range(self.size)]
        self._next = [None] * self.size
        self._pending = [[] for _ in range(self.size)]
        self._conversations = [Conversation(self._tokenizer) for _ in range(self.size)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _generate(self, limit: int, sampler: Sampler, streams: list[TextStream]) -> Iterator[Step]:
        ends = self._end_tokens()
        compressing = self.plan.policy is not None and self.plan.policy.when == "chunk"
        for memory in self._memories:
            self._engine.reserve(memory, min(limit, self.chunk) if compressing else limit)
        running = list(range(self.size))
        for count in range(1, limit + 1):
            began = time.perf_counter()
            drawn = [sampler.draw(self._logits_of(sequence)) for sequence in running]
            self._generated += len(running)
            steps, going = [], []
            for sequence, token in zip(running, drawn, strict=True):
                self._pending[sequence].append(token)
                stream = streams[sequence]
                text = "" if token in ends else stream.push(token)
                stopped = token in ends or stream.stopped
                if stopped or count == limit:
                    text += stream.flush()
                    steps.append(
                        Step(
                            sequence=sequence,
                            token=token,
                            text=text,
                            finished="stop" if stopped else "length",
                        )
                    )
                else:
                    steps.append(Step(sequence=sequence, token=token, text=text))
                    going.append(sequence)
            if going:
                self._flush(going)
            self._decode += time.perf_counter() - began
            self._peak = max(self._peak, self._held())
            yield from steps
            running = going
            if not running:
                return

    def _logits_of(self, sequence: int) -> Tensor:
        logits = self._next[sequence]
        if logits is None:
            raise RuntimeError(f"sequence {sequence} has no logits to draw from")
        return logits

    def _end_tokens(self) -> set[int]:
        ends = self._seam.network.generation_config.eos_token_id
        found = set(ends) if isinstance(ends, list) else {ends}
        return (found | {self._tokenizer.eos_token_id}) - {None}

    def _append(self, ids: list[list[int]], progress: Callable[[Progress], None] | None) -> None:
        whole = [self._tensor(pending + new) for pending, new in zip(self._pending, ids, strict=True)]
        for memory, tokens in zip(self._memories, whole, strict=True):
            self._require(memory.seen + len(tokens), 0)
        self._pending = [[] for _ in range(self.size)]
        self._forward(whole, every=False, progress=progress)
        self._read_tokens += sum(map(len, ids))

    def _flush(self, sequences: Sequence[int] | None = None) -> None:
        """Runs the tokens that were drawn but not yet passed through the model."""
        chosen = [s for s in (range(self.size) if sequences is None else sequences) if self._pending[s]]
        if not chosen:
            return
        policy = self.plan.policy
        portions = []
        for sequence in chosen:
            memory = self._memories[sequence]
            ids = self._tensor(self._pending[sequence])
            self._pending[sequence] = []
            memory.uncompressed += len(ids)
            due = policy is not None and policy.when == "chunk" and memory.uncompressed >= self.chunk
            if due:
                memory.uncompressed = 0
            portions.append(Portion(memory=memory, ids=ids, compress=due))
        ends = torch.tensor([len(portion.ids) for portion in portions]).cumsum(0) - 1
        for sequence, logits in zip(chosen, self._engine.forward(portions, ends.tolist()), strict=True):
            self._next[sequence] = logits

    def _forward(
        self, ids: list[Tensor], *, every: bool, progress: Callable[[Progress], None] | None
    ) -> list[Tensor]:
        """Passes tokens through the model chunk by chunk; returns all logits if `every`, else remembers the last."""
        policy = self.plan.policy
        each_chunk = policy is not None and policy.when == "chunk"
        if not each_chunk:
            for memory, tokens in zip(self._memories, ids, strict=True):
                self._engine.reserve(memory, len(tokens))
        total, began = sum(map(len, ids)), time.perf_counter()
        gathered, done, offset = [], 0, 0
        while any(offset < len(tokens) for tokens in ids):
            active = [s for s, tokens in enumerate(ids) if offset < len(tokens)]
            portions: list[Portion] = []
            keep: list[int] = []
            start = 0
            for sequence in active:
                part = ids[sequence][offset : offset + self.chunk]
                last = offset + self.chunk >= len(ids[sequence])
                compress = each_chunk or (policy is not None and last and not every)
                portions.append(Portion(memory=self._memories[sequence], ids=part, compress=compress))
                if compress:
                    self._memories[sequence].uncompressed = 0
                if every:
                    keep.extend(range(start, start + len(part)))
                elif last:
                    keep.append(start + len(part) - 1)
                start += len(part)
            logits = self._engine.forward(portions, keep)
            if every:
                gathered.append(logits)
                self._next[0] = logits[-1]
            else:
                finished = [s for s in active if offset + self.chunk >= len(ids[s])]
                for sequence, row in zip(finished, logits, strict=True):
                    self._next[sequence] = row
            offset += self.chunk
            done += start
            self._peak = max(self._peak, self._held())
            if progress is not None:
                progress(Progress(processed=done, total=total, seconds=time.perf_counter() - began))
        self._prefill += time.perf_counter() - began
        return gathered

    def _ids(self, conversation: Conversation, source: Source) -> list[int]:
        if isinstance(source, str):
            return conversation.text(source)
        if isinstance(source, Document):
            return conversation.documents([Span(source, 0, len(source.text))])
        if isinstance(source, Tensor):
            return conversation.tokens(source.tolist())
        spans = [each for each in source if isinstance(each, Span)]
        if spans:
            return conversation.documents(spans)
        return conversation.tokens([int(each) for each in source])  # type: ignore[arg-type]

    def _tensor(self, ids: Sequence[int] | Tensor) -> Tensor:
        tokens = torch.as_tensor(ids, dtype=torch.long, device=self._seam.device)
        vocabulary = self._seam.config.vocab_size
        if tokens.ndim != 1 or len(tokens) == 0:
            raise ValueError(f"ids has shape {list(tokens.shape)}, allowed is [n] with n of 1 or more")
        if int(tokens.min()) < 0 or int(tokens.max()) >= vocabulary:
            raise ValueError(
                f"ids has values {int(tokens.min())} .. {int(tokens.max())}, allowed 0 .. {vocabulary - 1}"
            )
        return tokens

    def _require(self, prompt: int, output: int) -> None:
        if self.window is not None and prompt + output > self.window:
            sizes = f"prompt {prompt:,} + output {output:,} tokens" if output else f"prompt {prompt:,} tokens"
            raise WindowExceeded(
                f"{sizes} > window {self.window:,}; raise it with positions=..., for example "
                f"positions=yarn(factor={-(-(prompt + output) // self._seam.window)}), or read only the best "
                "passages with --flow passages"
            )

    def _held(self) -> int:
        return self._ledger.held + sum(
            layer.summary_bytes for memory in self._memories for layer in memory.layers
        )

    def _usage(self, truncated_tokens: int) -> Usage:
        held = self._held()
        return Usage(
            prompt_tokens=self._read_tokens,
            generated_tokens=self._generated,
            kv_bytes=held,
            peak_kv_bytes=max(self._peak, self._ledger.peak, held),
            prefill_seconds=self._prefill,
            decode_seconds=self._decode,
            truncated_tokens=truncated_tokens,
        )
