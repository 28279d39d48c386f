"""Layer by layer, whether our attention gives what the model's own gives for the same queries, keys and values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from longspan.running.reader import Reader
from longspan.seam.borrowing import Attention, Call
from longspan.seam.facts import Layer
from longspan.seam.layouts import Turned, turned_by
from longspan.seam.seam import Seam
from longspan.seam.watching import Handed, Watched, turned

# Spreads of the scores at which attention is compared: at 1 sinks show, at 3 scales, where scores reach twice the cap
# the cap.
_SPREADS = (1.0, 3.0)
_CAPS = 2.0
# In fp32 what a layer's facts say is compared with what its own attention computes.
_EXACT = 1e-3
# What is left in the number format of the model: so many times as far from fp32 as the model's own attention is, and
# never less than this.
# In bf16 ours is at most 0.006 from it, and 0.018 where the scale is off by 3 %.
_TIMES, _FLOOR = 2.0, 1e-4
_FLOOR_IN_LOW_PRECISION = 0.012


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """One layer's queries, made so large that scores have some spread, and what its own attention makes of them.

    gain `[heads, 1, 1]`: what queries are multiplied with. exact: fp32 `[heads, n, dim]`. allowed `[heads]`: how far
    ours may be from it.
    """

    gain: Tensor
    exact: Tensor
    allowed: Tensor


class Trials:
    """The layers of a network on trial, for a prompt that is read chunk by chunk."""

    def __init__(self, seam: Seam, seen: Watched) -> None:
        """Raises UnsupportedModel where a layer's own attention does something that its facts do not say."""
        self._seam, self._seen = seam, seen
        self._trials = [list(self._of(number)) for number in range(len(seam.layers))]
        count = max(map(len, self._trials), default=0)
        self._readers = [Reader(seam) for _ in range(count)]
        self._given: list[list[list[Tensor]]] = [[[] for _ in range(count)] for _ in seam.layers]

    def beside(self, attention: Attention, ids: Tensor) -> Attention:
        """An attention that also attends as the engine would to the trials' queries, for the tokens `ids` to come."""
        start = self._readers[0].sequence.run if self._readers else 0
        rows = slice(start, start + len(ids))
        ours = [reader.attention(ids, reading=len(ids) > 1) for reader in self._readers]

        def both(call: Call) -> Tensor:
            raw, trials = self._seen.raw[call.layer], self._trials[call.layer]
            for number, trial in enumerate(trials):
                mine = replace(
                    call,
                    query=raw.query[:, rows] * trial.gain.to(raw.query.dtype),
                    key=raw.key[:, rows],
                    value=raw.value[:, rows],
                )
                self._given[call.layer][number].append(ours[number](mine))
            return attention(call)

        return both

    def passed(self, ids: Tensor) -> None:
        """Says that the tokens have passed."""
        for reader in self._readers:
            reader.passed(ids)

    def check(self) -> None:
        """Raises UnsupportedModel for the first layer whose attention was not its own."""
        for number, trials in enumerate(self._trials):
            for trial, parts in zip(trials, self._given[number], strict=False):
                found = torch.cat(parts, 1).float()
                self._seam.refuse_damage(found)
                error = relative_error(found, trial.exact)
                if not bool((error <= trial.allowed).all()):
                    head = int((error / trial.allowed).argmax())
                    raise self._seam.unsupported(
                        f"layer {number} attends otherwise through the seam than by itself, in head {head} by "
                        f"{error[head]:.1e} of its output (allowed {trial.allowed[head]:.0e})"
                    )

    def _of(self, number: int) -> Iterator[Trial]:
        layer, handed, raw = self._seam.layers[number], self._seen.handed[number], self._seen.raw[number]
        positions = torch.arange(raw.query.shape[1], device=raw.query.device)
        straight = turned_by(layer.rope, turned(raw), positions)
        value = raw.value.float()
        spread = _scores(straight, layer).std((1, 2), keepdim=True).clamp(min=1e-6)
        wanted = [*_SPREADS] if layer.softmax.softcap is None else [*_SPREADS, _CAPS * layer.softmax.softcap]
        for size in wanted:
            gain = (size / spread).log2().round().exp2()
            larger = Turned(query=straight.query * gain, key=straight.key)
            exact = self._attended(handed, larger, value)
            found = stated(larger, value, layer, raw.softmax.sinks)
            if not (error := float(relative_error(found, exact).max())) <= _EXACT:
                raise self._seam.unsupported(
                    f"layer {number} does more than attend by its scale, window, soft cap and sinks: its output is "
                    f"off by {error:.1e} of its size (allowed {_EXACT:.0e})"
                )
            own = Turned(query=handed.query[0] * gain.to(raw.query.dtype), key=handed.key[0])
            noise = relative_error(self._attended(handed, own, handed.value[0]).float(), exact)
            floor = _FLOOR if raw.query.dtype.itemsize > 2 else _FLOOR_IN_LOW_PRECISION
            yield Trial(gain=gain, exact=exact, allowed=(_TIMES * noise).clamp(min=floor))

    def _attended(self, handed: Handed, given: Turned, value: Tensor) -> Tensor:
        with torch.inference_mode():
            return handed.attended(self._seen.implementation, given, value)


def relative_error(mine: Tensor, theirs: Tensor) -> Tensor:
    """The distance of each head, of its size: `[heads]`."""
    distance: Tensor = (mine - theirs).norm(dim=(1, 2))
    relative: Tensor = distance / theirs.norm(dim=(1, 2)).clamp(min=1e-9)
    return relative


def _scores(given: Turned, layer: Layer) -> Tensor:
    """`[heads, n, n]`."""
    return _grouped(given.query, given.key.transpose(1, 2)) * layer.softmax.scale


def _grouped(left: Tensor, right: Tensor) -> Tensor:
    """The products `[heads, n, b]` of `[heads, n, a]` with `[kv_heads, a, b]`, each for the heads that share it."""
    return (left.reshape(len(right), -1, left.shape[-1]) @ right).view(*left.shape[:2], right.shape[-1])


def stated(given: Turned, value: Tensor, layer: Layer, sinks: Tensor | None) -> Tensor:
    """Attention in fp32 by what is known of a layer, as its formula reads; the queries are those of the last keys."""
    scores = _scores(given, layer)
    if layer.softmax.softcap is not None:
        scores = layer.softmax.softcap * (scores / layer.softmax.softcap).tanh()
    places = torch.arange(scores.shape[-1], device=scores.device)
    behind = places[-scores.shape[-2] :, None] - places
    scores = scores.masked_fill((behind < 0) | (behind >= (layer.window or len(places))), -torch.inf)
    if sinks is not None:
        scores = torch.cat((scores, sinks.float()[:, None, None].expand(-1, len(behind), 1)), -1)
    weights = scores.softmax(-1)[..., : len(places)]
    return _grouped(weights, value)
