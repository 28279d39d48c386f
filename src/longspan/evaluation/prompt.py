"""A sample as token ids, cut where the context ends, so that the context can be read once for many questions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from longspan.chat import ChatTemplate
from longspan.conversation import begin_ids
from longspan.dialogue import pieces
from longspan.evaluation.sample import Sample
from longspan.spans import encoder_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TooLong = Literal["skip", "middle", "start", "end"]
"""What becomes of a sample that does not fit: not answered, or its context cut in the middle, at its start or end."""


Turn: TypeAlias = tuple[str, str]
"""What a user says, and what the assistant answers."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Token ids of the context, with what stands before it, and of the question, with what stands after it.

    head: how many ids of the context are not the text's own. truncated: tokens that were cut out of the context.
    thinks: whether the template has begun the model's reasoning, and nothing else begins the answer.
    """

    context: list[int]
    question: list[int]
    head: int
    truncated: int = 0
    thinks: bool = False

    def __len__(self) -> int:
        return len(self.context) + len(self.question)

    def cut(self, room: int, where: TooLong) -> Prompt | None:
        """A prompt of at most `room` tokens, None where the text would have to vanish or `where` is skip."""
        over = len(self) - room
        if over <= 0:
            return self
        body = self.context[self.head :]
        if where == "skip" or over >= len(body):
            return None
        kept = len(body) - over
        first = {"middle": kept - kept // 2, "start": 0, "end": kept}[where]
        body = body[:first] + body[len(body) - (kept - first) :]
        return replace(self, context=self.context[: self.head] + body, truncated=over)


def prompt_of(
    tokenizer: PreTrainedTokenizerFast,
    sample: Sample,
    *,
    chat: bool,
    system: str | None = None,
    turns: Sequence[Turn] = (),
    template: Mapping[str, Any] | None = None,
) -> Prompt:
    """The sample under the model's chat template, its answer begun with the sample's prefix.

    The ids are those of the whole prompt, but that a token ends where the context ends, which many questions may share.
    system: the system's words. turns: solved examples, before the user's words. template: variables of the template.
    """
    encoder, templated = encoder_of(tokenizer), chat and tokenizer.chat_template is not None
    before, after, thinks = (
        _opened(ChatTemplate(tokenizer, template), sample, system, turns) if chat else ("", "", False)
    )
    begin = [] if templated else begin_ids(tokenizer)
    context, starts = encoder.after("", before + sample.context)
    question, _ = encoder.after(
        encoder.tail(before + sample.context), sample.question + after + sample.prefix
    )
    head = len(begin) + bisect_left(starts, len(before))
    return Prompt(context=begin + context, question=question, head=head, thinks=thinks and not sample.prefix)


def _opened(
    chat: ChatTemplate, sample: Sample, system: str | None, turns: Sequence[Turn]
) -> tuple[str, str, bool]:
    """What stands before and after the user's words, control tokens by name, and whether reasoning has begun then.

    What others said before is plain text.
    """
    encoder, said = encoder_of(chat.tokenizer), [("system", system)] if system is not None else []
    said += [each for user, assistant in turns for each in (("user", user), ("assistant", assistant))]
    if said:
        *between, rest = pieces(chat.tokenizer, [*(role for role, _ in said), "user"], chat.variables)
    else:
        frame = chat.frame(0)
        between, rest = [frame.before], frame.after
    before = ""
    for number, words in enumerate([*(words for _, words in said), sample.context + sample.question]):
        before += encoder.written(between[number], before=before[-1:], after=words[:1])
        before += words if number < len(said) else ""
    thinks = "<think>" in rest.rpartition("</think>")[2]
    return before, encoder.written(rest, before=(sample.context + sample.question)[-1:]), thinks


def overhead(
    tokenizer: PreTrainedTokenizerFast,
    system: str | None = None,
    turns: Sequence[Turn] = (),
    template: Mapping[str, Any] | None = None,
) -> int:
    """Tokens that the chat template adds to a prompt, with the system's words and solved examples."""
    empty = Sample(id="", context="", question="", references=())
    return len(prompt_of(tokenizer, empty, chat=True, system=system, turns=turns, template=template))
