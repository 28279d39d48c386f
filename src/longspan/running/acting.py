"""What policies, trackers and codecs do in a layer once its entries are stored."""

from __future__ import annotations

import time
from dataclasses import replace

import torch
from torch import Tensor

from longspan.policies.base import Policy
from longspan.policies.view import View
from longspan.running import moments
from longspan.running.moments import Portion
from longspan.running.sequence import Sequence
from longspan.store.layer import Leaving

# Queries of generated tokens are shown to trackers this many at a time.
_WATCH = 64


def after_layer(portion: Portion, index: int, query: Tensor, leaving: Leaving) -> None:
    """What the parts do in a layer whose entries up to the portion's last are stored.

    query `[heads, n, dim]`: raw, of the tokens that are there. leaving: asked before entries are encoded.
    """
    sequence = portion.sequence
    engine, layer, seen = sequence.engine, sequence.layers[index], sequence.run + len(portion.ids)
    window = engine.windows[index]
    if window is not None:
        if layer.store.lengths[0] >= 2 * window:
            layer.store.forget_before(seen - window + 1)
        return
    layer.observe(query, engine.observed)
    _watch(sequence, index, query, seen)
    if moments.acts_after_pass(portion):
        return
    if portion.acts:
        held = sum(layer.store.lengths)
        act(sequence, index, seen, portion)
        if not portion.reading:  # the tokens to come get the room of those that went
            layer.store.reserve((held - sum(layer.store.lengths)) // layer.store.heads)
    if layer.store.learning and moments.learns(layer.store.form, portion):
        learn(sequence, index, seen, leaving)


def act(sequence: Sequence, index: int, seen: int, passing: Portion | None = None) -> None:
    """Lets the policy act on one layer of a sequence that has seen so many tokens. passing: those not run yet."""
    policy = sequence.engine.policy
    if policy is not None:
        layer = sequence.layers[index]
        held = layer.store.lengths
        policy.compress(layer.store, view_of(sequence, index, seen, policy, passing))
        if layer.store.lengths != held:
            layer.changed()


def learn(sequence: Sequence, index: int, seen: int, leaving: Leaving | None = None) -> None:
    """Lets the codec's form of one layer learn from what is stored. leaving: asked before entries are encoded."""
    engine, layer = sequence.engine, sequence.layers[index]
    view = engine.viewer.last(
        layer,
        index,
        sequence.positions(seen),
        rope=sequence.rope(index, seen),
        seen=seen,
        observed=engine.codec.observed if engine.codec else 0,
    )
    layer.store.learn(view.queries, leaving)


def watch_rehearsal(sequence: Sequence, index: int, query: Tensor, fresh: tuple[Tensor, Tensor]) -> None:
    """Shows a rehearsal to the tracker of the policy. fresh: its keys and values, which are not stored."""
    catch_up(sequence, index, sequence.run)
    engine, layer = sequence.engine, sequence.layers[index]
    tracking = engine.policy.tracking if engine.policy else None
    if tracking is None:
        return
    end = sequence.run + query.shape[1]
    view = engine.viewer.of(
        layer,
        index,
        sequence.positions(end),
        query,
        rope=sequence.rope(index, end),
        start=sequence.run,
        seen=sequence.run,
        tracking=tracking,
        asked=sequence.asked,
        fresh=fresh,
    )
    layer.trackers[tracking].watch(view, query, rehearsed=True)


def view_of(
    sequence: Sequence, index: int, seen: int, policy: Policy, passing: Portion | None = None
) -> View:
    """What a policy's scorer sees of a layer. passing: the last of the tokens that were seen, if they run just now."""

    def text() -> list[int]:
        return sequence.ids if passing is None else [*sequence.ids, *passing.tokens]

    catch_up(sequence, index, seen)
    layer = sequence.layers[index]
    layer.allocation = layer.allocation or policy.allocator.state()
    view = sequence.engine.viewer.last(
        layer,
        index,
        sequence.positions(seen),
        rope=sequence.rope(index, seen),
        seen=seen,
        observed=policy.observed,
        tracking=policy.tracking,
        rounds=sequence.rounds,
        asked=sequence.asked,
    )
    return replace(view, text=text)


def catch_up(sequence: Sequence, index: int, seen: int) -> None:
    """Shows trackers the queries that they have not seen yet."""
    layer, engine = sequence.layers[index], sequence.engine
    if not layer.unwatched:
        return
    query = torch.cat(layer.unwatched, 1)
    layer.unwatched = []
    for tracking, tracker in layer.trackers.items():
        began = time.perf_counter()
        view = engine.viewer.of(
            layer,
            index,
            sequence.positions(seen),
            query,
            rope=sequence.rope(index, seen),
            start=seen - query.shape[1],
            seen=seen,
            tracking=tracking,
        )
        tracker.watch(view, query, rehearsed=False)
        engine.watch_seconds[tracking] += time.perf_counter() - began


def _watch(sequence: Sequence, index: int, query: Tensor, seen: int) -> None:
    """Shows the queries of stored tokens to the trackers of a layer, a few single ones together."""
    layer = sequence.layers[index]
    if not layer.trackers:
        return
    layer.unwatched.append(query.clone() if query.shape[1] < _WATCH else query)
    if sum(part.shape[1] for part in layer.unwatched) >= _WATCH:
        catch_up(sequence, index, seen)
