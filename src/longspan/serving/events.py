"""What comes of a request, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from longspan.spans import Citation
from longspan.spans.logprobs import Logprobs

Why = Literal["stop", "length", "tool_calls"]


@dataclass(frozen=True, kw_only=True)
class Read:
    """How far reading has come: of `total` tokens, `cached` were known before; seconds since it began."""

    processed: int
    total: int
    cached: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Echoed:
    """Tokens of the prompt with how likely they were, where that was asked for; the first has no likelihood.

    index: of the first answer to this prompt.
    """

    index: int = 0
    tokens: tuple[bytes, ...]
    logprobs: tuple[Logprobs | None, ...]


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """Text of an answer, never half a character or the beginning of a stop string.

    index: of which answer. reasoning: whether it is thought and not said. logprobs: of the tokens that it stands for.
    tokens: how many were drawn since the text before it, 0 where nobody knows.
    """

    index: int
    text: str
    reasoning: bool = False
    logprobs: tuple[Logprobs, ...] = ()
    tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Called:
    """A call of a function, or more of its arguments.

    index: of which answer. number: which call of it, from 0. id, name: given with its first piece, else "".
    arguments: a piece of JSON.
    """

    index: int
    number: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An answer is whole. stop: the stop string that ended it. citations: quotes of it, checked against documents."""

    index: int
    why: Why
    stop: str | None = None
    complete: bool = True
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Used:
    """What all of a request took.

    prompt_tokens: of the prompt, of which `cached_tokens` had been read before. reasoning_tokens: of those generated.
    bytes_held: of keys and values when it ended. seconds: waiting, reading, generating.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    reasoning_tokens: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    truncated_tokens: int = 0
    bytes_held: int = 0
    queue_seconds: float = 0.0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Done:
    """Nothing more comes. notes: what a flow or the server has to say, a line each."""

    used: Used
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Made:
    """A context has been made, or a conversation compacted into one. id: by which requests name it."""

    id: str


Event = Read | Echoed | Spoken | Called | Ended | Made | Done
