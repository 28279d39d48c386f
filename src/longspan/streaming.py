"""From tokens to text as it comes, ended by a stop string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class TextStream:
    """Turns token ids into text that is complete: no half characters, nothing that may still become a stop string."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stop: Sequence[str]) -> None:
        from tokenizers.decoders import DecodeStream

        if any(not word for word in stop):
            raise ValueError("stop='' is outside the strings of 1 or more characters")
        self._decoder = DecodeStream(skip_special_tokens=True)
        self._tokenizer = tokenizer.backend_tokenizer
        self._stop = tuple(stop)
        self._held = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """The text that is certain after one more token."""
        self._held += self._decoder.step(self._tokenizer, token) or ""
        ends = [at for at in (self._held.find(word) for word in self._stop) if at >= 0]
        if ends:
            self.stopped = True
            text, self._held = self._held[: min(ends)], ""
            return text
        keep = max((_overlap(self._held, word) for word in self._stop), default=0)
        cut = len(self._held) - keep
        text, self._held = self._held[:cut], self._held[cut:]
        return text

    def flush(self) -> str:
        """What was held back, once no token follows."""
        text, self._held = self._held, ""
        return text


def _overlap(text: str, word: str) -> int:
    """Length of the longest end of the text that begins the word."""
    return next((n for n in range(min(len(text), len(word) - 1), 0, -1) if text.endswith(word[:n])), 0)
