"""Which heads retrieve: those that look at the very token that is to be copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from longspan.evaluation.haystack import Haystack
from longspan.evaluation.probes.full_pass import CHUNK, FullPass, positions_only
from longspan.evaluation.probes.needle_prompt import NEEDLES, Needle, NeedlePrompt, needle_prompt
from longspan.plan import Plan
from longspan.progress import Progress, Watcher

if TYPE_CHECKING:
    from longspan.model import Model

RETRIEVES = 0.1
"""From this score on, the paper calls a head a retrieval head."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """A query head, counted from 0, of a layer, counted from 0, and its retrieval score from 0 to 1."""

    layer: int
    head: int
    score: float


@dataclass(frozen=True, kw_only=True)
class RetrievalHeads:
    """Retrieval scores of all heads of the layers that see the whole prompt, averaged over `prompts` prompts.

    heads: best first.
    """

    heads: tuple[Head, ...]
    lengths: tuple[int, ...]
    depths: tuple[float, ...]
    prompts: int

    @property
    def retrieving(self) -> tuple[Head, ...]:
        """The heads whose score is 0.1 or more."""
        return tuple(head for head in self.heads if head.score >= RETRIEVES)

    def to_dict(self) -> dict[str, Any]:
        """All figures, as JSON can hold them."""
        return {
            "lengths": list(self.lengths),
            "depths": list(self.depths),
            "prompts": self.prompts,
            "retrieving": len(self.retrieving),
            "heads": [{"layer": each.layer, "head": each.head, "score": each.score} for each in self.heads],
        }


def retrieval_heads(
    model: Model,
    plan: Plan | str | None = None,
    *,
    lengths: Sequence[int] = (1024, 2048),
    depths: Sequence[float] = (0.1, 0.3, 0.5, 0.7, 0.9),
    needles: Sequence[Needle] = NEEDLES,
    haystack: Haystack | None = None,
    template: Mapping[str, Any] | None = None,
    chunk: int = CHUNK,
    progress: Watcher | None = None,
) -> RetrievalHeads:
    """Retrieval scores as in Retrieval Head, https://arxiv.org/abs/2404.15574.

    A head copies a token where the token it attends to most lies in the needle and is the one being generated; its
    score is the share of the answer's tokens that it copies. Here the answer is given to the model token by token, so
    that also a model that fails at it has scores, and the score is the mean over lengths and depths, with the needles
    taking turns. The paper has the model answer, and counts distinct tokens of the whole needle.

    plan: positions only. lengths: tokens of prompt and answer. depths: from 0 to 1. template: variables of the chat
    template. progress gets prompts done and prompts in all.
    """
    chosen = positions_only(Plan.of(plan), "retrieval heads")
    for name, values in (("lengths", lengths), ("depths", depths), ("needles", needles)):
        if not values:
            raise ValueError(f"{name} is empty; give at least one")
    hay = haystack or Haystack.built_in()
    cases = list(product(lengths, depths))
    totals: dict[int, Tensor] = {}
    for number, (length, depth) in enumerate(cases):
        needle = needles[number % len(needles)]
        prompt = needle_prompt(
            model.tokenizer, needle, length=length, depth=depth, haystack=hay, template=template
        )
        for layer, scores in copy_scores(model, prompt, chosen, chunk=chunk).items():
            totals[layer] = totals.get(layer, 0) + scores / len(cases)
        if progress is not None:
            progress(Progress(processed=number + 1, total=len(cases), stage="asking", unit="prompts"))
    heads = [
        Head(layer=layer, head=head, score=score)
        for layer, scores in totals.items()
        for head, score in enumerate(scores.tolist())
    ]
    return RetrievalHeads(
        heads=tuple(sorted(heads, key=lambda each: (-each.score, each.layer, each.head))),
        lengths=tuple(lengths),
        depths=tuple(depths),
        prompts=len(cases),
    )


def copy_scores(model: Model, prompt: NeedlePrompt, plan: Plan, *, chunk: int = CHUNK) -> dict[int, Tensor]:
    """By layer, the share of the answer's tokens that each head copies from the needle in one prompt, `[heads]`."""
    copied = prompt.copied
    ids = (*prompt.ids, *copied[:-1])
    full = FullPass(model, ids, plan, queries=len(copied), chunk=chunk)
    try:
        tokens, wanted = torch.tensor(ids), torch.tensor(copied)
        scores = {}
        for layer in full.layers:
            top = full.weights(layer).argmax(-1).cpu()
            at_needle = (top >= prompt.needle.start) & (top < prompt.needle.stop)
            scores[layer] = (at_needle & (tokens[top] == wanted)).double().mean(-1)
        return scores
    finally:
        full.close()
