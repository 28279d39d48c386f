"""Texts that are read side by side behind what they share, and then become one, or speak as one."""

from __future__ import annotations

from collections import abc
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from longspan import parts
from longspan.conversation import Conversation
from longspan.errors import PlanError
from longspan.notation import parse_call
from longspan.positions.base import Raised
from longspan.running.engine import Engine
from longspan.running.inputs import comparable
from longspan.running.sequence import Sequence
from longspan.running.source import Prompt, checked
from longspan.running.spent import Spent
from longspan.store.joining import join
from longspan.store.ledger import Ledger
from longspan.windows.base import Windows


def windows_of(method: Windows | str) -> Windows:
    """The method that a text such as pcw(align=right) names. Raises UnknownMethod and PlanError."""
    found: Windows = parts.build("windows", parse_call(method)) if isinstance(method, str) else method
    return found


@dataclass(frozen=True)
class Side:
    """What some texts become that are read side by side behind a conversation.

    shared: the tokens before all of them, which are read once. back: how many pending tokens these take the place of.
    texts: the tokens of each, in the order in which they are read, each `begins` behind what is shared. shares: see
    `Windows.shares`. conversations: those that follow each.
    """

    method: Windows
    shared: list[int]
    back: int
    texts: list[list[int]]
    begins: list[int]
    shares: list[float] | None
    conversations: list[Conversation]

    @classmethod
    def of(
        cls, conversations: abc.Sequence[Conversation], sources: abc.Sequence[Any], method: Windows | str
    ) -> Self | None:
        """Texts, documents, parts of documents or token ids, one for each window; None for a single one.

        method: also as a text. Raises ValueError for more than one conversation, and where there is nothing to read.
        """
        chosen = windows_of(method)
        if len(conversations) > 1:
            raise ValueError(
                f"windows are read behind one text, and here are {len(conversations)}; open a session with size=1, and "
                "use window-ensemble once"
            )
        if not isinstance(sources, list | tuple) or not sources or isinstance(sources[0], int):
            raise ValueError("sources is no list of texts, documents or token ids; give one for each window")
        if len(sources) == 1:
            return None
        past = conversations[0].fork()
        past.commit()
        prompt = Prompt.of([past] * len(sources), list(sources))
        whole = [ids + held for ids, held in zip(prompt.ids, prompt.held, strict=True)]
        opening = min(each.opening for each in prompt.conversations)
        alike = [len(set(some)) == 1 for some in zip(*(ids[:opening] for ids in whole), strict=True)]
        cut = alike.index(False) if False in alike else len(alike)
        texts = [ids[cut:] for ids in whole]
        for number, ids in enumerate(texts):
            if not ids:
                raise ValueError(f"window {number} has no tokens of its own; give a text that is not empty")
        order, lengths = chosen.order([comparable(ids) for ids in texts]), list(map(len, texts))
        begins, shares = chosen.begins(lengths), chosen.shares(lengths)
        for each in prompt.conversations:
            each.commit()
        return cls(
            chosen,
            whole[0][:cut],
            prompt.back[0],
            [texts[number] for number in order],
            [begins[number] for number in order],
            None if shares is None else [shares[number] for number in order],
            [prompt.conversations[number] for number in order],
        )

    @property
    def reach(self) -> int:
        """How many positions they take, with what they share."""
        return (
            len(self.shared) - self.back + max(map(sum, zip(self.begins, map(len, self.texts), strict=True)))
        )

    def check(self, engine: Engine) -> None:
        """Raises PlanError for a plan or a model under which they cannot be read, ValueError for wrong tokens."""
        for ids in (self.shared, *self.texts):
            if ids:
                checked(ids, engine.seam.config.vocab_size, engine.seam.config.hidden_size)
        name = parts.name_of("windows", self.method)
        if self.shares is not None:
            if engine.plan.decode is not None:
                raise PlanError(
                    f"{name} draws from several texts, and decode=... drafts for one; leave it out"
                )
            return
        if engine.seam.recurrent:
            raise PlanError(
                f"{name} joins texts, and recurrent layers of this model hold a state that cannot be joined; use "
                "window-ensemble"
            )
        for slot, why in _unfit(engine):
            raise PlanError(
                f"{slot}={parts.text_of(slot, getattr(engine.plan, slot))} {why}, and {name} joins several; leave it "
                "out, or use window-ensemble"
            )
        if engine.parts.trackings:
            raise PlanError(
                f"a policy of forks=... watches every query of one text, and {name} joins several; leave it out"
            )

    def begun(self, base: Sequence, ledger: Ledger) -> list[Sequence]:
        """A sequence for each text, behind what they share, which has to read it."""
        return [
            _begun(base, ledger, ids, begin, conversation)
            for ids, begin, conversation in zip(self.texts, self.begins, self.conversations, strict=True)
        ]

    def told(self) -> list[Any]:
        """What a history says of it."""
        return ["windows", parts.text_of("windows", self.method), list(map(len, self.texts))]


