"""How little a model expects each token of a text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from longspan.conversation import begin_ids
from longspan.plan import Plan
from longspan.retrieval.judge import Judge
from longspan.running.looking import read_usage
from longspan.session import Session
from longspan.spans import Document, Tokens, tokenize

if TYPE_CHECKING:
    from longspan.model import Model

_ROWS = 128  # tokens whose logits over the whole vocabulary are held at a time


def surprises(judge: Judge, document: Document, window: int) -> tuple[Tokens, list[float]]:
    """The tokens of a document, and for each −ln p behind those before it, in nats.

    window: tokens that are read together at most, beginning with the last quarter of those before them, whose own
    surprises are known. A first token behind nothing is as surprising as the others are on average.
    """
    model, plan, longest = model_of(judge), plan_of(judge), longest_of(judge)
    tokens = tokenize(model.tokenizer, document.text, plain=True)
    begin, found = begin_ids(model.tokenizer), list[float]()
    window = window if longest is None else min(window, longest - len(begin))
    while len(found) < len(tokens):
        first = max(0, len(found) - window // 4)
        piece = tokens.ids[first : first + window]
        began = time.perf_counter()
        with model.session(plan) as session:
            known = losses(session, [*begin, *piece])[-len(piece) :]
            judge.spent(read_usage(len(begin) + len(piece), time.perf_counter() - began))
        if not found and len(known) < len(piece):
            known = [sum(known) / max(1, len(known)), *known]
        found += known[len(known) - (first + len(piece) - len(found)) :]
    return tokens, found


def losses(session: Session, ids: Sequence[int]) -> list[float]:
    """−ln p of each token but the first, or of all where the session has just read something, in nats."""
    before = session.next_logits[None] if session.seen[0] else None
    found: list[float] = []
    for start in range(0, len(ids), _ROWS):
        some = ids[start : start + _ROWS]
        rows = session.logits(some)
        said = rows[:-1] if before is None else torch.cat([before, rows[:-1]])
        found += _unlikely(said, some[len(some) - len(said) :])
        before = rows[-1:].clone()
    return found


def model_of(judge: Judge) -> Model:
    """The model into which is looked."""
    if judge.model is None:
        raise ValueError("no model is given that says how likely tokens are; give one of this process")
    return judge.model


def longest_of(judge: Judge) -> int | None:
    """Tokens that the model reads together, None where no bound is known."""
    model, positions = model_of(judge), plan_of(judge).positions
    return model.window if positions is None else positions.window(model.window)


def plan_of(judge: Judge) -> Plan:
    """What counts of a judge's plan while a text is looked at: its positions."""
    return Plan(positions=judge.plan.positions if judge.plan else None)


def _unlikely(logits: Tensor, ids: Sequence[int]) -> list[float]:
    logs = logits.float().log_softmax(-1)
    chosen = logs.gather(1, torch.tensor([*ids], device=logits.device)[:, None])
    return [-each for each in chosen[:, 0].tolist()]
