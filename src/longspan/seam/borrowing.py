"""A network whose rotation, attention and recurrences are ours for the time of one forward pass."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from longspan.errors import LongspanError, UnsupportedModel
from longspan.kernels.softmax import Softmax
from longspan.seam.exclusive import ExclusiveUse
from longspan.seam.instead import instead
from longspan.seam.once import computed_once
from longspan.seam.recurrent import Recurrent, Recurring
from longspan.seam.unrotated import Unrotated, frequencies

_NAME = "longspan"

# What families may hand over that says nothing about attention beyond what a Call holds.
WITHOUT_MEANING = frozenset(
    (
        *("dropout", "position_ids", "cache_position", "is_causal", "seq_idx"),
        *("use_cache", "output_attentions", "output_hidden_states", "output_router_logits", "return_dict"),
        *("cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k", "num_items_in_batch"),
    )
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """One layer's attention as the model asks for it.

    layer: which of the layers with attention. query `[heads, n, dim]`, key and value `[kv_heads, n, dim]`, none
    rotated. softmax: how it makes weights of query · key.
    """

    layer: int
    query: Tensor
    key: Tensor
    value: Tensor
    softmax: Softmax


def part(call: Call, start: int, stop: int) -> Call:
    """The tokens start .. stop − 1 of a call."""
    if stop - start == call.query.shape[1]:
        return call
    rows = slice(start, stop)
    return replace(call, query=call.query[:, rows], key=call.key[:, rows], value=call.value[:, rows])


Attention = Callable[[Call], Tensor]


class Guest(NamedTuple):
    """Whose attention and recurrences run, and as which of the layers with attention a layer of the network counts.

    watching: whether it is handed what nobody understands, because the network is only watched.
    """

    attention: Attention
    recurring: Recurring | None
    watching: bool
    numbers: Mapping[int, int]


_guest: ContextVar[Guest] = ContextVar("longspan_attention")


class Borrowing:
    """A network, and how its rotation, its attention and its recurrent layers become ours and its own again.

    recurrent: the recurrent layers, none until `parted`.
    """

    def __init__(self, network: Any, config: Any) -> None:
        self.network, self._config = network, config
        self._exclusive = ExclusiveUse(network)
        self.rotaries = _rotary_modules(network)
        self.recurrent: list[Recurrent] = []
        self._numbers: dict[int, int] = {}
        self._unrotated: list[Unrotated] = []
        named = inspect.signature(network.forward).parameters
        self._cache_keyword = "cache" if "cache" in named else "past_key_values"

    def prepare(self, *, light: bool) -> None:
        """Makes what the rotary modules run instead: see `Unrotated`."""
        with torch.inference_mode():
            self._unrotated = [Unrotated(rotary, light=light) for rotary in self.rotaries]

    def parted(self, recurrent: Sequence[Recurrent], attending: Sequence[int]) -> None:
        """Says which layers are recurrent, and which have attention, counted as the network does."""
        self.recurrent = list(recurrent)
        self._numbers = {layer: number for number, layer in enumerate(attending)}

    @property
    def layers(self) -> int:
        """How many layers the network has."""
        return int(self._config.num_hidden_layers)

    @property
    def count(self) -> int:
        """How many of them have attention."""
        return len(self._numbers) if self.recurrent else self.layers

    def number(self, layer: int) -> int | None:
        """Which of the layers with attention a layer of the network is, None where it is none of them."""
        return self._numbers.get(layer) if self.recurrent else layer

    def run(
        self,
        ids: Tensor,
        positions: Tensor,
        keep: Tensor,
        *,
        vectors: Sequence[Tensor] = (),
        cache: Any = None,
        learning: bool = False,
    ) -> Tensor:
        """Logits `[k, vocab]` of a forward pass. ids, positions `[n]`; keep `[k]`, where logits are wanted.

        vectors `[width]` each: what is read in the places where ids are below 0. cache: keys and values of tokens
        before, as transformers keeps them. learning: whether gradients are wanted of what is done.
        """
        before = {} if cache is None else {self._cache_keyword: cache}
        with self._exclusive.held(), torch.inference_mode(not learning):
            read = {"inputs_embeds": self.embedded(ids, vectors)} if vectors else {"input_ids": ids[None]}
            result = self.network(
                **read,
                position_ids=positions[None],
                use_cache=cache is not None,
                logits_to_keep=keep,
                **before,
            )
        logits: Tensor = result.logits[0]
        return logits

    def embedded(self, ids: Tensor, vectors: Sequence[Tensor]) -> Tensor:
        """What is read where ids `[n]` and vectors are given: `[1, n, width]`."""
        rows: Tensor = self.network.get_input_embeddings()(ids.clamp(min=0))
        if vectors:
            rows = rows.clone()
            rows[ids < 0] = torch.stack([each.to(rows) for each in vectors])
        return rows[None]

    @property
    def implementation(self) -> str:
        """The name of the attention that the network has when nobody borrows it."""
        return str(self._config._attn_implementation)

    @contextmanager
    def installed(
        self,
        attention: Attention,
        recurring: Recurring | None = None,
        *,
        watching: bool = False,
        rotating: bool = False,
    ) -> Iterator[None]:
        """For the time of a forward pass: `attention` and `recurring` instead of the network's own, and no rotation.

        watching: whether what a layer hands over besides is let pass instead of refused.
        """
        from transformers import AttentionInterface

        AttentionInterface.register(_NAME, _dispatch)
        still = [] if rotating else zip(self.rotaries, self._unrotated, strict=True)
        with self._exclusive.held(), self.attending(_NAME), instead(still):
            token = _guest.set(Guest(attention, recurring, watching, self._numbers))
            try:
                yield
            finally:
                _guest.reset(token)

    @contextmanager
    def once(self) -> Iterator[None]:
        """Lends the network for passes that are alike but for attention: see `computed_once`."""
        with self._exclusive.held(), computed_once(self.network):
            yield

    @contextmanager
    def attending(self, implementation: str) -> Iterator[None]:
        """Lends the network with another attention, by the name under which transformers knows it.

        Its recurrent layers give nothing, unless a guest of `installed` says what they give.
        """
        aside = [(each.module, each.aside(_recurring)) for each in self.recurrent]
        with self._exclusive.held(), instead(aside):
            own = self._config._attn_implementation
            try:
                self._config._attn_implementation = implementation
                yield
            finally:
                self._config._attn_implementation = own


def _recurring() -> Recurring | None:
    guest = _guest.get(None)
    return None if guest is None else guest.recurring


def unknown(keywords: dict[str, Any]) -> str | None:
    """The first keyword of an attention that carries a meaning which no Call has, as text; None where none does."""
    for name, given in keywords.items():
        if given is None or given is False:
            if name == "is_causal" and given is False:
                return "is_causal=False"
            continue
        if name in WITHOUT_MEANING and not (name == "dropout" and given):
            continue
        if isinstance(given, Tensor):
            return f"{name}, a tensor of shape {list(given.shape)}"
        return f"{name}={given!r}"[:80]
    return None


def _dispatch(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """What transformers calls: tensors `[1, heads, n, dim]`; the output goes back as `[1, n, heads, dim]`."""
    guest = _guest.get(None)
    if guest is None:
        raise LongspanError(
            "a part of this network was called while a session is inside it in another thread; call the network as a "
            "whole, which waits, or call it when the session has read"
        )
    if not guest.watching:
        _refuse(attention_mask, more)
    layer: int = module.layer_idx  # type: ignore[assignment]
    out = guest.attention(
        Call(
            layer=guest.numbers.get(layer, layer),
            query=query[0],
            key=key[0],
            value=value[0],
            softmax=Softmax(
                scale=query.shape[-1] ** -0.5 if scaling is None else float(scaling),
                softcap=softcap,
                sinks=s_aux,
            ),
        )
    )
    return out.transpose(0, 1)[None].contiguous(), None


def _refuse(mask: Tensor | None, more: dict[str, Any]) -> None:
    """What was not there when the network was watched."""
    if mask is not None:
        raise UnsupportedModel(
            "a layer's attention was given a mask of its own; read plain text without a mask"
        )
    for name, given in more.items():
        if given is not None and name not in WITHOUT_MEANING and (meant := unknown({name: given})):
            raise UnsupportedModel(
                f"a layer's attention was given {meant}, which longspan does not know; use another model"
            )


def _rotary_modules(network: nn.Module) -> list[nn.Module]:
    return [
        module
        for module in network.modules()
        if type(module).__name__.endswith("RotaryEmbedding") and any(frequencies(module))
    ]
