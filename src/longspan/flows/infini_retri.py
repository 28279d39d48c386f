"""InfiniRetri: window after window, the sentences that the question attends to are carried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import pad

from longspan.flows.base import Events, Flow, concluded, parts, reply_tokens, room
from longspan.flows.chat import Chat
from longspan.flows.fitting import fitting
from longspan.flows.looking import Placed, local, looked, placed, whole_layers
from longspan.flows.prompting import laid
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Answer, Document, Span, merge, sentences

CARD = Card(
    name="infini-retri",
    target="longspan.flows.infini_retri:InfiniRetri",
    paper="Infinite Retrieval: Attention Enhanced LLMs in Long-Context Processing",
    link="https://arxiv.org/abs/2502.12962",
    year=2025,
    training=False,
    changes="Reads window after window, and carries on the sentences to which the question attends in the last layer.",
    field=(126,),
)


@dataclass(frozen=True, kw_only=True)
class InfiniRetri(Flow):
    """Retrieval by attention, window after window. https://arxiv.org/abs/2502.12962

    Each window stands between the sentences that were kept so far and the question. In the last layer that sees all,
    the attention from the question, up to the end of the prompt, is summed over heads and along `phrase` tokens; its
    rows count by the square of what the question gave itself in the first window. Every sentence with one of the best
    `tokens` tokens is kept for the next window, and the answer is asked from what is left at the end.

    Defaults are those of the authors' package. There only the first window weighs its rows; the paper's text, and this,
    all. Deviations: what is kept has a budget, filled by the best tokens first, where theirs can outgrow the window;
    only the question's rows are compared with keys, in no more layers than needed; texts keep their wording and place.
    """

    window: int = 1024
    """New tokens of a window at most."""

    kept: int = 1024
    """Tokens of the kept sentences at most, with the marks of gaps between them."""

    tokens: int = 300
    """How many tokens are looked for in a window."""

    phrase: int = 8
    """Tokens of the expected answer, over which attention is added up."""

    def __post_init__(self) -> None:
        check_whole("window", self.window, 16)
        check_whole("kept", self.kept, 16)
        check_whole("tokens", self.tokens, 1)
        check_whole("phrase", self.phrase, 1)

    def answer(self, chat: Chat, documents: Sequence[Document], question: str, events: Events) -> Answer:
        """Window after window, then one reply to what was kept."""
        model = local(chat, CARD.name)
        (*_, layer) = whole_layers(model, CARD.name)
        around = laid("passages", (), question).message["content"]
        space = room(chat, self.window + self.kept, reply_tokens(events), around)
        budget = max(1, space * self.kept // (self.window + self.kept))
        found = parts(documents, max(1, space - budget), chat.count_tokens)
        events.step(f"reads {len(found):,} windows, and carries on up to {budget:,} tokens")
        kept: list[Span] = []
        weights: Tensor | None = None
        usages = []
        for part in found:
            spans = merge([*kept, part])
            prompt = placed(model, spans, question)
            with looked(model, prompt.ids, prompt.asking, [layer]) as look:
                attention = look.views[layer].attention().sum((0, 1))
            usages.append(look.usage)
            if weights is None or len(weights) != len(attention):
                weights = attention[:, prompt.question :].sum(1).square()
            kept = self._kept(prompt, spans, weights @ attention, budget, chat)
        events.step(f"{len(kept):,} sentences are left")
        read = merge(kept)
        said = chat.generate(
            [laid("passages", read, question).message], stream=events.stream, **events.generation
        )
        return concluded(said, question, read, [*usages, said.usage], count=chat.count_tokens)

    def _kept(
        self, prompt: Placed, spans: Sequence[Span], seen: Tensor, budget: int, chat: Chat
    ) -> list[Span]:
        """The sentences that are carried on. seen: how much the question attends to each token of the prompt."""
        pieces = [piece for span in spans for piece in sentences(span.document, span.start, span.end)]
        within = prompt.within(pieces)
        inside = [token for token, piece in enumerate(within) if piece is not None]
        scores = along(seen[inside[0] : inside[-1] + 1], self.phrase).tolist()
        best = sorted(inside, key=lambda token: -scores[token - inside[0]])[: self.tokens]
        ranked = [piece for token in best if (piece := within[token]) is not None]
        return fitting(pieces, ranked, budget, chat.count_tokens)


def along(seen: Tensor, width: int) -> Tensor:
    """Sums over windows of so many numbers around each, fp32 `[n]`; beyond the ends there is nothing."""
    around = pad(seen.float(), (width // 2, width - 1 - width // 2))
    return around.unfold(0, width, 1).sum(1)
