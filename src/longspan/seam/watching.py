"""What a network hands over to attention, watched in passes of a few tokens whose attention gives nothing.

As attention gives zeros, every layer sees the same input whether the network rotates or not, and what two passes hand
over differs by the rotation alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from longspan.seam.borrowing import Borrowing, Call
from longspan.seam.layouts import Turned
from longspan.seam.masks import Visible

_NAME = "longspan-watched"

Mask = Callable[..., Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Handed:
    """One layer's attention as its own function is called: rotated, with the network's mask and all its keywords.

    query, key, value `[1, heads, n, dim]`.
    """

    module: nn.Module
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    keywords: dict[str, Any]

    @property
    def turned(self) -> Turned:
        """Queries and keys."""
        return Turned(query=self.query[0], key=self.key[0])

    def attended(self, implementation: str, turned: Turned, value: Tensor) -> Tensor:
        """What the network's own attention makes of queries, keys and values `[heads, n, dim]`: the same shape."""
        from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

        eager = getattr(sys.modules[type(self.module).__module__], "eager_attention_forward", None)
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(implementation, eager)
        mask = self.mask
        if mask is not None and mask.is_floating_point():
            mask = mask.to(turned.query.dtype)
        query, key = turned.query[None], turned.key[None]
        out: Tensor = attend(self.module, query, key, value[None], mask, **self.keywords)[0]
        return out[0].transpose(0, 1)


@dataclass
class _Watch:
    """What is gathered in one pass, whose attention gives what `attend` makes of it."""

    implementation: str
    attend: Callable[[Handed], Tensor]
    handed: list[Handed] = field(default_factory=list)
    masks: dict[int, tuple[Tensor, Mask]] = field(default_factory=dict)


_watch: ContextVar[_Watch] = ContextVar("longspan_watch")


@dataclass(frozen=True, kw_only=True, eq=False)
class Watched:
    """What each layer handed over: rotated and with masks, and as calls that are not rotated.

    implementation: the network's own attention.
    """

    implementation: str
    handed: list[Handed]
    raw: list[Call]
    masks: dict[int, tuple[Tensor, Mask]]

    def visible(self, layer: int) -> Visible | None:
        """The function behind the mask that a layer was given; None where it was given none.

        Raises ValueError for a mask that the layer, or the network, made in a way of its own.
        """
        handed = self.handed[layer]
        if handed.mask is None:
            return None
        made = self.masks.get(handed.mask.untyped_storage().data_ptr())
        if made is None:
            raise ValueError("it makes a mask of its own, beyond a causal one and a sliding window")
        function, device = made[1], handed.mask.device
        heads = torch.arange(handed.query.shape[1], device=device)[:, None, None]
        batch = torch.zeros(1, 1, 1, dtype=torch.long, device=device)

        def visible(queries: Tensor, keys: Tensor) -> Tensor:
            try:
                return function(batch, heads, queries, keys)
            except (IndexError, RuntimeError, TypeError) as error:
                raise ValueError(f"its mask depends on more than positions ({error})") from error

        return visible


def watched(borrowing: Borrowing, ids: Tensor, positions: Tensor) -> Watched:
    """Watches two passes, one rotated and with masks, one not rotated."""
    gathered = _Watch(_comparable(borrowing.implementation), _zeros)
    with _watching(borrowing, gathered):
        borrowing.run(ids, positions, positions[-1:] * 0)
    return Watched(
        implementation=gathered.implementation,
        handed=gathered.handed,
        raw=calls(borrowing, ids, positions, rotating=False),
        masks=gathered.masks,
    )


def handed_with(
    borrowing: Borrowing, ids: Tensor, positions: Tensor, cache: Any, attend: Callable[[Handed], Tensor]
) -> list[Handed]:
    """What each layer hands over in a pass behind a cache; `attend` gives the outputs `[1, n, heads, dim]`."""
    gathered = _Watch(_comparable(borrowing.implementation), attend)
    with _watching(borrowing, gathered):
        borrowing.run(ids, positions, positions[-1:] * 0, cache=cache)
    return gathered.handed


@contextmanager
def _watching(borrowing: Borrowing, gathered: _Watch) -> Iterator[None]:
    _register()
    token = _watch.set(gathered)
    try:
        with borrowing.attending(_NAME):
            yield
    finally:
        _watch.reset(token)


def calls(
    borrowing: Borrowing,
    ids: Tensor,
    positions: Tensor,
    *,
    rotating: bool,
    attend: Callable[[Call], Tensor] | None = None,
) -> list[Call]:
    """The calls of one pass, whose attention gives zeros, or what `attend` makes of them."""
    found: list[Call] = []

    def watch(call: Call) -> Tensor:
        found.append(call)
        return nothing(call) if attend is None else attend(call)

    with borrowing.installed(watch, watching=True, rotating=rotating):
        borrowing.run(ids, positions, positions[-1:] * 0)
    return found


def nothing(call: Call) -> Tensor:
    """An attention that gives zeros."""
    return call.query.new_zeros(*call.query.shape[:2], call.value.shape[-1])


def turned(call: Call) -> Turned:
    """Queries and keys of a call."""
    return Turned(query=call.query, key=call.key)


def _register() -> None:
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface

    AttentionInterface.register(_NAME, _attention)
    AttentionMaskInterface.register(_NAME, _mask)


def _comparable(implementation: str) -> str:
    """The network's own attention, or the plain one where its own takes no masks or no fp32."""
    return "eager" if "flash" in implementation or "flex" in implementation else implementation


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **keywords: Any,
) -> tuple[Tensor, None]:
    watch = _watch.get()
    handed = Handed(module=module, query=query, key=key, value=value, mask=attention_mask, keywords=keywords)
    watch.handed.append(handed)
    return watch.attend(handed), None


def _zeros(handed: Handed) -> Tensor:
    query, value = handed.query, handed.value
    return query.new_zeros(query.shape[0], query.shape[2], query.shape[1], value.shape[-1])


def _mask(**given: Any) -> Tensor:
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, eager_mask

    watch = _watch.get()
    make = ALL_MASK_ATTENTION_FUNCTIONS.get(watch.implementation, eager_mask)
    mask: Tensor = make(**given | {"allow_is_causal_skip": False})
    watch.masks[mask.untyped_storage().data_ptr()] = (mask, given["mask_function"])
    return mask
