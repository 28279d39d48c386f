"""Words that a trained classifier would keep stay."""

from __future__ import annotations

from dataclasses import dataclass

from longspan.compressing.base import Compressor, Task
from longspan.compressing.classifier import classifier_folder, classifier_of
from longspan.compressing.words import tokens_of, words
from longspan.parameters import check_whole
from longspan.registry import Card
from longspan.spans import Span

CARD = Card(
    name="llmlingua-2",
    target="longspan.compressing.llmlingua_2:LLMLingua2",
    paper="LLMLingua-2: Data Distillation for Efficient and Faithful Task-Agnostic Prompt Compression",
    link="https://arxiv.org/abs/2403.12968",
    year=2024,
    training=True,
    changes="Keeps the words that a small encoder, trained on what a large model keeps, says are to stay.",
    field=(142,),
    missing="The classifier is fetched as its authors trained it, and the distillation of its data is left out.",
)


@dataclass(frozen=True, kw_only=True)
class LLMLingua2(Compressor):
    """LLMLingua-2's token classifier. https://arxiv.org/abs/2403.12968

    A word is as likely to stay as its tokens are on average. Deviations: the likeliest words of the whole text stay,
    where the paper has a threshold for each window, which spends as much on a window that says nothing; words stay as
    they are written, where its tokenizer changes them; no tokens are forced to stay.
    """

    classifier: str = "microsoft/llmlingua-2-bert-base-multilingual-cased-meetingbank"
    """The classifier's hub id or its folder; microsoft/llmlingua-2-xlm-roberta-large-meetingbank is the larger one."""

    tokens: int = 512
    """Tokens that it reads at a time at most."""

    def __post_init__(self) -> None:
        check_whole("tokens", self.tokens, 8)

    def ranked(self, task: Task) -> list[Span]:
        """Words, the likeliest to stay first."""
        classifier = classifier_of(classifier_folder(self.classifier), self.tokens)
        found: list[tuple[float, Span]] = []
        for document in task.documents:
            offsets, likely = classifier.kept(document.text)
            inside = words(document)
            for word, mine in zip(inside, tokens_of(inside, offsets), strict=True):
                found.append((sum(likely[each] for each in mine) / max(1, len(mine)), word))
        return [word for _, word in sorted(found, key=lambda each: -each[0])]
