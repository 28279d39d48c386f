"""How demonstrations are written one after another, as tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longspan.conversation import begin_ids
from longspan.demonstrations.demonstration import Demonstration
from longspan.spans import tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(kw_only=True)
class Layout:
    """An instruction, then text and label of each demonstration, then the text that is asked about up to its label.

    Each piece becomes tokens by itself, so that a longer prompt begins with the tokens of a shorter one, lengths add
    up, and a label that is scored has the tokens that it has where it is shown. label: what stands before a label.
    """

    tokenizer: PreTrainedTokenizerFast
    instruction: str = ""
    label: str = "label:"
    _known: dict[tuple[str, str], list[int]] = field(default_factory=dict, repr=False)

    @property
    def opening(self) -> list[int]:
        """What every prompt begins with: the model's begin token and the instruction."""
        said = f"{self.instruction.rstrip()}\n\n" if self.instruction.strip() else ""
        return begin_ids(self.tokenizer) + self._ids(said)

    def asked(self, text: str) -> list[int]:
        """A text up to where its label begins."""
        return self._ids(f"{text}\n{self.label}")

    def answered(self, label: str) -> list[int]:
        """A label, and what follows it."""
        return self._ids(f" {label}\n\n")

    def demonstration(self, shown: Demonstration) -> list[int]:
        """A text with its label."""
        key = (shown.text, shown.label)
        if key not in self._known:
            self._known[key] = self.asked(shown.text) + self.answered(shown.label)
        return self._known[key]

    def _ids(self, text: str) -> list[int]:
        return list(tokenize(self.tokenizer, text, plain=True).ids) if text else []


def fitting(
    ranked: Iterable[int], cost: Callable[[int], int], tokens: int, k: int | None = None
) -> list[int]:
    """The first of the ranked demonstrations that together take at most so many tokens, up to the first that does not
    fit, and k at most. cost: the tokens of each, by its number.
    """
    kept: list[int] = []
    for number in ranked:
        tokens -= cost(number)
        if tokens < 0 or len(kept) == k:
            break
        kept.append(number)
    return kept
