"""Which sentences of documents a model was shown, where programs decide what it is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from longspan.spans import Document, Span, Unread, sentences

_KEY = 8
_REASON = "no program showed it to a model"


class Seen:
    """Finds sentences in texts that were shown, each as a whole and letter by letter."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = list(dict.fromkeys(documents))
        self._sentences = [each for document in self._documents for each in sentences(document)]
        self._seen = [not each.text.strip() for each in self._sentences]
        self._beginning: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for number, each in enumerate(self._sentences):
            text = each.text.strip()
            if len(text) >= _KEY:
                self._beginning[text[:_KEY]].append((text, number))

    def add(self, text: str) -> None:
        """A text that a model was shown."""
        for at in range(len(text) - _KEY + 1):
            for sentence, number in self._beginning.get(text[at : at + _KEY], ()):
                if not self._seen[number] and text.startswith(sentence, at):
                    self._seen[number] = True

    @property
    def spans(self) -> list[Span]:
        """What was shown, with the blanks between neighbours."""
        return [
            Span(document, start, end) for document in self._documents for start, end in self._shown(document)
        ]

    @property
    def unread(self) -> list[Unread]:
        """What was not."""
        found = []
        for document in self._documents:
            edges = [0, *(edge for shown in self._shown(document) for edge in shown), len(document.text)]
            for start, end in zip(edges[::2], edges[1::2], strict=True):
                if document.text[start:end].strip():
                    found.append(Unread(span=Span(document, start, end), reason=_REASON))
        return found

    def _shown(self, document: Document) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for each, seen in zip(self._sentences, self._seen, strict=True):
            if seen and each.document is document and each.text.strip():
                if found and not document.text[found[-1][1] : each.start].strip():
                    found[-1] = (found[-1][0], each.end)
                else:
                    found.append((each.start, each.end))
        return found
