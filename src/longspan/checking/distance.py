"""Layer by layer, whether tokens far behind are attended to as a layer's facts say.

A few tokens are run behind a long text that nobody read: made-up keys and values in the cache of `transformers`, whose
scores have some spread. So a network's own attention shows what it does over long distances, at the price of a short
pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from longspan.checking.layerwise import relative_error, stated
from longspan.loading.reason import reason
from longspan.seam.borrowing import WITHOUT_MEANING, Borrowing, Call
from longspan.seam.facts import Layer, UnfitError
from longspan.seam.layouts import Turned, turned_by
from longspan.seam.ropes import unchanging
from longspan.seam.seam import Seam
from longspan.seam.watching import Handed, Watched, calls, handed_with, turned

_FARTHEST = 1024
_TOKENS = 8
# How far apart in the same draws the numbers of two layers begin; no multiple of a head's size.
_STRIDE = 127
# How wide scores of made-up keys are spread.
_SPREAD = 3.0
# What a layer gives, with its own attention and by its facts, and what it hands over, may differ by so much.
_ALLOWED, _ALLOWED_IN_LOW_PRECISION = 1e-3, 0.03
# In low precision, or so many times as much as its own attention is off.
_TIMES = 3.0


def check_distance(seam: Seam, seen: Watched) -> None:
    """Raises UnsupportedModel for a layer that does something else where much lies before its tokens.

    seen: what the network handed over for a short prompt. In low precision, where logits show less, the layers are
    also compared with nothing before.
    """
    ids = seam.probe[:_TOKENS]
    far = min(seam.window, unchanging(seam.config), _FARTHEST) - len(ids)
    befores = [before for before in (far, 0) if before > 0 or seam.dtype.itemsize <= 2]
    try:
        for before in befores:
            with seam.borrowing.once():
                _check_behind(seam.borrowing, seam.layers, seen, ids, before)
    except UnfitError as error:
        raise seam.unsupported(str(error)) from error
    except (RuntimeError, TypeError, ValueError, AttributeError, LookupError) as error:
        raise seam.unsupported(f"a forward pass behind a cache failed: {reason(error)}") from error


def _check_behind(
    borrowing: Borrowing, layers: Sequence[Layer], seen: Watched, ids: Tensor, before: int
) -> None:
    before = max(before, 0)
    draws = _Draws()
    pasts = [_Past(call, before, draws) for call in seen.raw]
    modules = [handed.module for handed in seen.handed]
    positions = torch.arange(before, before + len(ids), device=ids.device)
    given: list[Tensor] = []
    allowed: list[float] = []

    def attend(handed: Handed) -> Tensor:
        number = len(given)
        _check_past(number, handed, pasts[number])
        _check_keywords(number, handed, seen.handed[number])
        both, value = (
            Turned(query=handed.query[0].float(), key=handed.key[0].float()),
            handed.value[0].float(),
        )
        out = stated(both, value, layers[number], seen.raw[number].softmax.sinks).to(handed.query.dtype)
        given.append(out)
        allowed.append(_allowed(handed.value, _noise(handed, both, value, seen.implementation)))
        return out.transpose(0, 1)[None].contiguous()

    with _outputs(modules) as by_facts:
        handed = handed_with(borrowing, ids, positions, _cache(pasts, borrowing), attend)
    raw = calls(borrowing, ids, positions, rotating=False, attend=lambda call: given[call.layer])
    for number, (layer, call, theirs) in enumerate(zip(layers, raw, handed, strict=True)):
        _check_handed(number, layer, call, theirs, positions)
    with borrowing.attending(seen.implementation), _outputs(modules, by_facts) as own:
        borrowing.run(ids, positions, positions[-1:] * 0, cache=_cache(pasts, borrowing))
    for number, (mine, its) in enumerate(zip(by_facts, own, strict=True)):
        if not (error := float(relative_error(mine.float(), its.float()).max())) <= allowed[number]:
            raise UnfitError(
                f"layer {number} attends, with {before:,} tokens before, otherwise than by its scale, window, soft cap "
                f"and sinks: its output is off by {error:.1e} of its size (allowed {allowed[number]:.0e})"
            )


def _noise(handed: Handed, both: Turned, value: Tensor, implementation: str) -> float:
    """How far a layer's own attention is in low precision from itself in fp32."""
    if handed.value.dtype.itemsize > 2:
        return 0.0
    exact = handed.attended(implementation, both, value)
    rounded = handed.attended(
        implementation, Turned(query=handed.query[0], key=handed.key[0]), handed.value[0]
    )
    return float((rounded.float() - exact).norm() / exact.norm().clamp(min=1e-9))


class _Draws:
    """Normal numbers, drawn once; each layer gets other stretches of them."""

    def __init__(self) -> None:
        self._drawn = torch.empty(0)

    def __call__(self, number: int, shape: Sequence[int]) -> Tensor:
        """The stretch of some number, in fp32."""
        start, size = _STRIDE * number, math.prod(shape)
        if start + size > len(self._drawn):
            generator = torch.Generator().manual_seed(0)
            self._drawn = torch.randn(2 * start + size + 64 * _STRIDE, generator=generator)
        return self._drawn[start : start + size].view(*shape)


