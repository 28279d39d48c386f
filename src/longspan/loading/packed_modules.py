"""Modules whose weights stay in the blocks of a GGUF file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Self

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from longspan.errors import UnsupportedModel
from longspan.kernels import packed
from longspan.kernels.packed import Kind


class PackedWeight(nn.Module):
    """Weights `[rows, columns]` as panels of blocks side by side, and what can be done with them."""

    packed: Tensor

    def __init__(self, blocks: Tensor, kind: Kind, columns: int) -> None:
        """blocks: of the file, uint8 `[rows, bytes]`."""
        super().__init__()
        self.register_buffer("packed", packed.packed(blocks, kind, columns))
        self.kind, self.rows, self.columns = kind, len(blocks), columns

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Number formats leave blocks as they are; raises RuntimeError for another device."""
        if (device := fn(torch.empty(0)).device).type != "cpu":
            raise RuntimeError(
                f"packed weights are multiplied on the CPU, not on {device}; load the model with weights='expanded'"
            )
        applied: Self = super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return applied

    def get_extra_state(self) -> Tensor:
        """What the bytes are: format, rows, columns, and rows of a panel, which differ with the processor."""
        return torch.tensor([int(self.kind), self.rows, self.columns, packed.rows()])

    def set_extra_state(self, state: Tensor) -> None:
        """Raises RuntimeError for bytes of another form."""
        if not torch.equal(state, self.get_extra_state()):
            raise RuntimeError(
                "these packed weights have another form here; load the model again from its files"
            )

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def product(self, x: Tensor) -> Tensor:
        """x `[..., columns]` times the transpose: `[..., rows]`, in x's number format."""
        if x.requires_grad:
            raise RuntimeError("packed weights have no gradients; load the model with weights='expanded'")
        out = packed.product(x.reshape(-1, self.columns).float(), self.packed, self.kind)[:, : self.rows]
        return out.to(x.dtype).reshape(*x.shape[:-1], self.rows)

    def chosen(self, rows: Tensor) -> Tensor:
        """Some rows, expanded: fp32 `[n, columns]`. rows int64 `[n]`."""
        panels = self.packed.view(-1, packed.rows(), self.packed.shape[1])[rows // packed.rows()]
        blocks = packed.unpacked(panels.flatten(0, 1), self.kind, self.columns).view_as(panels)
        mine = blocks[torch.arange(len(rows)), rows % packed.rows()]
        return packed.dequantized(mine, self.kind)

    def expanded(self) -> Tensor:
        """All rows, expanded: fp32."""
        blocks = packed.unpacked(self.packed, self.kind, self.columns)[: self.rows]
        return packed.dequantized(blocks, self.kind)


class PackedLinear(nn.Module):
    """Stands in for `nn.Linear`."""

    def __init__(self, weights: PackedWeight, bias: Tensor | None) -> None:
        super().__init__()
        self.weights = weights
        self.in_features, self.out_features = weights.columns, weights.rows
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    @property
    def weight(self) -> Tensor:
        """The weights, expanded when they are asked for."""
        return self.weights.expanded()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.weights.product(x)
        return out if self.bias is None else out + self.bias

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, kind={self.weights.kind.name}"
        )


class PermutedLinear(nn.Module):
    """Stands in for `nn.Linear` where columns of the weights lie in another order than they are met in."""

    order: Tensor

    def __init__(self, weights: PackedWeight, bias: Tensor | None, order: Tensor) -> None:
        """order: the column that comes first, second and so on, int64 `[columns]`."""
        super().__init__()
        self.weights = weights
        self.register_buffer("order", order)
        self.in_features, self.out_features = weights.columns, weights.rows
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    @property
    def weight(self) -> Tensor:
        """The weights, expanded when they are asked for, their columns where they are met."""
        return self.weights.expanded()[:, self.order.argsort()]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.weights.product(x[..., self.order])
        return out if self.bias is None else out + self.bias


class PackedEmbedding(nn.Module):
    """Stands in for `nn.Embedding`; what it gives is in `dtype`."""

    def __init__(self, weights: PackedWeight, dtype: torch.dtype) -> None:
        super().__init__()
        self.weights = weights
        self.like = nn.Parameter(torch.empty(0, dtype=dtype), requires_grad=False)
        self.num_embeddings, self.embedding_dim = weights.rows, weights.columns

    @property
    def weight(self) -> Tensor:
        """The weights, expanded when they are asked for."""
        return self.weights.expanded().to(self.dtype)

    @property
    def dtype(self) -> torch.dtype:
        """The number format of rows; a network whose other parameters are all packed has one by this."""
        return self.like.dtype

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(self, ids: Tensor) -> Tensor:
        found, places = ids.flatten().unique(return_inverse=True)
        rows = self.weights.chosen(found).to(self.dtype)[places]
        return rows.view(*ids.shape, self.embedding_dim)


def stand_in(network: PreTrainedModel, held: Mapping[str, PackedWeight], dtype: torch.dtype) -> None:
    """Puts packed modules in the places of linear layers and embeddings, by their names, for what they held."""
    modules = dict(network.named_modules())
    for name, weights in held.items():
        module = modules[name]
        owner, _, leaf = name.rpartition(".")
        bias: Tensor | None = getattr(module, "bias", None)
        stands_in = (
            PackedEmbedding(weights, dtype)
            if isinstance(module, nn.Embedding)
            else PackedLinear(weights, None if bias is None else bias.data)
        )
        setattr(modules[owner], leaf, stands_in)
    if held:
        network.save_pretrained = unsaved


def rounding(network: nn.Module) -> list[nn.Module]:
    """The products before which tokens are rounded to 8 bits."""
    return [
        each
        for each in network.modules()
        if isinstance(each, PackedLinear | PermutedLinear) and each.weights.kind not in packed.EXACT
    ]


def unsaved(*_: Any, **__: Any) -> NoReturn:
    """What saves a network with packed weights: it raises UnsupportedModel."""
    raise UnsupportedModel(
        "packed weights are not saved again; copy the files that they came from, or load the model with "
        "weights='expanded' and save that"
    )


def held_bytes(network: nn.Module) -> dict[str, int]:
    """Bytes of all weights, by the name of their format, the largest first; what two modules share counts once."""
    kinds = {
        each.weights.packed.data_ptr(): each.weights.kind.name
        for each in network.modules()
        if isinstance(each, PackedLinear | PermutedLinear | PackedEmbedding)
    }
    sizes: dict[str, int] = {}
    seen = set()
    for name, tensor in network.state_dict(keep_vars=True).items():
        place = tensor.data_ptr()
        if place not in seen and not name.endswith("_extra_state"):
            seen.add(place)
            kind = kinds.get(place, str(tensor.dtype).removeprefix("torch."))
            sizes[kind] = sizes.get(kind, 0) + tensor.nbytes
    return dict(sorted(sizes.items(), key=lambda each: -each[1]))
