"""What a question gets back: the text, the citations for it, and what it cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from longspan.spans.citations import Citation
from longspan.spans.claims import Claim
from longspan.spans.document import Span
from longspan.spans.logprobs import Logprobs

if TYPE_CHECKING:
    from longspan.usage import Usage


_BEGIN, _END = "<think>", "</think>"


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A part of a document that no model was shown, and why."""

    span: Span
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; offsets count characters of the document's text, the end is exclusive."""
        span = self.span
        return {"document": span.document.name, "start": span.start, "end": span.end, "reason": self.reason}


@dataclass(frozen=True)
class Answer:
    """An answer, its citations and its cost.

    reasoning: what the model said in ``<think>`` before it answered; it is not cited. logprobs: how likely each token
    was that was said, reasoning and end included, if it was asked for. complete: False only where a form was asked for
    and the answer ended before it was of that form. claims: its sentences with what each rests on, where the flow says
    so. unread: what a flow meant to read and could not.
    """

    text: str
    citations: tuple[Citation, ...]
    usage: Usage
    reasoning: str = ""
    logprobs: tuple[Logprobs, ...] = ()
    complete: bool = True
    claims: tuple[Claim, ...] = ()
    unread: tuple[Unread, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON has it: ``text``, ``citations`` and ``usage``; ``reasoning``, ``logprobs`` if any,
        and ``complete`` where it is not, ``claims`` and ``unread``."""
        found: dict[str, Any] = {"reasoning": self.reasoning} if self.reasoning else {}
        found |= {"text": self.text, "citations": [asdict(citation) for citation in self.citations]}
        if not self.complete:
            found["complete"] = False
        if self.logprobs:
            found["logprobs"] = [each.to_dict() for each in self.logprobs]
        for name, held in (("claims", self.claims), ("unread", self.unread)):
            if held:
                found[name] = [each.to_dict() for each in held]
        return found | {"usage": self.usage.to_dict()}


def split_reasoning(said: str, *, begun: bool = False, exact: bool = False) -> tuple[str, str]:
    """Reasoning and answer in what a model said: the answer is what follows ``</think>``.

    begun: whether the prompt ends within the reasoning. Without its end, all is reasoning; what has no
    ``<think>`` at its beginning is an answer. exact: the answer keeps its blanks, but for line breaks that follow
    ``</think>``.
    """
    text = said.strip()
    if not (begun or text.startswith(_BEGIN)):
        return "", said if exact else text
    reasoning, _, answer = said.lstrip().removeprefix(_BEGIN).partition(_END)
    return reasoning.strip(), answer.lstrip("\r\n") if exact else answer.strip()
