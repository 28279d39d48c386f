"""Text as tokens, where a control token stands only if it was meant."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from longspan.errors import UnsupportedModel
from longspan.spans.stretches import Stretch, stretches

if TYPE_CHECKING:
    from tokenizers import AddedToken, Encoding, Tokenizer
    from transformers import PreTrainedTokenizerBase

_SIGNS = [chr(code) for code in range(0x2801, 0x2900)]
"""Braille patterns: no letters, blanks or punctuation, and the same in every normal form."""

_TAIL = 512
_LOOSE = 48
"""Characters at the end of a text whose tokens what follows may change, in a text without words or with such tokens."""
_SEARCHED = 2048
_WORD = re.compile(r"(?<=[A-Za-z0-9])(?= [^\W_])")
_OVER_WORDS = re.compile(r"[A-Za-z0-9][ ▁Ġ]")

_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")


class Encoder:
    """A tokenizer whose control tokens go by names that nobody can spell.

    Every token that was added to a vocabulary has power over a model, be it marked special or not, but for white space
    and single bytes. Here each of them has a random name in place of its text. `written` puts the names into text that
    may use them, such as a template's; documents and questions are encoded as they are, and what they spell out is
    split like any other text. Otherwise the ids are those of the tokenizer, whatever its normalizer, its splitting and
    the flags of its tokens.

    border: a name that stands for no token; what follows it is encoded as behind a control token.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        if not tokenizer.is_fast:
            raise UnsupportedModel(
                f"{type(tokenizer).__name__} gives no character offsets, which citations need; "
                "use a model that comes with a tokenizer.json"
            )
        self._backend = backend = tokenizer.backend_tokenizer
        self.size = backend.get_vocab_size()
        self._added: dict[int, AddedToken] = backend.get_added_tokens_decoder()
        self._names = {number: _name() for number, token in self._added.items() if controls(token.content)}
        self.border = _name()
        self._tokens = {name: number for number, name in self._names.items()} | {self.border: -1}
        self._spelled = _Copy(backend, self._added, {}, "")
        self._named = _Copy(backend, self._added, self._names, self.border)
        self._named.forbidden = set(self._names) - {tokenizer.unk_token_id}

    def stretches(self, text: str, *, plain: bool = True) -> Iterator[Stretch]:
        """The tokens of a text of any length.

        plain: the text has names, and what else it spells out has no power; otherwise what it spells out has. Raises
        ValueError for a text that holds half of a surrogate pair.
        """
        return stretches((self._named if plain else self._spelled).encode, text)

    def ids(self, text: str, *, plain: bool = True) -> list[int]:
        """The tokens of a text."""
        return [token for stretch in self.stretches(text, plain=plain) for token in stretch.ids]

    def after(self, before: str, text: str) -> tuple[list[int], list[int]]:
        """The tokens of a text behind another one, and where each of them begins in it.

        They are those of the whole, unless one of them would reach over the border: then the border is one of tokens.
        """
        edge = len(before)
        ids, starts = self._from(before + text, edge)
        if ids is None:
            edge = len(self.border)
            ids, starts = self._from(self.border + text, edge)
        return ids or [], [start - edge for start in starts]

    def written(self, text: str, before: str = "", after: str = "") -> str:
        """Text that may use control tokens, with their names in place of what it spells out.

        before, after: the characters around it, for tokens that are words of their own.
        """
        left, right = _beside(before[-1:]), _beside(after[:1])
        probe, parts, done = left + text + right, [], len(left)
        ids, encoding = self._spelled.encode(probe)
        for token, (start, stop) in zip(ids, encoding.offsets, strict=True):
            if token not in self._names:
                continue
            spelled, content = probe[start:stop], self._added[token].content
            content = content if content in spelled else spelled.strip()
            at = start + spelled.index(content)
            if not done <= at < at + len(content) <= len(left) + len(text):
                continue
            parts += [probe[done:at], self._names[token]]
            done = at + len(content)
        return "".join([*parts, probe[done : len(left) + len(text)]])

    def name(self, token: int) -> str:
        """The name of a control token, the border for any other."""
        return self._names.get(token, self.border)

    def first(self, text: str) -> int | None:
        """The control token with which a text with names begins, blanks aside."""
        parts = self.parts(text.lstrip())
        return parts[0] if parts and isinstance(parts[0], int) and parts[0] >= 0 else None

    def parts(self, text: str) -> list[str | int]:
        """A text with names as JSON can hold it: names become their tokens, the border −1."""
        split: list[str] = re.split(f"({'|'.join(self._tokens)})", text)
        return [self._tokens.get(part, part) for part in split if part]

    def joined(self, parts: Sequence[str | int]) -> str:
        """The text that became `parts`."""
        return "".join(part if isinstance(part, str) else self.name(part) for part in parts)

    def firm(self, text: str) -> int:
        """The characters of a text whose tokens nothing that follows can change: up to the end of a word.

        That is the last but one, or, where tokens may reach over the end of a word, one some way before the text's end.
        """
        limit = max(0, len(text) - (0 if self._words_apart else _LOOSE))
        ends = [each.start() for each in _WORD.finditer(text, max(0, limit - _SEARCHED), limit)]
        return ends[-1] if ends else max(0, len(text) - _LOOSE)

    @cached_property
    def _words_apart(self) -> bool:
        """Whether no token of the vocabulary goes on behind the end of a word."""
        return not any(map(_OVER_WORDS.search, self._backend.get_vocab(with_added_tokens=False)))

    def tail(self, text: str) -> str:
        """The end of a text with names, as far as what follows needs it to be encoded as behind the whole."""
        if len(text) <= _TAIL:
            return text
        end = text[-_TAIL:]
        return self.border + (end.lstrip("".join(_SIGNS)) if end[0] in _SIGNS else end)

    def _from(self, text: str, edge: int) -> tuple[list[int] | None, list[int]]:
        """The tokens that begin at `edge` or after it, None where one reaches over it."""
        ids: list[int] = []
        starts: list[int] = []
        for stretch in self.stretches(text):
            for token, (start, stop) in zip(stretch.ids, stretch.offsets, strict=True):
                if start >= edge:
                    ids.append(token)
                    starts.append(start)
                elif stop > edge and token not in self._names:
                    return None, []
                elif stop > edge and text.find(self._names[token], start) >= edge:
                    ids.append(token)
                    starts.append(edge)
        return ids, starts


