"""Units that the model expects least stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from longspan.compressing.base import Compressor, Task
from longspan.compressing.surprise import surprises
from longspan.compressing.words import tokens_of, words
from longspan.parameters import check_choice, check_whole
from longspan.registry import Card
from longspan.spans import Document, Span, content_words, sentences

CARD = Card(
    name="selective-context",
    target="longspan.compressing.selective_context:SelectiveContext",
    paper="Unlocking Context Constraints of LLMs: Enhancing Context Efficiency of LLMs with Self-Information-Based "
    "Content Filtering",
    link="https://arxiv.org/abs/2304.12102",
    year=2023,
    training=False,
    changes="Keeps the sentences, phrases or words that the model expects least, and drops what it could have guessed.",
    field=(286,),
)

Unit = Literal["sentence", "phrase", "word"]


@dataclass(frozen=True, kw_only=True)
class SelectiveContext(Compressor):
    """Selective Context, by the self-information of units. https://arxiv.org/abs/2304.12102

    The self-information of a unit is the mean of −ln p over its tokens. Deviations: tokens are read behind what stands
    before them, where the paper reads each sentence alone; the budget is of tokens, where it drops a share of the
    units; a phrase is a run of words that say something, and any other word is a unit by itself, where the paper takes
    noun phrases of a parser of English; nothing of the text is changed.
    """

    looks: ClassVar[bool] = True

    unit: Unit = "phrase"
    """What stays or goes as a whole: a sentence, a phrase or a word."""

    window: int = 2048
    """Tokens that the model reads together at most; a longer text is read in windows that overlap by a quarter."""

    def __post_init__(self) -> None:
        check_choice("unit", self.unit, get_args(Unit))
        check_whole("window", self.window, 16)

    def ranked(self, task: Task) -> list[Span]:
        """Units, the most surprising first."""
        found: list[tuple[float, Span]] = []
        for document in task.documents:
            tokens, surprising = surprises(task.judge, document, self.window)
            units = units_of(document, self.unit)
            for unit, mine in zip(units, tokens_of(units, tokens.offsets), strict=True):
                found.append((sum(surprising[each] for each in mine) / max(1, len(mine)), unit))
        return [unit for _, unit in sorted(found, key=lambda each: -each[0])]


def units_of(document: Document, unit: Unit) -> Sequence[Span]:
    """The sentences, phrases or words of a document, in order."""
    if unit == "sentence":
        return sentences(document)
    if unit == "word":
        return words(document)
    found: list[Span] = []
    goes_on = False
    for word in words(document):
        says = bool(content_words(word.text))
        if says and goes_on:
            found[-1] = Span(document, found[-1].start, word.end)
        else:
            found.append(word)
        goes_on = says and word.text[-1].isalnum() and len(found[-1].text) < _LONGEST
    return found


_LONGEST = 120  # characters of a phrase; a table or a list of names is no single unit
