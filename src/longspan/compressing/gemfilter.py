"""The words to which the end of the prompt looks back in an early layer stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from longspan.compressing.base import Compressor, Task
from longspan.compressing.surprise import longest_of, model_of, plan_of
from longspan.compressing.words import tokens_of, words
from longspan.dialogue import dialogue
from longspan.errors import UnsupportedModel, WindowExceeded
from longspan.parameters import check_range, check_whole
from longspan.policies.view import View
from longspan.profiles.reading import full_layers
from longspan.registry import Card
from longspan.running.looking import looked
from longspan.seam.seam import Seam
from longspan.spans import Document, Span

CARD = Card(
    name="gemfilter",
    target="longspan.compressing.gemfilter:GemFilter",
    paper="Discovering the Gems in Early Layers: Accelerating Long-Context LLMs with 1000x Input Token Reduction",
    link="https://arxiv.org/abs/2409.17422",
    year=2024,
    training=False,
    changes="Keeps the words to which the question looks back in an early layer.",
    field=(63,),
)


@dataclass(frozen=True, kw_only=True)
class GemFilter(Compressor):
    """GemFilter's choice as text. https://arxiv.org/abs/2409.17422

    The layers up to one read a document and the question; there the last token's query is multiplied with all keys,
    summed over heads and averaged over `pool` neighbours. Deviations: whole words stay, each by its best token, where
    the paper's tokens may be pieces of words; a layer with a sliding window gives way to the next that sees all. The
    flow of this name goes on with the tokens as they are. Each document has to fit the plan's positions.
    """

    looks: ClassVar[bool] = True

    depth: float = 0.41
    """Share of the layers below the one that chooses; the paper's are 13 of 32, 19 of 40 and 19 of 32."""

    pool: int = 5
    """Neighbours over which a token's product is averaged, an odd number."""

    def __post_init__(self) -> None:
        check_range("depth", self.depth, 0.0, 1.0)
        check_pool(self.pool)

    def ranked(self, task: Task) -> list[Span]:
        """Words, the one that is looked at most first."""
        model = model_of(task.judge)
        layers = full_layers(model.seam)
        if not layers:
            raise UnsupportedModel(
                "gemfilter looks at layers that see all of a text, and no layer of this model does; use extractive"
            )
        layer = layer_at(model.seam, layers, self.depth)
        found: list[tuple[float, Span]] = []
        for document in task.documents:
            found += self._words(task, document, layer)
        return [word for _, word in sorted(found, key=lambda each: -each[0])]

    def _words(self, task: Task, document: Document, layer: int) -> list[tuple[float, Span]]:
        """The words of a document, each with the largest product of its tokens."""
        model, plan, longest = model_of(task.judge), plan_of(task.judge), longest_of(task.judge)
        asked = f"{document.text}\n\n{task.question}" if task.question else document.text
        said = dialogue(model.tokenizer, [("user", asked)])
        if longest is not None and len(said.ids) > longest:
            raise WindowExceeded(
                f"gemfilter reads {len(said.ids):,} tokens of {document.name} at once > window {longest:,}; raise the "
                "window with positions=..., or use extractive or selective-context"
            )
        with looked(model.seam, plan, said.ids, 1, [layer]) as look:
            seen = products(look.views[layer], self.pool).tolist()
            task.judge.spent(look.usage)
        starts = [start - said.said[0] for start in said.starts]
        ends = [*starts[1:], len(asked)]
        for number in range(len(ends) - 2, -1, -1):  # the bytes of one character begin together
            if ends[number] == starts[number]:
                ends[number] = ends[number + 1]
        inside = words(document)
        each = zip(inside, tokens_of(inside, list(zip(starts, ends, strict=True))), strict=True)
        return [(max((seen[token] for token in mine), default=float("-inf")), word) for word, mine in each]


def check_pool(pool: int) -> None:
    """Raises ValueError for a number of neighbours without a middle."""
    check_whole("pool", pool, 1)
    if pool % 2 == 0:
        raise ValueError(f"pool={pool} is even; use an odd number, so that a token is in the middle")


def layer_at(seam: Seam, layers: list[int], depth: float) -> int:
    """Of some layers the first that has at least so large a share of all below it, else the last."""
    wanted = round(depth * len(seam.layers))
    return next((each for each in layers if each >= wanted), layers[-1])


def products(view: View, pool: int) -> Tensor:
    """What the last query has in common with each key, over all heads and averaged over neighbours: fp32 `[n]`.

    Beyond the ends there are zeros, which count, as in the authors' code.
    """
    query = view.queries[:, -1].float().unflatten(0, (-1, view.group)).sum(1)
    shared = torch.einsum("hnd,hd->n", view.keys.float(), query)
    return avg_pool1d(shared[None], pool, stride=1, padding=pool // 2)[0]
