"""A prompt whose answer is to be copied from a sentence in the middle of prose, and where that sentence lies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, count
from typing import TYPE_CHECKING, Any

from longspan.evaluation.haystack import Haystack
from longspan.evaluation.prompt import Prompt, prompt_of
from longspan.evaluation.sample import Sample
from longspan.evaluation.tasks.hiding import hidden
from longspan.parameters import check_range
from longspan.spans import tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, kw_only=True)
class Needle:
    """A sentence that begins as the answer begins and ends with what is to be copied, and the question for it."""

    begin: str
    rest: str
    question: str


NEEDLES = (
    Needle(
        begin="The surest way to mend a cracked lantern in Tallinn is to",
        rest=" wrap its glass in birch bark and leave it under a lemon tree until morning.",
        question="What is the surest way to mend a cracked lantern in Tallinn?",
    ),
    Needle(
        begin="Before every concert the cellist Oda Brandt liked to",
        rest=" drink cold barley soup and count the buttons on her grandfather's coat.",
        question="What did the cellist Oda Brandt like to do before every concert?",
    ),
    Needle(
        begin="The heaviest parcel that the post office of Quito ever carried held",
        rest=" nine copper bells, a wooden horse and eleven jars of plum jam.",
        question="What did the heaviest parcel that the post office of Quito ever carried hold?",
    ),
)


@dataclass(frozen=True, kw_only=True)
class NeedlePrompt:
    """Token ids of a prompt that ends where the copied text would begin.

    needle: positions of the needle's tokens. answer: positions, inside the needle, of the tokens to be copied.
    """

    ids: tuple[int, ...]
    needle: range
    answer: range

    @property
    def copied(self) -> tuple[int, ...]:
        """The token ids of the answer."""
        return self.ids[self.answer.start : self.answer.stop]


def needle_prompt(
    tokenizer: PreTrainedTokenizerFast,
    needle: Needle,
    *,
    length: int,
    depth: float,
    haystack: Haystack,
    template: Mapping[str, Any] | None = None,
) -> NeedlePrompt:
    """The needle in as much of the haystack as fits, so that prompt and answer take at most `length` tokens.

    depth: the share of the prose before the needle, from 0 to 1. template: variables of the chat template. Raises
    ValueError where not even the needle fits.
    """
    check_range("depth", depth, 0, 1)
    bare = _prompt(tokenizer, needle, [], depth, template)
    room = length - _size(bare)
    if room < 0:
        raise ValueError(
            f"length={length} is outside {_size(bare)} .. ∞ tokens, which the needle alone takes"
        )
    sizes: list[int] = []
    for number in count():
        if sum(sizes) > room:
            break
        sentence = haystack.take(1, number)[0]
        sizes.append(max(1, len(tokenize(tokenizer, f" {sentence}", plain=True))))
    amount = bisect_right(list(accumulate(sizes)), room)
    while _size(built := _prompt(tokenizer, needle, haystack.take(amount), depth, template)) > length:
        amount -= 1
    return built


def _size(prompt: NeedlePrompt) -> int:
    return len(prompt.ids) + len(prompt.answer)


def _prompt(
    tokenizer: PreTrainedTokenizerFast,
    needle: Needle,
    sentences: list[str],
    depth: float,
    template: Mapping[str, Any] | None,
) -> NeedlePrompt:
    text = hidden(sentences, [(depth, needle.begin + needle.rest)])
    context = f"Read the text and then answer with its own words.\n\n{text}\n\n"
    prompt = prompt_of(
        tokenizer,
        Sample(id="", context=context, question=needle.question, prefix=needle.begin, references=()),
        chat=True,
        template=template,
    )
    start = context.index(needle.begin + needle.rest)
    middle, end = start + len(needle.begin), start + len(needle.begin) + len(needle.rest)
    return NeedlePrompt(
        ids=(*prompt.context, *prompt.question),
        needle=_tokens_at(tokenizer, context, prompt, start, end),
        answer=_tokens_at(tokenizer, context, prompt, middle, end),
    )


def _tokens_at(
    tokenizer: PreTrainedTokenizerFast, context: str, prompt: Prompt, start: int, end: int
) -> range:
    """The positions in the prompt of the tokens that begin at the characters start .. end − 1 of its context."""
    offsets = tokenize(tokenizer, context, plain=True).offsets
    inside = [place for place, (first, last) in enumerate(offsets) if start <= first < min(end, last)]
    return range(prompt.head + inside[0], prompt.head + inside[-1] + 1)