class _Copy:
    """A second tokenizer over the same vocabulary, in which added tokens may have other names.

    forbidden: tokens that text must not become; where the vocabulary itself leads to one, it is copied without it.
    """

    def __init__(
        self, backend: Tokenizer, added: dict[int, AddedToken], names: dict[int, str], border: str
    ) -> None:
        self._backend, self._added, self._names, self._border = backend, added, names, border
        self.forbidden: set[int] = set()
        self._take(backend.model)

    def encode(self, text: str) -> tuple[list[int], Encoding]:
        """The tokens of a text, and where they stand."""
        try:
            encoding = self._tokenizer.encode(text, add_special_tokens=False)
        except TypeError:
            raise _no_characters(text) from None
        raw = encoding.ids
        if not self.forbidden.isdisjoint(raw):
            self._take(_without(self._backend, {each: self._names[each] for each in self.forbidden}))
            self.forbidden = set()
            return self.encode(text)
        moved = self._moved
        return ([moved.get(token, token) for token in raw] if moved else raw), encoding

    def _take(self, model: Any) -> None:
        from tokenizers import AddedToken, Tokenizer

        self._tokenizer = Tokenizer(model)
        if self._backend.normalizer is not None:
            self._tokenizer.normalizer = self._backend.normalizer
        if self._backend.pre_tokenizer is not None:
            self._tokenizer.pre_tokenizer = self._backend.pre_tokenizer
        tokens, number = [], self._tokenizer.get_vocab_size()
        wanted = [(self._names.get(token, each.content), each) for token, each in sorted(self._added.items())]
        for content, each in [*wanted, (self._border, None)]:
            if not content:
                continue
            while model.token_to_id(content) is None and model.id_to_token(number) is not None:
                tokens.append(AddedToken(_name(), normalized=False))
                number += 1
            number += model.token_to_id(content) is None
            flags = (
                {}
                if each is None
                else {
                    "single_word": each.single_word,
                    "lstrip": each.lstrip,
                    "rstrip": each.rstrip,
                }
            )
            tokens.append(AddedToken(content, normalized=each is not None and each.normalized, **flags))
        self._tokenizer.add_tokens(tokens)
        found = {
            self._tokenizer.token_to_id(self._names.get(token, each.content)): token
            for token, each in self._added.items()
        }
        self._moved = {mine: token for mine, token in found.items() if mine != token}


def _without(backend: Tokenizer, names: dict[int, str]) -> Any:
    """The model of a tokenizer, with some entries of its vocabulary under other names and without what makes them."""
    from tokenizers import Tokenizer

    whole = json.loads(backend.to_str())
    model = whole["model"]
    other = {backend.id_to_token(token): name for token, name in names.items()}
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        model["vocab"] = {other.get(piece, piece): token for piece, token in vocabulary.items()}
    else:
        model["vocab"] = [[other.get(piece, piece), score] for piece, score in vocabulary]
    if "merges" in model:
        merges = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
        model["merges"] = [pair for pair in merges if other.keys().isdisjoint([*pair, "".join(pair)])]
    return Tokenizer.from_str(json.dumps(whole | {"added_tokens": [], "post_processor": None})).model


def controls(content: str) -> bool:
    """Whether an added token of this text has power: white space and single bytes have none."""
    return bool(content.replace("▁", " ").strip()) and not _BYTE.fullmatch(content)


def _name() -> str:
    return "".join(secrets.choice(_SIGNS) for _ in range(16))


def _beside(character: str) -> str:
    """A character of the same kind that belongs to no token: a letter, a blank, another, or none."""
    if not character:
        return ""
    if character.isspace():
        return " "
    return "\u1401" if character.isalnum() or character == "_" else _SIGNS[0]


def _no_characters(text: str) -> ValueError:
    at = next((place for place, character in enumerate(text) if "\ud800" <= character <= "\udfff"), None)
    if at is None:
        return ValueError(f"text is a {type(text).__name__}; give a str")
    return ValueError(
        f"text holds {text[at]!r} at character {at:,}, which is half of a character; "
        "decode the bytes that it came from with errors='replace'"
    )


_ENCODERS: WeakKeyDictionary[PreTrainedTokenizerBase, Encoder] = WeakKeyDictionary()


def encoder_of(tokenizer: PreTrainedTokenizerBase) -> Encoder:
    """The encoder of a tokenizer, made once and again when tokens were added. UnsupportedModel without offsets."""
    known = _ENCODERS.get(tokenizer)
    if known is None or known.size != tokenizer.backend_tokenizer.get_vocab_size():
        known = _ENCODERS[tokenizer] = Encoder(tokenizer)
    return known
