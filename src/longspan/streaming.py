"""From tokens to text as it comes, ended by a stop string."""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_HALF = "\ufffd"
_TAIL = 4  # tokens that the bytes of one character may be spread over
_PATIENCE = 64
_SIGN = 0x100000
"""Where the private characters begin that stand for special tokens while stop strings are looked for."""


class TextStream:
    """Turns token ids into text that is complete: no half characters, nothing that may still become a stop string.

    The text is that of tokens which follow others: a word keeps the blank before it. Special tokens are no text, but a
    stop string may hold them, and those in `shown` are. stop: a text, or several; ValueError for anything else and for
    an empty one. stopped_by: the one that was met.

    The text is what the tokenizer decodes. Only where a vocabulary has tokens for single bytes and a run of them is no
    valid text, it is what SentencePiece makes of it, from which these vocabularies come: whole characters as they are,
    and U+FFFD for each other byte (https://github.com/google/sentencepiece). The library `tokenizers` gives up the
    whole run then, so that one stray byte would take back characters that were already said.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, stop: str | Sequence[str], shown: Sequence[str] = ()
    ) -> None:
        self._tokenizer = tokenizer.backend_tokenizer
        added = self._tokenizer.get_added_tokens_decoder()
        self._special = {token: each.content for token, each in added.items() if each.special}
        wanted = _stops(stop)
        self._stop, self._signs = _signed(wanted, self._special)
        self._spelled = dict(zip(self._stop, wanted, strict=True))
        self._shown = {token: each for token, each in self._special.items() if each in shown}
        self._unseen = {ord(sign): self._shown.get(token) for token, sign in self._signs.items()}
        self._before = self._tokenizer.encode("a", add_special_tokens=False).ids
        self._start = len(self._tokenizer.decode(self._before))
        self._bytes = self._single_bytes()
        self._tokens: list[int] = []
        self._held = ""
        self.stopped_by: str | None = None

    @property
    def stopped(self) -> bool:
        """Whether a stop string was met."""
        return self.stopped_by is not None

    def push(self, token: int) -> str:
        """The text that is certain after one more token."""
        if token in self._signs:
            self._held += self._take(len(self._tokens)) + self._signs[token]
        elif token in self._shown:
            self._held += self._take(len(self._tokens)) + self._shown[token]
        elif token not in self._special:
            self._tokens.append(token)
            self._held += self._take(self._whole())
        return self._certain()

    def flush(self) -> str:
        """What was held back, once no token follows."""
        self._held += self._take(len(self._tokens))
        text = self._certain()
        if not self.stopped:
            text, self._held = text + self._held.translate(self._unseen), ""
        return text

    def _certain(self) -> str:
        """What is held, up to a stop string or what may become one."""
        if self.stopped:
            return ""
        found = [(at, word) for word in self._stop if (at := self._held.find(word)) >= 0]
        if found:
            end, met = min(found)
            self.stopped_by = self._spelled[met]
            text, self._held = self._held[:end], ""
        else:
            keep = max((_overlap(self._held, word) for word in self._stop), default=0)
            cut = len(self._held) - keep
            text, self._held = self._held[:cut], self._held[cut:]
        return text.translate(self._unseen)

    def _whole(self) -> int:
        """How many of the last tokens are whole characters, whatever follows."""
        count = len(self._tokens)
        if self._bytes:
            last = bytes(self._bytes[token] for token in self._tokens if token in self._bytes)
            return count - len(last) + _characters(last)[1] if self._tokens[-1] in self._bytes else count
        text = self._text(self._tokens)
        if not text.endswith(_HALF) or count >= _PATIENCE:
            return count
        cut = count - _TAIL
        if cut > 0 and self._text(self._tokens[:cut]) + self._text(self._tokens[cut:]) == text:
            return cut
        return 0

    def _take(self, count: int) -> str:
        """The text of the first of the last tokens, which are then done with."""
        if count == 0:
            return ""
        text = self._text(self._tokens[:count])
        del self._tokens[:count]
        return text

    def _single_bytes(self) -> dict[int, int]:
        """The tokens that stand for single bytes, and the bytes."""
        names = {self._tokenizer.token_to_id(f"<0x{byte:02X}>"): byte for byte in range(256)}
        names.pop(None, None)
        return (
            names if names and self._decoded([next(iter(names))]) == chr(next(iter(names.values()))) else {}
        )

    def _text(self, tokens: list[int]) -> str:
        if not self._bytes:
            return self._decoded(tokens)
        return "".join(
            _characters(bytes(self._bytes[token] for token in run), last=True)[0]
            if single
            else self._decoded(list(run))
            for single, run in groupby(tokens, self._bytes.__contains__)
        )

    def _decoded(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode([*self._before, *tokens])
        return text[self._start :]


def _characters(data: bytes, *, last: bool = False) -> tuple[str, int]:
    """The characters of some bytes, U+FFFD for each byte of none, and how many bytes are done with.

    last: that no byte follows, so that a character that is begun is none.
    """
    text, at = "", 0
    while True:
        try:
            said, used = utf_8_decode(data[at:], "strict", last)
        except UnicodeDecodeError as error:
            text += data[at : at + error.start].decode() + _HALF
            at += error.start + 1
        else:
            return text + said, at + used


def _stops(stop: str | Sequence[str]) -> tuple[str, ...]:
    words: object = (stop,) if isinstance(stop, str) else stop
    if not isinstance(words, list | tuple | set | frozenset):
        raise ValueError(f"stop={stop!r} is no text and no list of texts of 1 or more characters")
    for word in words:
        if not isinstance(word, str) or not word:
            raise ValueError(f"stop={word!r} is outside the strings of 1 or more characters")
    return tuple(words)


def _signed(words: tuple[str, ...], special: dict[int, str]) -> tuple[tuple[str, ...], dict[int, str]]:
    """Stop strings with one character for each special token in them, and the characters."""
    signs: dict[int, str] = {}
    for token, content in sorted(special.items(), key=lambda each: -len(each[1])):
        if any(content in word for word in words):
            signs[token] = chr(_SIGN + len(signs))
            words = tuple(word.replace(content, signs[token]) for word in words)
    return words, signs


def _overlap(text: str, word: str) -> int:
    """Length of the longest end of the text that begins the word."""
    return next((n for n in range(min(len(text), len(word) - 1), 0, -1) if text.endswith(word[:n])), 0)
