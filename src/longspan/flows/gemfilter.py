"""GemFilter: an early layer chooses the tokens that the whole model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from longspan.compressing.gemfilter import check_pool, layer_at, products
from longspan.errors import WindowExceeded
from longspan.flows.base import Events, Flow, concluded
from longspan.flows.chat import Chat
from longspan.flows.looking import Placed, local, looked, placed, whole_layers
from longspan.parameters import check_range, check_whole
from longspan.registry import Card
from longspan.running.generation import Generation
from longspan.spans import Answer, Document, Span, merge

CARD = Card(
    name="gemfilter",
    target="longspan.flows.gemfilter:GemFilter",
    paper="Discovering the Gems in Early Layers: Accelerating Long-Context LLMs with 1000x Input Token Reduction",
    link="https://arxiv.org/abs/2409.17422",
    year=2024,
    training=False,
    changes="Has the first layers read everything, and the whole model only the tokens that one of them looks at.",
    field=(63,),
)

_GAP = 8  # characters between kept tokens that still count as read together


@dataclass(frozen=True, kw_only=True)
class GemFilter(Flow):
    """Tokens chosen in an early layer are all that the model reads. https://arxiv.org/abs/2409.17422

    The layers up to one read the whole prompt. There the last token's query is multiplied with all keys, summed over
    heads and averaged over `pool` neighbours; the best tokens, in their order and at positions without gaps, are read
    by the whole model under the plan, which answers. Which layer is the model's own: the paper's are 13 of 32 for
    Llama-3.1-8B, 19 of 40 for Mistral Nemo and 19 of 32 for Phi-3.5.

    The whole prompt has to fit the plan's positions. Deviations: the template, the question and the instructions always
    stay, beside the budget; a layer with a sliding window gives way to the next that sees all.
    """

    tokens: int = 1024
    """Tokens of the documents that stay."""

    depth: float = 0.41
    """Share of the layers below the one that chooses."""

    pool: int = 5
    """Neighbours over which a token's product is averaged, an odd number."""

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, 1)
        check_range("depth", self.depth, 0.0, 1.0)
        check_pool(self.pool)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """A look, then one reply to the tokens that stay."""
        model = local(chat, CARD.name)
        layers = whole_layers(model, CARD.name)
        layer = layer_at(model.model.seam, layers, self.depth)
        texts = [document for document in dict.fromkeys(documents) if document.text]
        spans = [Span(document, 0, len(document.text)) for document in texts]
        prompt = placed(model, spans, question)
        window, needed = model.longest, len(prompt.ids)
        if window is not None and needed > window:
            raise WindowExceeded(
                f"the first layers read {needed:,} tokens > window {window:,}; raise the window with positions=..., or "
                "use best-passages"
            )
        with looked(model, prompt.ids, 1, [layer]) as look:
            seen = products(look.views[layer], self.pool)
        stay = staying(prompt, seen, self.tokens)
        events.step(f"layer {layer} leaves {len(stay):,} of {needed:,} tokens")
        ids = [prompt.ids[each] for each in stay]
        generation: Generation = {"reasoning": prompt.reasoning, **events.generation}
        said = model.continued(ids, stream=events.stream, **generation)
        read = _together([place for each in stay if (place := prompt.places[each]) is not None])
        return concluded(said, question, read, [look.usage, said.usage], count=chat.count_tokens)


def staying(prompt: Placed, seen: Tensor, count: int) -> list[int]:
    """The tokens that stay, ascending: the prompt's own, and of the documents' the best, of equal ones the first."""
    inside = [token for token, place in enumerate(prompt.places) if place is not None]
    values = seen.tolist()
    best = set(sorted(inside, key=lambda token: -values[token])[:count])
    return [token for token, place in enumerate(prompt.places) if place is None or token in best]


def _together(places: Sequence[Span]) -> list[Span]:
    """Places of tokens, with those that are hardly apart as one."""
    found: list[Span] = []
    for place in places:
        last = found[-1] if found else None
        if last is not None and last.document is place.document and place.start - last.end <= _GAP:
            found[-1] = Span(last.document, last.start, max(last.end, place.end))
        else:
            found.append(place)
    return merge(found)
