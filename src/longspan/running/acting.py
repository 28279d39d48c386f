"""What policies, trackers and codecs do in a layer once its entries are stored."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from longspan.policies.base import Policy
from longspan.policies.view import View
from longspan.running import moments
from longspan.running.moments import Portion
from longspan.running.sequence import Sequence
from longspan.running.view import last_queries, view_of
from longspan.scene import Scene
from longspan.store.layer import Leaving

# Queries of generated tokens are shown to trackers this many at a time.
_WATCH = 64


def after_layer(portion: Portion, index: int, query: Tensor, leaving: Leaving) -> None:
    """What the parts do in a layer whose entries up to the portion's last are stored.

    query `[heads, n, dim]`: raw, of the tokens that are there. leaving: asked before entries are encoded.
    """
    sequence = portion.sequence
    engine, layer, seen = sequence.engine, sequence.layers[index], sequence.place + len(portion.ids)
    window = engine.windows[index]
    if window is not None:
        if layer.store.lengths[0] >= 2 * window:
            layer.store.forget_before(seen - window + 1)
        return
    layer.observe(query, engine.observed)
    _watch(portion, index, query)
    if moments.acts_after_pass(portion):
        return
    if portion.acts:
        held = sum(layer.store.lengths)
        act(sequence, portion.scene(index))
        if not portion.reading:  # the tokens to come get the room of those that went
            layer.store.reserve((held - sum(layer.store.lengths)) // layer.store.heads)
    if layer.store.learning and moments.learns(layer.store.form, portion):
        learn(sequence, portion.scene(index), leaving)


def act(sequence: Sequence, scene: Scene) -> None:
    """Lets the policy act on the layer of a scene."""
    policy = sequence.engine.policy
    if policy is not None:
        layer = sequence.layers[scene.layer]
        held = layer.store.lengths
        policy.compress(layer.store, scored(sequence, scene, policy))
        if layer.store.lengths != held:
            layer.changed()


def learn(sequence: Sequence, scene: Scene, leaving: Leaving | None = None) -> None:
    """Lets the codec's form of one layer learn from what is stored. leaving: asked before entries are encoded."""
    codec = sequence.engine.codec
    view = last_queries(sequence, scene, codec.observed if codec else 0)
    sequence.layers[scene.layer].store.learn(view.queries, leaving)


def watch_rehearsal(portion: Portion, index: int, query: Tensor, fresh: tuple[Tensor, Tensor]) -> None:
    """Shows a rehearsal to the tracker of the policy. fresh: its keys and values, which are not stored."""
    sequence, scene = portion.sequence, portion.scene(index)
    catch_up(sequence, scene)
    policy = sequence.engine.policy
    tracking = policy.tracking if policy else None
    if tracking is None:
        return
    view = view_of(sequence, scene, query, start=scene.seen, tracking=tracking, fresh=fresh)
    sequence.layers[index].trackers[tracking].watch(view, query, rehearsed=True)


def scored(sequence: Sequence, scene: Scene, policy: Policy) -> View:
    """What a policy's scorer sees of the layer of a scene."""
    catch_up(sequence, scene)
    layer = sequence.layers[scene.layer]
    layer.allocation = layer.allocation or policy.allocator.state()
    return last_queries(sequence, scene, policy.observed, policy.tracking)


def catch_up(sequence: Sequence, scene: Scene) -> None:
    """Shows trackers the queries that they have not seen yet."""
    layer, engine = sequence.layers[scene.layer], sequence.engine
    if not layer.unwatched:
        return
    query = torch.cat(layer.unwatched, 1)
    layer.unwatched = []
    for tracking, tracker in layer.trackers.items():
        began = time.perf_counter()
        view = view_of(sequence, scene, query, start=scene.seen - query.shape[1], tracking=tracking)
        tracker.watch(view, query, rehearsed=False)
        engine.watch_seconds[tracking] += time.perf_counter() - began


def _watch(portion: Portion, index: int, query: Tensor) -> None:
    """Shows the queries of stored tokens to the trackers of a layer, a few single ones together."""
    layer = portion.sequence.layers[index]
    if not layer.trackers:
        return
    layer.unwatched.append(query.clone() if query.shape[1] < _WATCH else query)
    if sum(part.shape[1] for part in layer.unwatched) >= _WATCH:
        catch_up(portion.sequence, portion.scene(index))
