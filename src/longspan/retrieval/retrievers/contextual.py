"""Passages found together with a sentence on where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from longspan.parameters import check_whole
from longspan.progress import Watcher
from longspan.registry import Card
from longspan.retrieval.contexts import VERSION, contexts
from longspan.retrieval.judge import Judge
from longspan.retrieval.retrievers.base import Index, Retriever, Rows, Said
from longspan.retrieval.retrievers.hybrid import Hybrid
from longspan.spans import Span

CARD = Card(
    name="contextual",
    target="longspan.retrieval.retrievers.contextual:Contextual",
    paper="Reconstructing Context: Evaluating Advanced Chunking Strategies for Retrieval-Augmented Generation",
    link="https://arxiv.org/abs/2504.19754",
    year=2025,
    training=False,
    changes="Has the model situate each passage in its document, and finds it by that together with its words.",
)


@dataclass(frozen=True, kw_only=True)
class Contextual(Retriever):
    """What is searched is a passage behind its context, what is cited the passage alone. Published by Anthropic in 2024
    as contextual retrieval, and compared with late chunking in https://arxiv.org/abs/2504.19754.

    A local model reads a document once and is asked in forks of that session, so that n passages cost n short answers
    instead of n readings; see `retrieval.contexts` for documents that do not fit, and for servers.
    """

    asks: ClassVar[bool] = True

    retriever: Retriever = field(default_factory=Hybrid, metadata={"room": "retriever"})
    """What finds them."""

    tokens: int = 100
    """Tokens of a context at most."""

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, 8)

    @property
    def identity(self) -> str:
        """That of the retriever inside, and of the prompt."""
        return f"contextual {VERSION} {self.tokens} {self.retriever.identity}"

    def say(self, spans: Sequence[Span], judge: Judge) -> Said:
        """Each span behind its context."""
        said = contexts(spans, judge, self.tokens)
        return [
            (f"{each}\n\n{span.text}" if each else span.text,) for each, span in zip(said, spans, strict=True)
        ]

    def encode(
        self, spans: Sequence[Span], said: Said | None = None, progress: Watcher | None = None
    ) -> list[Rows]:
        """What the retriever inside computes."""
        return self.retriever.encode(spans, said, progress)

    def index(
        self, spans: Sequence[Span], *, said: Said | None = None, encoded: Sequence[Rows] | None = None
    ) -> Index:
        """An index of the retriever inside. Raises ValueError where no model has said anything of the spans."""
        if said is None:
            raise ValueError(
                "said is not given; contextual finds spans behind what `say` has a model say of them"
            )
        return self.retriever.index(spans, said=said, encoded=encoded)
