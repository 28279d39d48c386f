"""The contract of a flow: how a question about documents becomes messages to a model, and an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from longspan.flows.chat import Chat
from longspan.running.generation import Generation
from longspan.spans import Answer, Document
from longspan.usage import Usage


def together(usages: Sequence[Usage], truncated_tokens: int = 0) -> Usage:
    """What several replies took, one after the other: sums, and the most bytes of any."""
    seconds = sum(each.decode_seconds for each in usages)
    return Usage(
        prompt_tokens=sum(each.prompt_tokens for each in usages),
        generated_tokens=sum(each.generated_tokens for each in usages),
        kv_bytes=max((each.kv_bytes for each in usages), default=0),
        peak_kv_bytes=max((each.peak_kv_bytes for each in usages), default=0),
        prefill_seconds=sum(each.prefill_seconds for each in usages),
        decode_seconds=seconds,
        truncated_tokens=truncated_tokens,
        offloaded_bytes=max((each.offloaded_bytes for each in usages), default=0),
        drafted_tokens=sum(each.drafted_tokens for each in usages),
        accepted_tokens=sum(each.accepted_tokens for each in usages),
        draft_gain=sum(each.draft_gain * each.decode_seconds for each in usages) / seconds
        if seconds
        else 1.0,
    )


def _nobody(said: str) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Events:
    """Whom a flow tells what it does, and how it is to answer; by default nobody, greedily.

    step: a line for people on what the flow does next, such as what it reads and what it leaves out. stream: the final
    answer, piece by piece. generation: how the final answer is drawn and where it ends, as for `Session.generate`.
    """

    step: Callable[[str], None] = _nobody
    stream: Callable[[str], None] = _nobody
    generation: Generation = field(default_factory=lambda: Generation())


@dataclass(frozen=True, kw_only=True)
class Flow(ABC):
    """Base of all flows, a method whose parameters are fields, such as `best-passages(tokens=2000)`.

    A flow is written against `Chat`, so that it runs with a model of this process under any plan, and with any server.
    """

    @abstractmethod
    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """The answer to a question about documents.

        Its citations are those of `spans.cite` with the spans that the model was shown, so that every quote is checked;
        its usage is that of all replies together, `together`, with the tokens of the documents that were shown to no
        model as truncated_tokens: nothing is left out in silence. Raises WindowExceeded where it cannot make it fit.
        """
