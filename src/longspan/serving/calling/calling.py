"""What a model says to a request, as answers, reasoning and calls of functions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from longspan.chat import Reasoning
from longspan.running.generation import Generation
from longspan.serving.asked import Asked, Function, Turn
from longspan.serving.calling.answers import Answer
from longspan.serving.calling.families import calling_of
from longspan.serving.calling.family import Family
from longspan.serving.calling.grammar import form_of
from longspan.serving.calling.heard import Given, Heard, Piece, Said
from longspan.serving.calling.telling import SINGLE, apart, as_text
from longspan.serving.calling.thoughts import BEGIN, END, Thoughts
from longspan.serving.events import Called, Done, Ended, Event, Spoken
from longspan.spans.logprobs import Logprobs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@dataclass(frozen=True, kw_only=True)
class Calling:
    """Calls and reasoning in what a model says to a request.

    family: how the model writes calls. functions: that it may call, by name, as `choice` says. single: whether its
    template takes one call in a turn. raw: whether a text is gone on with, of which nothing is told apart.
    """

    tokenizer: PreTrainedTokenizerFast
    family: Family
    functions: Mapping[str, Function] = field(default_factory=dict)
    choice: str = "auto"
    parallel: bool = True
    single: bool = False
    raw: bool = False

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast, asked: Asked) -> Self:
        """That of a request."""
        shown = asked.choice != "none"
        template = _template(tokenizer)
        return cls(
            tokenizer=tokenizer,
            family=calling_of(template),
            functions={each.name: each for each in asked.functions} if shown else {},
            choice=asked.choice if shown else "auto",
            parallel=asked.parallel,
            single=SINGLE in template,
            raw=asked.prompt is not None,
        )

    def told(self, asked: Asked) -> Asked:
        """The request as the template takes it: without functions that are not to be called, and with those, calls and
        answers as text where it knows of none."""
        functions = tuple(asked.functions) if self.functions else ()
        if self.family.generic:
            return replace(asked, turns=as_text(asked.turns, functions), functions=())
        turns = tuple(self._named(each) for each in asked.turns)
        return replace(asked, turns=apart(turns) if self.single else turns, functions=functions)

    def drawn(self, generation: Generation) -> Generation:
        """How answers are drawn: held to calls, where that is asked for. Takes a while; raises Refused as `form_of`."""
        if self.raw:
            return generation
        tokens = self.family.tokens if self.functions else ()
        drawn: Generation = {**generation, "shown": (*tokens, BEGIN, END)}
        if not self.functions and self.choice == "auto":
            return drawn
        drawn["form"] = form_of(
            self.tokenizer,
            self.family,
            tuple(self.functions.values()),
            choice=self.choice,
            parallel=self.parallel,
            answer=generation.get("form"),
        )
        return drawn

    async def events(
        self,
        events: AsyncIterator[Event],
        reasoning: Reasoning,
        drawn: Generation,
        enough: Callable[[int], object] | None = None,
    ) -> AsyncIterator[Event]:
        """Events in which what is thought and what is called are told apart from what is said.

        drawn: how answers are drawn. Where a form holds calls, their arguments come in pieces. Otherwise a call comes
        when it is whole, since one that breaks off or is no JSON is text. Tokens of what is thought are counted.
        enough: told of an answer of which no more is wanted, since one call was.
        """
        held = bool(self.functions) and drawn.get("form") is not None
        voices: dict[int, _Voice] = {}
        async for event in events:
            if self.raw or not isinstance(event, Spoken | Ended | Done):
                yield event
                continue
            if isinstance(event, Done):
                thought = sum(each.thought for each in voices.values())
                yield replace(event, used=replace(event.used, reasoning_tokens=thought))
                continue
            if event.index not in voices:
                voices[event.index] = self._voice(event.index, reasoning, held)
            voice = voices[event.index]
            for each in voice.take(event) if isinstance(event, Spoken) else voice.end(event):
                yield each
            if enough is not None and voice.full:
                enough(event.index)

    def _voice(self, index: int, reasoning: Reasoning, held: bool) -> _Voice:
        heard = Heard(functions=self.functions, parallel=self.parallel, live=held)
        answer = Answer(self.family, heard) if self.functions else None
        return _Voice(index=index, family=self.family, thoughts=Thoughts(reasoning), answer=answer)

    def _named(self, turn: Turn) -> Turn:
        """A turn whose calls have names that the template takes."""
        known = self.family.id_of
        calls = tuple(replace(each, id=known(each.id)) for each in turn.calls)
        return replace(turn, calls=calls, answers=known(turn.answers) if turn.role == "tool" else "")


@dataclass(kw_only=True)
class _Voice:
    """One answer on its way. thought: tokens of its reasoning."""

    index: int
    family: Family
    thoughts: Thoughts
    answer: Answer | None
    thought: int = 0
    _unsettled: int = 0
    _likely: list[Logprobs] = field(default_factory=list)
    _called: int = 0

    def take(self, event: Spoken) -> list[Event]:
        """What is certain with more text. Likelihoods wait for the text that they belong to; those of calls go."""
        before = self.thoughts.thinking
        self._unsettled += event.tokens
        self._likely += event.logprobs
        found = self._heard(self.thoughts.push(event.text), ended=False)
        if self.thoughts.settled:
            self.thought += self._unsettled if before or self.thoughts.thinking else 0
            self._unsettled = 0
        if self._likely and not self._waiting and not self._called:
            found.append(Spoken(index=self.index, text="", logprobs=self._took()))
        return found

    def end(self, event: Ended) -> list[Event]:
        """What is left at its end. A call that is whole says why it ended."""
        found = self._heard(self.thoughts.end(), ended=True)
        heard = None if self.answer is None else self.answer.heard
        if heard is not None and heard.calls:
            if event.why == "stop" or heard.full:
                event = replace(event, why="tool_calls", complete=event.complete or heard.full)
        elif self._likely:
            found.append(Spoken(index=self.index, text="", logprobs=self._took()))
        return [*found, event]

    @property
    def full(self) -> bool:
        """Whether nothing more is wanted."""
        return self.answer is not None and self.answer.heard.full

    @property
    def _waiting(self) -> bool:
        return self.thoughts.waiting or (self.answer is not None and self.answer.waiting)

    def _heard(self, told: list[tuple[str, bool]], *, ended: bool) -> list[Event]:
        found: list[Event] = []
        for text, thought in told:
            if thought:
                found.append(Spoken(index=self.index, text=text, reasoning=True, logprobs=self._took()))
            elif self.answer is None:
                found.append(Spoken(index=self.index, text=text, logprobs=self._took()))
            else:
                found += map(self._event, self.answer.push(text))
        if ended and self.answer is not None:
            found += map(self._event, self.answer.end())
        if self.answer is not None and (self.answer.heard.open or self.answer.heard.full):
            self._likely.clear()
        return found

    def _event(self, piece: Piece) -> Event:
        if isinstance(piece, Said):
            return Spoken(index=self.index, text=piece.text, logprobs=self._took())
        self._likely.clear()
        if isinstance(piece, Given):
            return Called(index=self.index, number=self._called - 1, arguments=piece.arguments)
        self._called += 1
        return Called(index=self.index, number=self._called - 1, id=self.family.id, name=piece.name)

    def _took(self) -> tuple[Logprobs, ...]:
        taken, self._likely = tuple(self._likely), []
        return taken


def _template(tokenizer: PreTrainedTokenizerFast) -> str:
    """The text of the template that dialogues with functions go through, "" for none."""
    known = tokenizer.chat_template
    if isinstance(known, dict):
        known = known.get("tool_use") or known.get("default")
    return known or ""
