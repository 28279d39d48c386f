"""What a client asks, whatever protocol it speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from longspan.running.generation import Generation
from longspan.spans import Document

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function that a model may call. parameters: its arguments as a JSON schema. strict: whether arguments are held
    to it."""

    name: str
    about: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False


@dataclass(frozen=True, kw_only=True)
class FunctionCall:
    """A call that the assistant made. arguments: JSON, as it was written."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What somebody said.

    documents: shown before the text. calls: of the assistant. answers: the id of the call to which a tool's turn is
    the answer. reasoning: what the assistant thought before, which templates may drop.
    """

    role: Role
    text: str = ""
    documents: tuple[Document, ...] = ()
    calls: tuple[FunctionCall, ...] = ()
    answers: str = ""
    reasoning: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request.

    owner: who asks, by a digest of the key; nothing is shared between owners. turns: the dialogue, or prompt: text or
    token ids that the model goes on with as they are. prefill: whether a last turn of the assistant is gone on with.
    functions, choice: what may be called, and whether that is up to the model, must be, must not be, or is one by name;
    parallel: whether several may be called. generation: as for `Session.generate`. count: how many answers. context:
    the id of what was read before. plan, flow: as the command has them, None for the server's own. cite: whether quotes
    are checked. echo, with its likelihoods, for prompts only: whether the prompt's tokens are told. seconds: how long
    it may take, None for the server's limit.
    """

    owner: str
    model: str | None = None
    turns: Sequence[Turn] = ()
    prompt: str | Sequence[int] | None = None
    prefill: bool = False
    functions: Sequence[Function] = ()
    choice: str = "auto"
    """"auto", "required", "none", or the name of a function with "=" before it."""
    parallel: bool = True
    generation: Generation = field(default_factory=lambda: Generation())
    count: int = 1
    context: str | None = None
    plan: str | None = None
    flow: str | None = None
    cite: bool = True
    echo: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Of the chat template, such as enable_thinking."""
    seconds: float | None = None
