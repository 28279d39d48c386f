"""How a transformers model is borrowed and given back unchanged.

For the time of one forward pass the model's rotary module is replaced by one that does not rotate, and its
attention implementation by a function of ours, so that queries and keys reach that function raw. What the model
would have done with them is found out once, by watching it: which layers rotate, by which frequencies, in which
layout of channels, and which tokens they see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from longspan.errors import CorruptModel, UnsupportedModel
from longspan.loading.reason import reason
from longspan.seam.borrowing import Attention, Borrowing
from longspan.seam.exclusive import original
from longspan.seam.facts import Layer, UnfitError, layers_of, twice
from longspan.seam.fusing import Fused
from longspan.seam.leaving import Layers, Staying
from longspan.seam.recurrent import Recurring, noticed, recurrent_among
from longspan.seam.scaling import FARTHEST, UNBOUNDED, rope_parameters, stretching, trained_window
from longspan.seam.watching import Watched, nothing, watched
from longspan.seam.whole import Whole, whole

_PROBE_TOKENS = 24

# Vectors that are nearly, but not quite, those of tokens give nearly the logits of these tokens.
_NEARLY, _NEAR = 1 + 2**-7, 0.1

_UNROTATED = "it has no rotary position embedding to take the place of"

# What families call the linear layer behind the heads.
_OUTPUTS = ("o_proj", "out_proj", "dense", "c_proj", "wo")


class Seam:
    """A network, watched closely enough to be borrowed.

    dtype: the number format in which it computes, whatever its weights are kept in: that of the values it hands over.
    between: called after each layer's attention in passes of texts, with the number of tokens; another pass may be made
    from within it. None for nothing.

    Raises UnsupportedModel, naming the family and the reason, for networks that cannot be, and CorruptModel for weights
    that are no numbers.
    """

    def __init__(self, network: Any) -> None:
        self.network = network = original(network)
        self.family: str = network.config.model_type
        self.borrowing = Borrowing(network, self.config)
        self._first: Tensor = next(network.parameters())
        self._refuse_at_sight()
        self._seen: Watched | None = None
        self.between: Callable[[int], None] | None = None
        try:
            try:
                self.borrowing.prepare(light=True)
                self.layers = self._watch()
            except (TypeError, AttributeError):
                self.borrowing.prepare(light=False)
                self.layers = self._watch()
        except UnfitError as error:
            why = str(error) if self.borrowing.rotaries else f"{_UNROTATED}, and {error}"
            raise self.unsupported(why) from error
        except (RuntimeError, TypeError, ValueError, AttributeError, LookupError) as error:
            if not self.borrowing.rotaries:
                raise self.unsupported(_UNROTATED) from error
            raise self.unsupported(f"a forward pass through the seam failed: {reason(error)}") from error
        self._reads_vectors: bool | None = None
        self._fused = Fused(network, self.config.hidden_size)
        self._whole: Whole | None = None if self.recurrent else whole(self.borrowing, self.probe, self.dtype)

    @property
    def config(self) -> Any:
        """The text model's configuration."""
        return self.network.config.get_text_config(decoder=True)

    @cached_property
    def window(self) -> int:
        """Tokens that the model was made for, `UNBOUNDED` where all its layers are recurrent."""
        return trained_window(self.config) if self.borrowing.count else UNBOUNDED

    @property
    def scaling(self) -> dict[str, Any]:
        """The config's rotary parameters, of layers that see everything."""
        kinds = rope_parameters(self.config)
        return kinds.get("full_attention") or next(iter(kinds.values()))

    def reaching(self, tokens: int) -> str | None:
        """What a session is given to read so many tokens, more than the window: `positions=...`, or `window=...` where
        positions need no help. None where no scheme is known to reach so far."""
        factor = -(-tokens // self.window)
        full = [layer.rope for layer in self.layers if layer.window is None or layer.window >= self.window]
        scheme = stretching(self.config, factor) if any(rope.channels for rope in full) else None
        if scheme is None:
            return f"window={tokens}"
        return scheme if factor <= FARTHEST else None

    @property
    def whole(self) -> Whole | None:
        """What runs the network's layers in few calls, None where they were not recognised, or are watched."""
        return self._whole if self._whole is not None and self._whole.untouched else None

    @property
    def device(self) -> torch.device:
        """Where the network's first weights are."""
        return self._first.device

    @property
    def recurrent(self) -> int:
        """How many of the network's layers are recurrent; `layers` are those with attention."""
        return len(self.borrowing.recurrent)

    @property
    def windows(self) -> list[int | None]:
        """The window of each layer, None where it sees everything."""
        return [layer.window for layer in self.layers]

    def output(self, layer: int) -> Tensor | None:
        """The weight that a layer applies to its heads' outputs, `[hidden, heads · dim]`, None if it has none."""
        module = self._outputs.get(layer)
        weight: Tensor | None = None if module is None else module.weight
        return weight

    @cached_property
    def _outputs(self) -> dict[int, Any]:
        """The modules that hold these weights; packed ones expand them when they are asked."""
        found = {}
        recurrent = {id(each.module) for each in self.borrowing.recurrent}
        for module in self.network.modules():
            if id(module) in recurrent:
                continue
            layer = getattr(module, "layer_idx", None)
            number = self.borrowing.number(layer) if isinstance(layer, int) else None
            for name in _OUTPUTS:
                last = getattr(module, name, None)
                if number is not None and isinstance(last, torch.nn.Module):
                    facts = self.layers[number]
                    columns = getattr(last, "in_features", None)
                    if columns is None and isinstance(weight := getattr(last, "weight", None), Tensor):
                        columns = weight.shape[-1]
                    if columns == facts.heads * facts.head_dim:
                        found[number] = last
        return found

    def forward(
        self,
        ids: Tensor,
        positions: Tensor,
        keep: Tensor,
        attention: Attention,
        recurring: Recurring | None = None,
        vectors: Sequence[Tensor] = (),
        staying: Staying | None = None,
        *,
        learning: bool = False,
    ) -> Tensor:
        """Runs tokens through the model with `attention` and `recurring` in place of its own.

        ids and positions int64 `[n]`; keep int64 `[k]`, indices of the tokens whose logits are wanted. vectors: read in
        turn where ids are below 0. staying: after
        each layer, which tokens go on; those in `keep` have to. learning: whether gradients are wanted, of weights and
        vectors; the attention is then one that has some, and modules are not fused. Returns `[k, vocab]`. The model is
        its own again when this returns or raises.
        """
        if vectors:
            self._refuse_more_than_vectors()
        whole = self.whole
        if whole is not None and not learning:
            return whole.forward(ids, keep, attention, vectors, staying)
        thinned = nullcontext() if staying is None else self._leaving.thinned(staying)
        fused = nullcontext() if learning else self._fused.installed()
        with self.borrowing.installed(attention, recurring), fused, thinned:
            return self.borrowing.run(ids, positions, keep, vectors=vectors, learning=learning)

    @cached_property
    def _leaving(self) -> Layers:
        """The layers, from between which tokens can leave: tried once. Raises UnsupportedModel where they cannot."""
        advice = "choose a pattern that thins out keys, such as pattern=flexprefill"
        if self.recurrent:
            raise self.unsupported("its recurrent layers need every token", advice)
        ids = torch.arange(_PROBE_TOKENS // 2, device=self.device)

        def run() -> Tensor:
            with self.borrowing.installed(nothing, watching=True):
                return self.borrowing.run(ids, ids, ids[-1:])

        try:
            return Layers(self.network, len(self.layers), run, ids)
        except (LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            raise self.unsupported(
                f"tokens cannot leave between its layers: {error}",
                advice,
            ) from error

    def _refuse_more_than_vectors(self) -> None:
        """Raises UnsupportedModel where the network makes more of a token than its embedding; tried once."""
        if self._reads_vectors is None:
            ids = self.probe
            near = list(self.borrowing.embedded(ids, ())[0] * _NEARLY)
            places = torch.arange(len(ids), device=ids.device)
            stock = self.stock(ids)
            try:
                found = self.borrowing.run(ids.new_full(ids.shape, -1), places, places, vectors=near)
                spread = (stock - stock.mean()).norm()
                self._reads_vectors = bool((found - stock).norm() <= _NEAR * spread)
            except (LookupError, RuntimeError, TypeError, ValueError, AttributeError):
                self._reads_vectors = False
        if not self._reads_vectors:
            raise self.unsupported(
                "it makes more of a token than its embedding, so vectors cannot stand in its place",
                "read tokens",
            )

    def stock(self, ids: Tensor) -> Tensor:
        """Logits `[n, vocab]` of the model as it came."""
        places = torch.arange(len(ids), device=ids.device)
        return self.borrowing.run(ids, places, places)

    def watched(self) -> Watched:
        """What its layers hand over for a short prompt at the positions 0, 1, ...; first what was seen at load."""
        if self._seen is not None:
            seen, self._seen = self._seen, None
            return seen
        places = torch.arange(_PROBE_TOKENS, device=self.device)
        return watched(self.borrowing, self.probe, places)

    @property
    def probe(self) -> Tensor:
        """The tokens of the short prompt."""
        return twice(self.config.vocab_size, _PROBE_TOKENS, self.device)

    def unsupported(self, reason: str, advice: str = "use a model of another family") -> UnsupportedModel:
        """The error for this model."""
        return UnsupportedModel(f"model family {self.family!r} is not supported: {reason}; {advice}")

    def refuse_damage(self, found: Tensor) -> None:
        """Raises the error for a model that gives no numbers, with the reason, where that is what it gave."""
        if bool(torch.isfinite(found).all()):
            return
        for name, weight in self.network.named_parameters():
            if not bool(torch.isfinite(weight).all()):
                raise CorruptModel(
                    f"weight {name!r} of the model holds values that are no finite numbers; download the model again"
                )
        raise self.unsupported(
            f"its numbers overflow in {str(self.dtype).removeprefix('torch.')}",
            "load it with dtype='float32'",
        )

    def _refuse_at_sight(self) -> None:
        if any(weight.is_meta for weight in self.network.parameters()):
            raise self.unsupported(
                "its weights are on the meta device, which holds no numbers", "load it on the CPU or a GPU"
            )
        if self.network.config.is_encoder_decoder:
            raise self.unsupported("it is an encoder-decoder, and longspan works on decoders")
        if getattr(self.config, "kv_lora_rank", None):
            raise self.unsupported(
                "it makes keys and values from a shared latent vector (kv_lora_rank in its config)"
            )

    def _watch(self) -> list[Layer]:
        with self.borrowing.once():
            with noticed(self.network) as ran:
                seen = self.watched()
            if self._part(ran, [handed.module for handed in seen.handed]):
                seen = self.watched()
            if self.borrowing.count:
                self._check_window()
            if not seen.raw and not self.recurrent:
                raise UnfitError("none of its layers hands over attention")
            self.dtype = seen.raw[0].value.dtype if seen.raw else _dtype(self.network)
            for call in seen.raw:
                for given in (call.query, call.key, call.value):
                    self.refuse_damage(given)
            layers = layers_of(self.borrowing, seen, self.probe, self.config)
        self._seen = seen
        return layers

    def _check_window(self) -> None:
        try:
            trained_window(self.config)
        except ValueError as error:
            raise self.unsupported(str(error), "correct its config.json") from error

    def _part(self, ran: list[nn.Module], attending: list[nn.Module]) -> bool:
        """Tells recurrent layers from those with attention; whether there are some. Raises UnfitError."""
        recurrent = recurrent_among(list(dict.fromkeys(ran)), attending)
        if not recurrent:
            return False
        layers = sorted({int(module.layer_idx) for module in attending})  # type: ignore[arg-type]
        both = {*layers, *(each.layer for each in recurrent)}
        without = set(range(self.config.num_hidden_layers)) - both
        if without:
            raise UnfitError(f"its layer {min(without)} has neither attention nor a recurrent state")
        self.borrowing.parted(recurrent, layers)
        return True


def _dtype(network: nn.Module) -> torch.dtype:
    """The number format in which a network without attention computes: that of what it makes of tokens."""
    dtype: torch.dtype = network.get_input_embeddings().weight.dtype  # type: ignore[operator]
    return dtype
