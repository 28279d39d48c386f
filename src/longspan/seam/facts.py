"""What is fixed about the layers of a network, concluded from what they hand over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from longspan.kernels.softmax import Softmax
from longspan.positions.base import Rope
from longspan.seam.borrowing import Borrowing, Call, unknown
from longspan.seam.layouts import matched, same, skewed
from longspan.seam.masks import window_of
from longspan.seam.ropes import ropes_of, unchanging
from longspan.seam.scaling import trained_window
from longspan.seam.watching import Watched, calls, turned

_FARTHEST = 4096
# Where tokens are put besides, to see whether a network without rotation tells positions apart.
_ELSEWHERE = 7
# Masks are asked about texts that are this many times as long as the window.
_BEYOND = 4
# How far what a layer says of the same token twice may be apart, of its size.
_SAME, _SAME_IN_LOW_PRECISION = 1e-3, 0.1


class UnfitError(Exception):
    """A network that cannot be borrowed; the message is the reason."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """What is fixed about a layer: its rotation (of no channel where it does not rotate), window, softmax and heads.

    window: how many tokens a query sees, itself included, None for all.
    """

    rope: Rope
    window: int | None
    softmax: Softmax
    heads: int
    kv_heads: int
    head_dim: int


def twice(vocabulary: int, count: int, device: torch.device) -> Tensor:
    """A prompt `[count]` whose halves say the same, so that a token that knows of others shows it."""
    half = torch.randint(vocabulary, (count // 2,), generator=torch.Generator().manual_seed(0))
    return torch.cat((half, half)).to(device)


def layers_of(borrowing: Borrowing, seen: Watched, ids: Tensor, config: Any) -> list[Layer]:
    """The layers of a network, from what it handed over for the tokens `ids`. Raises UnfitError."""
    _check_count(seen, borrowing.count)
    for call, handed in zip(seen.raw, seen.handed, strict=True):
        meant = unknown({name: given for name, given in handed.keywords.items() if name not in _KNOWN})
        if meant is not None:
            raise UnfitError(
                f"layer {call.layer} hands {meant}, to its attention, which longspan does not know of"
            )
    _check_apart(seen.raw)
    windows = _windows(seen, config)
    ropes = _ropes(borrowing, seen, ids, config)
    return [
        Layer(
            rope=rope,
            window=window,
            softmax=call.softmax.detached(),
            heads=call.query.shape[0],
            kv_heads=call.key.shape[0],
            head_dim=call.key.shape[-1],
        )
        for call, window, rope in zip(seen.raw, windows, ropes, strict=True)
    ]


_KNOWN = ("scaling", "sliding_window", "softcap", "s_aux")


def _check_count(seen: Watched, count: int) -> None:
    numbers = [call.layer for call in seen.raw]
    if numbers == list(range(count)) and len(seen.handed) == count:
        return
    without = sorted(set(range(count)) - set(numbers))
    if without:
        raise UnfitError(
            f"{len(without)} of its {count} layers hand over no attention, layer {without[0]} first: they have "
            "something else in its place that longspan does not know of"
        )
    often = next((each for each in numbers if numbers.count(each) > 1), None)
    more = "in another order" if often is None else f"layer {often} {numbers.count(often)} of them"
    raise UnfitError(
        f"its {count} layers hand over {len(numbers)} attentions, {more}; each layer has to hand over one"
    )


def _check_apart(raw: list[Call]) -> None:
    """With an attention that gives nothing, no token may know of another."""
    for call in raw:
        first, second = call.value.float().chunk(2, dim=1)
        allowed = _SAME if call.value.dtype in (torch.float32, torch.float64) else _SAME_IN_LOW_PRECISION
        if not float((first - second).norm()) <= allowed * float(first.norm()):
            raise UnfitError(
                f"before layer {call.layer} something besides attention goes from token to token, such as a recurrent "
                "state or a convolution"
            )


def _windows(seen: Watched, config: Any) -> list[int | None]:
    reach = min(_BEYOND * trained_window(config), 1 << 21)
    found: dict[int, int | None] = {}
    windows = []
    for layer, handed in enumerate(seen.handed):
        mask = id(handed.mask)
        if mask not in found:
            try:
                visible = seen.visible(layer)
                found[mask] = None if visible is None else window_of(visible, reach, handed.query.device)
            except ValueError as error:
                raise UnfitError(
                    f"layer {layer} is masked in a way that longspan does not know: {error}"
                ) from error
        windows.append(found[mask])
    return windows


def _ropes(borrowing: Borrowing, seen: Watched, ids: Tensor, config: Any) -> list[Rope]:
    """The rotation of each layer, seen where slow channels have turned too; of no channel where nothing rotates."""
    if not borrowing.rotaries:
        return _unrotated(borrowing, seen, ids, config)
    try:
        ropes = ropes_of(borrowing.rotaries, config)
        farthest = min(unchanging(config), trained_window(config), _FARTHEST)
    except ValueError as error:
        raise UnfitError(str(error)) from error
    device = ids.device
    positions = torch.linspace(0, max(farthest - 2, 0), len(ids), device=device).long()
    rotated, raw = calls(borrowing, ids, positions, rotating=True), seen.raw
    found = []
    for number, call in enumerate(rotated):
        fitting = [rope for rope in ropes if rope.channels <= call.key.shape[-1]]
        still = ropes[0].with_(inv_freq=ropes[0].inv_freq[:0], growing=None, unscaled=None)
        rope = still if same(turned(raw[number]), turned(call)) else None
        rope = rope or matched(turned(raw[number]), turned(call), fitting, positions)
        if (
            rope is None
        ):  # layers may hand over other queries at other positions even where they do not rotate
            if raw is seen.raw:
                raw = calls(borrowing, ids, positions, rotating=False)
            here, there = turned(raw[number]), turned(call)
            rope = still if same(here, there) else matched(here, there, fitting, positions)
            rope = rope or skewed(here, there, fitting, positions)
        if rope is None:
            raise UnfitError(
                f"layer {number} rotates its queries and keys in a layout that is neither half nor interleaved"
            )
        found.append(rope)
    return found


def _unrotated(borrowing: Borrowing, seen: Watched, ids: Tensor, config: Any) -> list[Rope]:
    """No rotation in each layer of a network that knows of no positions. Raises UnfitError where it does."""
    elsewhere = torch.arange(len(ids), device=ids.device) + _ELSEWHERE
    for here, there in zip(seen.raw, calls(borrowing, ids, elsewhere, rotating=False), strict=True):
        if not same(turned(here), turned(there)):
            raise UnfitError("tells positions apart in another way")
    still = Rope(
        inv_freq=torch.empty(0, device=ids.device),
        magnitude=1.0,
        interleaved=False,
        theta=1.0,
        window=trained_window(config),
    )
    return [still] * len(seen.raw)
