"""What a policy does with all layers of a sequence, once a pass is through, or on what was read without it."""

from __future__ import annotations

import time
from collections import abc

import torch

from longspan.policies.allocators.base import ModelAllocator
from longspan.policies.base import Policy
from longspan.running.acting import act, learn, scored
from longspan.running.engine import Engine
from longspan.running.inputs import rows_among
from longspan.running.moments import Portion
from longspan.running.passing import run_alone
from longspan.running.scenes import between
from longspan.running.sequence import Sequence
from longspan.scene import Notes, Scene


@torch.inference_mode()
def compress(sequence: Sequence) -> None:
    """Lets the policy of a sequence act on what was read, after rehearsing what it asks for."""
    engine = sequence.engine
    if engine.policy is None or sequence.run == 0:
        return
    rehearse(sequence, engine)
    notes = Notes()
    scenes = [between(sequence, layer, notes) for layer in engine.full_layers]
    if isinstance(engine.policy.allocator, ModelAllocator):
        _act_together(sequence, scenes, engine.policy, engine.policy.allocator)
    else:
        for scene in scenes:
            act(sequence, scene)
    for scene in scenes:
        if sequence.layers[scene.layer].store.learning:
            learn(sequence, scene)
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
    sequence: Sequence, scenes: abc.Sequence[Scene], policy: Policy, allocator: ModelAllocator
) -> None:
    """Scores all layers before any of them loses an entry."""
    budget = policy.limit(sequence.run, len(sequence.asked))
    layers = [sequence.layers[scene.layer] for scene in scenes]
    stores = [layer.store for layer in layers]
    above = sum(sum(store.lengths) for store in stores) > budget * sum(store.heads for store in stores)
    if not (above or policy.choosy):
        return
    scores = [policy.ranked(scored(sequence, scene, policy), budget) for scene in scenes]
    must = max(int(layer.isposinf().sum(1).max()) for layer in scores)
    shares = allocator.shares(scores, max(budget, must)) if above else [None] * len(scores)
    for scene, layer, ranks, granted in zip(scenes, layers, scores, shares, strict=True):
        view = scored(sequence, scene, policy)
        policy.evict(layer.store, view, ranks, policy.counts(granted, ranks, view))
        layer.changed()
