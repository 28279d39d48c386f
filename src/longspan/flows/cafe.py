"""CAFE: heads that look for documents rank them, first in groups, then the best side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from longspan.flows.base import Events, Flow, concluded, parts, reply_tokens, room
from longspan.flows.chat import Chat, Local
from longspan.flows.looking import local, looked, placed, whole_layers
from longspan.flows.prompting import laid
from longspan.parameters import check_range, check_whole
from longspan.registry import Card
from longspan.spans import Answer, Document, Span, merge
from longspan.usage import Usage

CARD = Card(
    name="cafe",
    target="longspan.flows.cafe:CAFE",
    paper="CAFE: Retrieval Head-based Coarse-to-Fine Information Seeking to Enhance Multi-Document QA Capability",
    link="https://arxiv.org/abs/2505.10063",
    year=2025,
    training=False,
    changes="Ranks passages by the attention that heads which look for documents give them, twice.",
    field=(30,),
    missing="Attention to the chosen passages is not raised while the answer is written: the others are left out.",
)


@dataclass(frozen=True, kw_only=True)
class CAFE(Flow):
    """Coarse to fine by retrieval heads. https://arxiv.org/abs/2505.10063

    Once for a model its heads are scored by how much the tokens of a question attend to the document that answers it
    (the profile `documents`). The best of them rank passages by the attention that they get from the question: first
    in groups of what fits, of which the best passages are kept, then these side by side, of which the best are read,
    in the documents' order.

    The paper's code was not to be had; the number of heads and of passages are ours. Deviation: the paper raises the
    attention to what the second pass has chosen while the answer is written, and here the rest is left out instead.
    """

    heads: float = 0.01
    """Share of all heads that rank, at least one."""

    passage: int = 256
    """Tokens of a passage at most."""

    window: int = 4096
    """Tokens of a group of passages at most."""

    coarse: int = 8
    """Passages that the first pass keeps."""

    fine: int = 4
    """Passages that are read for the answer."""

    def __post_init__(self) -> None:
        check_range("heads", self.heads, 0.0, 1.0)
        check_whole("passage", self.passage, 16)
        check_whole("window", self.window, 16)
        check_whole("coarse", self.coarse, 1)
        check_whole("fine", self.fine, 1)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """A pass over groups, a pass over the best, one reply."""
        model, usages = local(chat, CARD.name), list[Usage]()
        whole_layers(model, CARD.name)
        around = laid("passages", (), question).message["content"]
        space = room(chat, max(self.window, self.coarse * self.passage), reply_tokens(events), around)
        found = parts(documents, min(self.passage, max(1, space // self.coarse)), chat.count_tokens)
        heads = best_heads(model.model.profile("documents"), self.heads)
        best: list[tuple[float, int]] = []
        groups = _groups([chat.count_tokens(each.text) for each in found], min(space, self.window))
        events.step(f"{len(heads):,} heads rank {len(found):,} passages in {len(groups):,} groups")
        for group in groups:
            scores = attended(model, [found[number] for number in group], question, heads, usages)
            best += [(-score, number) for number, score in zip(group, scores, strict=True)]
        kept = sorted(number for _, number in sorted(best)[: self.coarse])
        if len(kept) > self.fine:
            scores = attended(model, [found[number] for number in kept], question, heads, usages)
            again = sorted(zip(scores, kept, strict=True), key=lambda each: (-each[0], each[1]))
            kept = sorted(number for _, number in again[: self.fine])
        events.step(f"reads {len(kept):,} of them")
        read = merge(found[number] for number in kept)
        message = laid("passages", read, question).message
        said = chat.generate([message], stream=events.stream, **events.generation)
        return concluded(said, question, read, [*usages, said.usage], count=chat.count_tokens)


def best_heads(scores: Tensor, share: float) -> list[tuple[int, int]]:
    """The layers and heads of the highest scores `[layers, heads]`, a share of those above 0, at least one."""
    order = torch.argsort(scores.flatten(), descending=True, stable=True)
    count = max(1, round(share * int((scores > 0).sum())))
    return [divmod(int(each), scores.shape[1]) for each in order[:count]]


def attended(
    chat: Local, spans: Sequence[Span], question: str, heads: Sequence[tuple[int, int]], usages: list[Usage]
) -> list[float]:
    """The attention that each passage gets from the question in some heads, summed over heads and its tokens.

    It is the mean over the tokens from the question on. usages: takes up what the look took.
    """
    prompt = placed(chat, spans, question)
    seen = torch.zeros(len(prompt.ids))
    with looked(chat, prompt.ids, prompt.asking, sorted({layer for layer, _ in heads})) as look:
        for layer, view in look.views.items():
            mine = [head for each, head in heads if each == layer]
            seen += view.attention().flatten(0, 1)[mine].mean(1).sum(0).cpu()
    usages.append(look.usage)
    scores = [0.0] * len(spans)
    for within, value in zip(prompt.within(spans), seen.tolist(), strict=True):
        if within is not None:
            scores[within] += value
    return scores


def _groups(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Neighbouring passages by number, as many as take so many tokens together, at least one."""
    groups: list[list[int]] = []
    left = 0
    for number, length in enumerate(lengths):
        if not groups or length > left:
            groups.append([])
            left = size
        groups[-1].append(number)
        left -= length
    return groups
