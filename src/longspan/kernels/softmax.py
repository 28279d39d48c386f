"""How attention makes weights of query · key, for everybody who makes some."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Softmax:
    """From products of queries and keys to the weights of one layer.

    scale: what products are multiplied with. softcap: what then bounds them, c · tanh(x / c), None for nothing. sinks
    `[heads]`: learned logits that take part in the softmax of each head and are no keys, None for none.
    """

    scale: float
    softcap: float | None = None
    sinks: Tensor | None = None

    def detached(self) -> Softmax:
        """The same without gradients."""
        return self if self.sinks is None else replace(self, sinks=self.sinks.detach())

    def logits(self, products: Tensor, *, out: Tensor | None = None) -> Tensor:
        """What the softmax is taken of, fp32: scaled, and bounded where the model does so; −∞ stays −∞.

        out: fp32, where to write them, such as the products themselves.
        """
        return self.bounded(torch.mul(products.float(), self.scale, out=out))

    def bounded(self, scaled: Tensor) -> Tensor:
        """The same of products that are scaled already, of any float format, which are written over."""
        if self.softcap is None:
            return scaled
        nothing = scaled == -torch.inf
        return scaled.div_(self.softcap).tanh_().mul_(self.softcap).masked_fill_(nothing, -torch.inf)

    def weights(self, logits: Tensor, *, out: Tensor | None = None) -> Tensor:
        """The softmax over the last dimension, less than 1 in sum where sinks take part.

        logits: fp32 `[heads, w, n]`, or `[kv_heads, group, w, n]`. out: where to write them, such as the logits
        themselves.
        """
        sinks = self.sinks
        return beside(logits, None if sinks is None else sinks.reshape(*logits.shape[:-2], 1), out=out)


def beside(logits: Tensor, sinks: Tensor | None, *, out: Tensor | None = None) -> Tensor:
    """The softmax over the last dimension of logits `[..., n]`, in which sinks take part, that broadcast to `[...]`."""
    if sinks is None:
        return torch.softmax(logits, -1, out=out)
    left = torch.sigmoid(logits.logsumexp(-1) - sinks.float())
    return torch.softmax(logits, -1, out=out).mul_(left[..., None])
