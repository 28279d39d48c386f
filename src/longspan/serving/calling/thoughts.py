"""What a model thinks before it answers, told apart while it comes."""

from __future__ import annotations

from longspan.chat import Reasoning
from longspan.serving.calling.source import Source, Steps, begun

BEGIN, END = "<think>", "</think>"


class Thoughts:
    """One answer, whose pieces of text go in, and come out as text and whether it is thought.

    Blanks around what is thought, and line breaks behind it, belong to neither. thinking: whether it is thought now.
    settled: whether that is known.
    """

    def __init__(self, reasoning: Reasoning) -> None:
        self.thinking, self.settled = reasoning == "begun", reasoning != "may"
        self._source = Source()
        self._found: list[tuple[str, bool]] = []
        self._steps = self._read(reasoning)
        next(self._steps)

    @property
    def waiting(self) -> bool:
        """Whether text is held back."""
        return bool(self._source.rest)

    def push(self, text: str) -> list[tuple[str, bool]]:
        """What is certain with more text."""
        self._source.text += text
        return self._went_on()

    def end(self) -> list[tuple[str, bool]]:
        """What is left when no more text comes."""
        self._source.ended = True
        return self._went_on()

    def _went_on(self) -> list[tuple[str, bool]]:
        next(self._steps, None)
        found, self._found = self._found, []
        return found

    def _read(self, reasoning: Reasoning) -> Steps[None]:
        source = self._source
        yield
        if reasoning != "none":
            yield from source.blanks()
            if (yield from source.word(BEGIN)):
                self.thinking = True
            elif reasoning == "may":
                source.at = 0
            self.settled = True
        if self.thinking:
            yield from self._thought()
            self.thinking = False
            while (yield from source.word("\r", "\n")):
                pass
        while True:
            if source.rest:
                self._found.append((source.rest, False))
            source.at = len(source.text)
            source.forget()
            if source.ended:
                return
            yield

    def _thought(self) -> Steps[None]:
        """Reads up to behind the end of what is thought."""
        source = self._source
        yield from source.blanks()
        while True:
            end = source.text.find(END, source.at)
            held = begun(source.rest, (END,)) if end < 0 and not source.ended else 0
            text = source.text[source.at : end if end >= 0 else len(source.text) - held].rstrip()
            if text:
                self._found.append((text, True))
            source.at += len(text)
            if end >= 0 or source.ended:
                source.at = len(source.text) if end < 0 else end + len(END)
                source.forget()
                return
            source.forget()
            yield
