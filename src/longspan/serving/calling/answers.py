"""An answer, read while it comes: text, and calls in it."""

from __future__ import annotations

from longspan.serving.calling.family import Family
from longspan.serving.calling.heard import Heard, Piece
from longspan.serving.calling.source import Source, Steps, begun


class Answer:
    """One answer. Pieces of text go in, what is certain of them comes out: the same, however the text was cut.

    Text is held back from the first character that may begin a call, and blanks until it is known what follows them,
    since those beside a call are no text. What begins like a call and is none comes out as text.
    """

    def __init__(self, family: Family, heard: Heard) -> None:
        self.heard = heard
        self._source = Source()
        self._steps = _read(family, self._source, heard)
        self._done = False

    @property
    def waiting(self) -> bool:
        """Whether text is held back."""
        return bool(self._source.rest) or self.heard.open

    def push(self, text: str) -> list[Piece]:
        """What is certain with more text."""
        self._source.text += text
        return self._went_on()

    def end(self) -> list[Piece]:
        """What is left when no more text comes."""
        self._source.ended = True
        return self._went_on()

    def _went_on(self) -> list[Piece]:
        if not self._done:
            try:
                next(self._steps)
            except StopIteration:
                self._done = True
        if self._done:
            self._source.at = len(self._source.text)
            self._source.forget()
        return self.heard.taken()


def _read(family: Family, source: Source, heard: Heard) -> Steps[None]:
    """Reads a whole answer."""
    beginning = family.first + ("" if heard.live else family.loose)
    if beginning:
        yield from source.blanks()
        first = yield from source.next()
        if first == "" or first not in beginning:
            source.at = 0
        else:
            yield from _block(family, source, heard, 0)
    while not heard.full:
        found = [at for word in family.openers if (at := source.text.find(word, source.at)) >= 0]
        if found:
            said = _say(source, heard, min(found))
            source.at = min(found)
            yield from _block(family, source, heard, said)
            continue
        if source.ended:
            if not heard.calls or source.rest.strip():
                heard.say(source.rest)
            return
        source.at = _say(source, heard, len(source.text) - begun(source.rest, family.openers))
        source.forget()
        yield


def _say(source: Source, heard: Heard, end: int) -> int:
    """Says text up to the blanks before an offset, and tells where these begin."""
    text = source.text[source.at : end].rstrip()
    heard.say(text)
    return source.at + len(text)


def _block(family: Family, source: Source, heard: Heard, said: int) -> Steps[None]:
    """Reads what begins like a call. said: up to where what stands before it was said."""
    good = yield from family.read(source, heard)
    if heard.open:
        heard.open = False  # what was told of it stays as it is
    elif not good:
        heard.say(source.text[said : source.at])