class _Past:
    """The keys and values, `[1, kv_heads, n, dim]`, of a layer's tokens that nobody read; made when it hands over some.

    spread: of the keys, by which scores are as wide as they are to be.
    """

    def __init__(self, call: Call, count: int, draws: _Draws) -> None:
        size = call.query.float().square().sum(-1).mean().sqrt()
        self.spread = float(_SPREAD / (size * abs(call.softmax.scale)).clamp(min=1e-6))
        self.count, self.layer, self._draws = count, call.layer, draws
        self.pair: tuple[Tensor, Tensor] | None = None

    def like(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """For keys and values like these."""
        if self.pair is None:
            spreads = self.spread, float(value.float().std())
            keys, values = (
                (
                    spread
                    * self._draws(2 * self.layer + number, (*given.shape[:2], self.count, given.shape[-1]))
                )
                for number, (given, spread) in enumerate(zip((key, value), spreads, strict=True))
            )
            self.pair = keys.to(key), values.to(value)
        return self.pair


def _cache(pasts: Sequence[_Past], borrowing: Borrowing) -> Any:
    """What holds the pasts for transformers, layer by layer; recurrent layers do not look into it."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    class Behind(DynamicLayer):  # type: ignore[misc]
        def __init__(self, past: _Past) -> None:
            super().__init__()
            self._past = past

        def get_seq_length(self) -> int:
            return self._past.count

        def update(self, key: Tensor, value: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
            before = self._past.like(key, value)
            return torch.cat((before[0], key), -2), torch.cat((before[1], value), -2)

    cache = DynamicCache()
    numbers = map(borrowing.number, range(borrowing.layers))
    cache.layers = [Behind(pasts[number or 0]) for number in numbers]
    cache.layer_class_to_replicate = None
    return cache


def _check_past(number: int, handed: Handed, past: _Past) -> None:
    """A layer attends to the keys and values of its cache, for which it may repeat heads."""
    for its, given in zip((handed.key, handed.value), past.pair or (), strict=False):
        before, heads = its[:, :, : past.count], its.shape[1]
        times = heads // given.shape[1]
        whole = past.count + handed.query.shape[2] == its.shape[2]
        if whole and any(torch.equal(before, each) for each in _repeated(given, times)):
            continue
        raise UnfitError(
            f"layer {number} attends to other keys and values than it made, where {past.count:,} lie before"
        )
    if past.pair is None:
        raise UnfitError(f"layer {number} does not attend to what lies in its cache")


def _repeated(given: Tensor, times: int) -> Iterator[Tensor]:
    """Keys or values for so many times their heads, in both orders in which layers repeat them."""
    if times == 1:
        yield given
    else:
        yield given.repeat_interleave(times, 1)
        yield given.repeat(1, times, 1, 1)


def _check_handed(number: int, layer: Layer, call: Call, handed: Handed, positions: Tensor) -> None:
    """The same tokens are handed over without a cache too, as a session does."""
    rope = layer.rope if layer.rope.growing is None else layer.rope.growing(int(positions[-1]) + 1)
    mine = turned_by(rope, turned(call), positions)
    count = len(positions)
    own = Turned(query=handed.query[0], key=handed.key[0, :, -count:])
    pairs = [*zip(mine.both, own.both, strict=True), (call.value, handed.value[0, :, -count:])]
    for ours, theirs in pairs:
        error = float((ours.float() - theirs.float()).norm() / theirs.float().norm().clamp(min=1e-9))
        if not error <= _allowed(theirs):
            raise UnfitError(
                f"layer {number} hands over other queries, keys or values where {positions[0]:,} tokens lie before"
            )


def _check_keywords(number: int, handed: Handed, first: Handed) -> None:
    """What a layer asks of its attention is the same wherever it is asked."""
    names = [name for name in {**handed.keywords, **first.keywords} if name not in WITHOUT_MEANING]
    for name in names:
        now, before = handed.keywords.get(name), first.keywords.get(name)
        if isinstance(now, Tensor) and isinstance(before, Tensor):
            alike = now.shape == before.shape and torch.equal(now, before)
        else:
            alike = not isinstance(now, Tensor) and not isinstance(before, Tensor) and now == before
        if not alike:
            raise UnfitError(
                f"layer {number} asks its attention for another {name} far from the first tokens"
            )


def _allowed(given: Tensor, noise: float = 0.0) -> float:
    return max(_ALLOWED if given.dtype.itemsize > 2 else _ALLOWED_IN_LOW_PRECISION, _TIMES * noise)


@contextmanager
def _outputs(modules: Sequence[nn.Module], instead: Sequence[Tensor] = ()) -> Iterator[list[Tensor]]:
    """What the modules give, in turn, `[1, n, width]`; what goes on from them is `instead`, if given."""
    found: list[Tensor] = []

    def gave(module: nn.Module, inputs: Any, output: Any) -> Any:
        first = output[0] if isinstance(output, tuple) else output
        found.append(first)
        if not instead:
            return None
        changed = instead[len(found) - 1]
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    with ExitStack() as hooks:
        for module in modules:
            hooks.callback(module.register_forward_hook(gave).remove)
        yield found