def _unfit(engine: Engine) -> abc.Iterator[tuple[str, str]]:
    """Slots of parts that know only one text, and why."""
    plan = engine.plan
    if engine.scheme.by_rank:
        yield "positions", "counts positions by the entries of one text"
    if plan.policy is not None:
        if plan.policy.tracking is not None:
            yield "policy", "watches every query of one text"
        if plan.policy.guided or plan.policy.rehearses:
            yield "policy", "goes by the question while it reads one text, or reads it again"
        if plan.policy.disposer.rest() is not None:
            yield "policy", "keeps entries of one text elsewhere"
    if plan.selector is not None and plan.selector.surprised:
        yield "selector", "goes by how surprising each token of one text is"


def _begun(
    base: Sequence, ledger: Ledger, ids: list[int], begin: int, conversation: Conversation
) -> Sequence:
    window = base.fork(ledger)
    window.conversation, window.spent = conversation, Spent()
    window.shift += begin
    for layer in window.layers:
        layer.store.skip(begin)
    window.take(ids)
    return window


def joined(windows: abc.Sequence[Sequence], start: int, side: Side, ledger: Ledger) -> Sequence:
    """One sequence of several that have read their texts from position `start` on; they are released.

    It goes on behind the farthest of them. Nothing was said that all of them know, so no logits are there.
    """
    first = windows[0]
    found = first.fork(ledger)
    common = len(first.ids) - len(side.texts[0])
    for number, (layer, window) in enumerate(zip(found.layers, found.engine.windows, strict=True)):
        stores = [each.layers[number].store for each in windows]
        join(layer.store, stores[1:], start, by_position=window is not None)
        layer.changed()
        layer.recent, layer.unwatched, layer.allocation = [], [], None
        for store in stores:
            store.release()
    found.ids = [*first.ids[:common], *(token for ids in side.texts for token in ids)]
    end = max(each.end for each in windows)
    found.shift = end - len(found.ids)
    by = side.method.raised(len(windows))
    found.raised = Raised(end, by) if by else None
    found.upcoming, found.uncompressed, found.rehearsed = None, 0, {}
    found.conversation = together(side.conversations)
    for each in windows:
        each.release()
    return found


def together(conversations: abc.Sequence[Conversation]) -> Conversation:
    """One that goes on behind the last of several that began alike, and holds the spans of all."""
    found = conversations[-1].fork()
    found.spans = list(dict.fromkeys(span for each in conversations for span in each.spans))
    return found


def mixed(rows: abc.Sequence[Tensor], shares: abc.Sequence[float]) -> Tensor:
    """Logs of a weighted mean of distributions, fp32, given logits `[..., vocab]` of each."""
    logs = torch.stack([each.float().log_softmax(-1) for each in rows])
    weights = torch.tensor(shares, device=logs.device).log()
    return (logs + weights.view(-1, *[1] * (logs.dim() - 1))).logsumexp(0)
