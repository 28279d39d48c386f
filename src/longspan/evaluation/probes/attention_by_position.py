"""Where attention goes by position alone: what the last queries of random tokens attend to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from longspan.evaluation.probes.full_pass import CHUNK, FullPass, positions_only
from longspan.parameters import check_range
from longspan.plan import Plan
from longspan.progress import Progress, Watcher

if TYPE_CHECKING:
    from longspan.model import Model


@dataclass(frozen=True, kw_only=True)
class AttentionByPosition:
    """Shares of attention by where the keys lie, averaged over heads, the last queries and several prompts.

    tokens: of each prompt. bins: for each of the layers that see the whole prompt, shares of equal parts of the
    prompt from its first token to its last, 1 in sum.
    """

    tokens: int
    queries: int
    prompts: int
    layers: tuple[int, ...]
    bins: tuple[tuple[float, ...], ...]

    @property
    def mean(self) -> tuple[float, ...]:
        """The shares averaged over layers."""
        return tuple(sum(shares) / len(self.layers) for shares in zip(*self.bins, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """All figures, as JSON can hold them."""
        return {
            "tokens": self.tokens,
            "queries": self.queries,
            "prompts": self.prompts,
            "mean": list(self.mean),
            "layers": [
                {"layer": layer, "bins": list(shares)}
                for layer, shares in zip(self.layers, self.bins, strict=True)
            ],
        }


def attention_by_position(
    model: Model,
    plan: Plan | str | None = None,
    *,
    length: int = 1024,
    queries: int = 16,
    prompts: int = 4,
    bins: int = 20,
    seed: int = 0,
    chunk: int = CHUNK,
    progress: Watcher | None = None,
) -> AttentionByPosition:
    """How a model's attention goes with position where nothing is worth more attention than anything else.

    Random tokens, none of them special, carry no meaning, so what is left is the bias towards the beginning (sinks)
    and the end that Found in the Middle measures, https://arxiv.org/abs/2406.16008 (with shuffled documents there).

    plan: positions only. progress gets prompts done and prompts in all.
    """
    chosen = positions_only(Plan.of(plan), "shares of attention by position")
    check_range("prompts", prompts, 1)
    check_range("length", length, 1)
    check_range("bins", bins, 1, length)
    special = set(model.tokenizer.all_special_ids)
    # Ids beyond the tokenizer's are padding of the embedding, never trained.
    plain = torch.tensor([token for token in range(len(model.tokenizer)) if token not in special])
    random = torch.Generator().manual_seed(seed)
    bin_of = torch.arange(length) * bins // length
    totals: dict[int, torch.Tensor] = {}
    for number in range(prompts):
        ids = plain[torch.randint(len(plain), (length,), generator=random)].tolist()
        full = FullPass(model, ids, chosen, queries=queries, chunk=chunk)
        try:
            for layer in full.layers:
                shares = full.weights(layer).double().mean((0, 1)).cpu() / prompts
                totals.setdefault(layer, torch.zeros(bins, dtype=torch.double)).index_add_(0, bin_of, shares)
        finally:
            full.close()
        if progress is not None:
            progress(Progress(processed=number + 1, total=prompts, unit="prompts"))
    return AttentionByPosition(
        tokens=length,
        queries=queries,
        prompts=prompts,
        layers=tuple(totals),
        bins=tuple(tuple(shares.tolist()) for shares in totals.values()),
    )
