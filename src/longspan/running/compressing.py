"""What a policy does with all layers of a sequence, once a pass is through, or on what was read without it."""

from __future__ import annotations

import time
from collections import abc

import torch

from longspan.policies.allocators.base import ModelAllocator
from longspan.policies.base import Policy
from longspan.running.acting import act, learn, view_of
from longspan.running.attention_state import AttentionState
from longspan.running.engine import Engine
from longspan.running.inputs import rows_among
from longspan.running.moments import Portion
from longspan.running.passing import run_alone
from longspan.running.sequence import Sequence


@torch.inference_mode()
def compress(sequence: Sequence) -> None:
    """Lets the policy of a sequence act on what was read, after rehearsing what it asks for."""
    engine = sequence.engine
    if engine.policy is None or sequence.run == 0:
        return
    rehearse(sequence, engine)
    layers = [(index, sequence.layers[index]) for index in engine.full_layers]
    if isinstance(engine.policy.allocator, ModelAllocator):
        _act_together(sequence, layers, engine.policy, engine.policy.allocator)
    else:
        for index, _ in layers:
            act(sequence, index, sequence.run)
    for index, layer in layers:
        if layer.store.learning:
            learn(sequence, index, sequence.run)
    sequence.uncompressed, sequence.rehearsed = 0, {}


def rehearse(sequence: Sequence, engine: Engine) -> float:
    """Has the model read what a policy asks for, and forget it again, unless that was done already.

    engine: of the policy's plan. Returns the seconds that it took when it was done already, which are saved now.
    """
    policy = engine.policy
    if policy is None or not policy.rehearses:
        return 0.0
    texts = tuple(tuple(ids) for ids in policy.rehearsals(sequence.script()))
    done = (policy.tracking, texts)
    if not texts or done in sequence.rehearsed:
        return sequence.rehearsed.get(done, 0.0)
    began = time.perf_counter()
    own, sequence.engine = sequence.engine, engine
    try:
        for ids in texts:
            tokens = torch.tensor(ids, dtype=torch.long, device=engine.seam.device)
            run_alone(
                Portion(sequence=sequence, ids=tokens, rehearsed=True, rows=rows_among(ids)),
                [len(tokens) - 1],
            )
    finally:
        sequence.engine = own
    sequence.rehearsed[done] = time.perf_counter() - began
    return 0.0


def _act_together(
    sequence: Sequence,
    layers: abc.Sequence[tuple[int, AttentionState]],
    policy: Policy,
    allocator: ModelAllocator,
) -> None:
    """Scores all layers before any of them loses an entry."""
    budget = policy.limit(sequence.run, len(sequence.asked))
    stores = [layer.store for _, layer in layers]
    above = sum(sum(store.lengths) for store in stores) > budget * sum(store.heads for store in stores)
    if not (above or policy.choosy):
        return
    scores = [policy.ranked(view_of(sequence, index, sequence.run, policy), budget) for index, _ in layers]
    must = max(int(layer.isposinf().sum(1).max()) for layer in scores)
    shares = allocator.shares(scores, max(budget, must)) if above else [None] * len(scores)
    for (index, layer), ranks, granted in zip(layers, scores, shares, strict=True):
        view = view_of(sequence, index, sequence.run, policy)
        policy.evict(layer.store, view, ranks, policy.counts(granted, ranks, view))
        layer.changed()
