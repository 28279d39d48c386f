"""Attention recall: how much of the full attention falls on what a plan leaves visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from torch import Tensor

from longspan.evaluation.probes.full_pass import CHUNK, FullPass
from longspan.evaluation.probes.visible import kept, left, seen_in, visited
from longspan.parameters import check_range
from longspan.patterns.thinning import Thinning
from longspan.plan import Plan
from longspan.progress import Watcher

if TYPE_CHECKING:
    from longspan.model import Model

Shares: TypeAlias = tuple[tuple[float, ...], ...]
"""Figures from 0 to 1: for each layer one for each query head."""


@dataclass(frozen=True, kw_only=True)
class AttentionRecall:
    """What a plan leaves visible to the last queries of a prompt.

    tokens: of the prompt. queries: how many of the last are averaged. layers: numbers of those that see the whole
    prompt. mass: by layer and head, the share of the full attention that falls on visible keys. needle: by layer and
    head, the share of the needle's tokens that are visible; empty where no needle was named.
    """

    plan: str
    tokens: int
    queries: int
    layers: tuple[int, ...]
    mass: Shares
    needle: Shares

    @property
    def mean(self) -> float:
        """Mass averaged over layers and heads."""
        return _mean([_mean(heads) for heads in self.mass])

    @property
    def mean_needle(self) -> float | None:
        """The needle's visible share averaged over layers and heads, None where no needle was named."""
        return _mean([_mean(heads) for heads in self.needle]) if self.needle else None

    def to_dict(self) -> dict[str, Any]:
        """All figures, as JSON can hold them."""
        return {
            "plan": self.plan,
            "tokens": self.tokens,
            "queries": self.queries,
            "mean_mass": self.mean,
            "mean_needle": self.mean_needle,
            "layers": [
                {
                    "layer": layer,
                    "mass": list(self.mass[row]),
                    "needle": list(self.needle[row]) if self.needle else [],
                }
                for row, layer in enumerate(self.layers)
            ],
        }


def attention_recall(
    model: Model,
    ids: Sequence[int],
    plan: Plan | str | None = None,
    *,
    queries: int = 16,
    needle: Sequence[int] = (),
    chunk: int = CHUNK,
    progress: Watcher | None = None,
) -> AttentionRecall:
    """How much of the full attention of the last queries of a prompt falls on what a plan leaves visible.

    The prompt is read with full attention under the plan's positions. Visible is then what the policy keeps of it
    (entries merged into others do not count), what the selector chooses for each query among that, or, for a plan
    with a pattern, what the pattern visits, or which tokens it lets come to a layer. Codec and decode hide nothing and
    are left aside.

    needle: positions of the tokens whose visibility is reported besides. chunk: tokens read at a time.

    Raises ValueError for a plan with a pattern and a policy or selector: one works while the prompt is read, the
    others afterwards, and each has a recall of its own.
    """
    chosen = Plan.of(plan)
    if chosen.pattern is not None and (chosen.policy is not None or chosen.selector is not None):
        raise ValueError(
            f"plan {str(chosen)!r} has a pattern, which hides keys while reading, and a policy or selector, which "
            "hide them afterwards; probe the pattern alone and then the others"
        )
    for place in needle:
        check_range("needle", place, 0, len(ids) - 1)
    pattern, thins = chosen.pattern, isinstance(chosen.pattern, Thinning)
    remember = min(chunk, len(ids)) if pattern is not None and not thins else 0
    full = FullPass(model, ids, chosen, queries=queries, chunk=chunk, remember=remember, progress=progress)
    layers = None
    try:
        if pattern is None:
            layers = kept(full, ids)
        elif thins:
            layers = left(full, Plan(positions=chosen.positions, pattern=pattern), ids)
        mass, found = [], []
        for layer in full.layers:
            if layers is not None:
                visible = seen_in(full, layers[layer], chosen.selector, layer)
            elif pattern is not None:
                visible = visited(full, pattern, layer)
            mass.append(_shares((full.weights(layer) * visible).sum(-1)))
            if needle:
                found.append(_shares(visible[..., list(needle)].float().mean(-1)))
    finally:
        for held in layers or ():
            held.release()
        full.close()
    return AttentionRecall(
        plan=str(chosen),
        tokens=len(ids),
        queries=queries,
        layers=tuple(full.layers),
        mass=tuple(mass),
        needle=tuple(found),
    )


def _shares(by_query: Tensor) -> tuple[float, ...]:
    """`[heads, queries]` averaged over the queries; a sum of shares can pass 1 by rounding."""
    return tuple(by_query.mean(-1).clamp(max=1.0).tolist())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
