"""What is said again: sentences that a text has already, in the same words or nearly."""

from __future__ import annotations

import re
from collections import Counter

from longspan.flows.recursive_summary import words_of
from longspan.spans import Document, sentences

RUN = 6
"""Words in a row that are looked for."""
_KNOWN = 0.6  # of the runs of a sentence, from where on it says again what was said
_SHORT = 5  # words of a sentence that may come again
_OFTEN = 3  # times that it may
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n(?:[^\S\n]*\n)+")

Words = tuple[str, ...]


class Repeats:
    """Knows what was said, and finds in a text what says it again, or says the same over and over.

    A sentence of five words or more is said again if it is one that was said, or if three fifths of its runs of six
    words were. A shorter one may come three times, what was said counted. A sentence that goes round in
    itself is found, too.
    """

    def __init__(self, *said: str) -> None:
        self._runs: set[Words] = set()
        self._sentences: set[Words] = set()
        self._short: Counter[Words] = Counter()
        for text in said:
            self.add(text)

    def add(self, text: str) -> None:
        """A text that was said."""
        for _, _, words in _sentences(text):
            self._runs.update(_runs(words))
            if len(words) < _SHORT:
                self._short[words] += 1
            else:
                self._sentences.add(words)

    def found(self, text: str) -> list[tuple[int, int]]:
        """Where sentences of a text begin and end that say again what was said, or what stands before them in it."""
        runs: set[Words] = set()
        whole: set[Words] = set()
        short = self._short.copy()
        again = []
        for start, end, words in _sentences(text):
            own = _runs(words)
            if len(words) < _SHORT:
                short[words] += 1
                repeated = short[words] > _OFTEN
            else:
                known = sum(1 for each in own if each in runs or each in self._runs)
                repeated = words in whole or words in self._sentences
                repeated = repeated or (bool(own) and known > _KNOWN * len(own))
                repeated = repeated or len(set(own)) < (1 - _KNOWN) * len(own)
            if repeated:
                again.append((start, end))
            else:
                runs.update(own)
                whole.add(words)
        return again

    def without(self, text: str) -> str:
        """A text without its sentences that say again what was said."""
        for start, end in reversed(self.found(text)):
            text = text[:start].rstrip(" ") + text[end:]
        return _BLANK_LINES.sub("\n\n", text).strip()


def repeated_share(text: str) -> float:
    """The share of a text's runs of six words that stand in it before, 0 for none."""
    found = Counter(_runs(tuple(word.casefold() for word in words_of(text))))
    return (found.total() - len(found)) / found.total() if found else 0.0


def _sentences(text: str) -> list[tuple[int, int, Words]]:
    """Sentences with their words, as far as they have some."""
    found = []
    for each in sentences(Document("text", text)):
        if words := tuple(word.casefold() for word in words_of(each.text)):
            found.append((each.start, each.end, words))
    return found


def _runs(words: Words) -> list[Words]:
    return [words[at : at + RUN] for at in range(len(words) - RUN + 1)]
