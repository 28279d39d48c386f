"""One text on its way through a model: the home of everything that is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor

from longspan.conversation import Conversation, Words
from longspan.decoding.base import Drafter
from longspan.policies.tracker import Script, Tracking
from longspan.positions.base import Positions, Raised, Rope
from longspan.running.attention_state import AttentionState
from longspan.running.engine import Engine
from longspan.running.inputs import Tokens, Vectors, restored, segments, tensors_of
from longspan.running.spent import Spent
from longspan.store.layer_state import LayerState, StateMark
from longspan.store.ledger import Ledger
from longspan.store.recurrent_state import RecurrentState
from longspan.store.state import under

Rehearsed = tuple[Tracking | None, tuple[tuple[int, ...], ...]]
"""What watched a rehearsal, and the tokens of its texts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Mark:
    """A moment of a sequence, for `Sequence.rewind`: what its layers held, and what was known besides."""

    states: list[StateMark]
    known: Mapping[str, Any]

    @property
    def columns(self) -> list[Tensor]:
        """The memory in which the states of layers lay."""
        return [column for state in self.states for column in state.columns]


# What a mark and a fork copy by name, besides the layers.
_KNOWN = (
    *("ids", "pending", "upcoming", "question", "fitted", "announced", "uncompressed", "rounds", "asked"),
    *("rehearsed", "surprise", "history", "conversation", "spent", "shift", "raised", "share"),
)


class Sequence:
    """A text under a plan. Layers remember what passed, everything else is remembered here.

    engine: the plan at work. ledger: counts its bytes. layers, recurrences: the states of layers with attention and of
    recurrent ones. ids: the tokens run so far, with vectors among them. pending: tokens that were drawn or
    announced but not run. upcoming: logits `[vocab]` for the next token, None before the first. question: the tokens at
    the end of what is pending that a guided policy knows as the question. fitted: tokens that its positions are made
    for, 0 until reading begins. announced: tokens that the text is known to come to. uncompressed: tokens since a
    policy last acted. rounds: where rounds of a dialogue begin. asked: positions of the question that was known when
    text was last read, empty for none. rehearsed: what was rehearsed since the last token and the seconds it took.
    surprise: −log p of the tokens run so far, `[m]` each, kept only for selectors that ask for it. history: what was
    done with it, call by call, with numbers of tokens. shift: how much further the next token stands than there are
    tokens before it, below 0 where some stand side by side. raised: which keys weigh more than others, None for none.
    share: its say in what several sequences say as one, None where it speaks for itself. open_rows, steady: what its
    generated tokens need in each pass, made in the first. companions, learned: what reads along to draft, and what
    proposers keep, by name. conversation: its turns and the spans it holds, None where only tokens are read; words: how
    policies speak that have the model read more.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        *,
        conversation: Conversation | None = None,
        words: Words | None = None,
    ) -> None:
        self.engine, self.ledger = engine, ledger
        self.conversation, self.words = conversation, words
        self.layers: list[AttentionState] = engine.layers(ledger)
        self.recurrences = [RecurrentState() for _ in range(engine.seam.recurrent)]
        self.ids: list[int] = []
        self.pending: list[int] = []
        self.upcoming: Tensor | None = None
        self.question: list[int] = []
        self.fitted = self.announced = self.uncompressed = 0
        self.rounds = [0]
        self.asked = range(0)
        self.rehearsed: dict[Rehearsed, float] = {}
        self.surprise: list[Tensor] = []
        self.history: list[Any] = []
        self.spent = Spent()
        self.shift = 0
        self.raised: Raised | None = None
        self.share: float | None = None
        self.open_rows: Any = None
        self.steady: Any = None
        self.companions: dict[str, Drafter] = {}
        self.learned: dict[str, Any] = {}
        self._marks: WeakSet[Mark] = WeakSet()

    @property
    def run(self) -> int:
        """Tokens run so far."""
        return len(self.ids)

    @property
    def seen(self) -> int:
        """Tokens run or pending."""
        return len(self.ids) + len(self.pending)

    @property
    def place(self) -> int:
        """Where the next token to run stands: behind all others, of which some may stand side by side."""
        return len(self.ids) + self.shift

    @property
    def end(self) -> int:
        """Where a token stands that follows all that is pending."""
        return self.place + len(self.pending)

    @property
    def tokens(self) -> list[int]:
        """The tokens themselves, run or pending."""
        return self.ids + self.pending

    @property
    def segments(self) -> list[Tokens | Vectors]:
        """The same as runs of tokens and of vectors."""
        return segments(self.tokens)

    @property
    def states(self) -> list[LayerState]:
        """What is kept of all layers."""
        return [*self.layers, *self.recurrences]

    @property
    def state_bytes(self) -> int:
        """Memory of everything but entries."""
        drafters = sum(each.nbytes for each in self.companions.values())
        remembering = self.states if self.engine.remembers else self.recurrences
        return sum(state.state_bytes for state in remembering) + drafters

    @property
    def bytes_held(self) -> int:
        """Bytes in memory: keys, values, positions, what parts remember besides, and what marks keep."""
        return self.bytes_beside(set())

    def bytes_beside(self, known: set[int]) -> int:
        """The same without memory that is known, by identity; what it holds is known then."""
        columns = {id(each): each for layer in self.layers for each in layer.store.resident_columns}
        entries = sum(each.nbytes for place, each in columns.items() if place not in known)
        known.update(columns)
        return entries + self.state_bytes + self.marked_bytes

    @property
    def marked_bytes(self) -> int:
        """Bytes of entries and states that are kept only because a mark may still be gone back to."""
        if not self._marks:
            return 0
        own = {id(column) for state in self.states for column in state.columns}
        kept = {id(column): column.nbytes for mark in self._marks for column in mark.columns}
        return sum(size for place, size in kept.items() if place not in own)

    def fit(self, length: int) -> int | None:
        """Makes its positions for so many tokens, while it is still empty.

        Returns how many tokens they support, None where nothing bounds them.
        """
        self.fitted = self.fitted or length
        scheme = self.engine.scheme
        return (scheme if scheme.dynamic else self.positions(length)).window(self.engine.seam.window)

    def positions(self, length: int) -> Positions:
        """The plan's positions for the sequence when it has come to so many tokens."""
        engine = self.engine
        reach = length if engine.scheme.dynamic else self.fitted or length
        return engine.scheme.fitted(reach, engine.seam.window)

    def rope(self, layer: int, length: int) -> Rope:
        """The model's own rotation in a layer, when the sequence has come to so many tokens."""
        return self.engine.seam.layers[layer].rope.at(max(length, self.announced))

    def take(
        self,
        ids: list[int],
        *,
        question: list[int] | None = None,
        back: int = 0,
        begins_round: bool = False,
    ) -> None:
        """Puts tokens behind what is pending.

        question: the tokens after them that ask, taken too; a guided policy knows them from the beginning and acts
        where they begin. back: how many pending tokens at the end are taken back first. begins_round: whether a round
        of the dialogue begins with the tokens.
        """
        asking = question or []
        del self.pending[len(self.pending) - back :]
        if begins_round and self.end > self.rounds[-1]:
            self.rounds.append(self.end)
        self.pending.extend([*ids, *asking])
        self.asked = range(self.end - len(asking), self.end)
        guided = self.engine.policy is not None and self.engine.policy.guided
        self.question = asking if guided and len(self.pending) > len(asking) else []

    def surprises(self) -> Tensor | None:
        """−log p of the tokens run so far, fp32 `[run]`."""
        if not self.surprise:
            return None
        if len(self.surprise) > 1:
            self.surprise = [torch.cat(self.surprise)]
        return self.surprise[0]

    def script(self) -> Script:
        """The text, for a policy that has the model read more before it acts."""
        if self.words is None:
            raise ValueError("sequence has no words, and its policy has the model read some; open a session")
        return Script(
            ids=self.ids[: self.asked.start] if self.asked else self.ids,
            question=self.question,
            encode=self.words.encode,
            chunk=self.engine.chunk,
            reply=self.words.reply,
        )

    def fork(self, ledger: Ledger, engine: Engine | None = None, *, apart: bool = False) -> Sequence:
        """A second sequence with the same past; entries are copied only when one of the two writes.

        engine: of another plan that would have read the same. apart: new entries lie behind those there are now, apart,
        so that these are never copied: under a plan that leaves entries as they are, in layers without a window.
        """
        chosen = engine or self.engine
        twin = Sequence.__new__(Sequence)
        twin.__dict__ |= (
            self.__dict__
            | self._known()
            | {
                "engine": chosen,
                "ledger": ledger,
                "layers": [
                    layer.fork(ledger, apart=apart and chosen.leaves_entries and window is None)
                    for layer, window in zip(self.layers, chosen.windows, strict=True)
                ],
                "recurrences": [each.fork(ledger) for each in self.recurrences],
                "rehearsed": {
                    key: spent for key, spent in self.rehearsed.items() if key[0] in chosen.parts.trackings
                },
                "companions": {},
                "learned": {},
                "open_rows": None,
                "steady": None,
                "_marks": WeakSet(),
            }
        )
        for layer, window in zip(twin.layers, chosen.windows, strict=True):
            layer.serve(chosen.parts, full=window is None)
        return twin

    def beside(self, ledger: Ledger, engine: Engine) -> Sequence:
        """One with the same past that adds a few tokens and is gone before this one goes on, so that nothing is copied.

        engine: of another plan under which it goes on; what parts remember of the past is made again.
        """
        twin = Sequence(engine, ledger, words=self.words)
        also = ("shift", "raised")
        for name in (
            "ids",
            "pending",
            "upcoming",
            "fitted",
            "announced",
            "rounds",
            "asked",
            "surprise",
            *also,
        ):
            setattr(twin, name, _copied(getattr(self, name)))
        stores = [layer.store.fork(ledger, apart=True) for layer in self.layers]
        twin.layers = [AttentionState(store, engine.parts) for store in stores]
        twin.recurrences = [each.fork(ledger) for each in self.recurrences]
        return twin

    def mark(self) -> Mark:
        """This moment, to go back to by `rewind`, as often as one likes, until the sequence is released.

        Entries are not copied: what is dropped afterwards is kept while the mark lives.
        """
        mark = Mark(states=[state.mark() for state in self.states], known=self._known())
        self._marks.add(mark)
        return mark

    def rewind(self, mark: Mark) -> None:
        """Goes back to a moment of its own: what was read, generated, dropped and remembered since is undone.

        Raises ValueError for a mark of another sequence, or one from before the memory was given back.
        """
        if mark not in self._marks:
            raise ValueError(
                "mark is of another sequence or was given up; rewind to one that this sequence made"
            )
        for state, before in zip(self.states, mark.states, strict=True):
            state.rewind(before)
        for name, value in mark.known.items():
            setattr(self, name, _copied(value))

    def release(self) -> None:
        """Gives all memory back, that of marks too."""
        self._marks.clear()
        for each in self.companions.values():
            each.release()
        self.companions, self.learned = {}, {}
        for state in self.states:
            state.release()

    def parts(self) -> dict[str, Callable[[], dict[str, Tensor]]]:
        """What `load` takes, made part by part when it is asked for: a part for each layer and one for the rest."""
        return {"text": self._tensors} | {name: state.tensors for name, state in self._named.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Gives a fresh sequence what `parts` made. Nothing of `tensors` is held afterwards."""
        mine, device = under("text", tensors), self.engine.seam.device
        tokens = restored([*mine["ids"].tolist(), *mine["pending"].tolist()], mine)
        self.ids, self.pending = tokens[: len(mine["ids"])], tokens[len(mine["ids"]) :]
        self.rounds = mine["rounds"].tolist()
        self.asked = range(*mine["asked"].tolist())
        self.uncompressed, self.fitted = int(mine["uncompressed"]), int(mine["fitted"])
        if "upcoming" in mine:
            self.upcoming = mine["upcoming"].to(device, copy=True)
        self.shift = int(mine.get("shift", 0))
        if "raised" in mine:
            start, by = mine["raised"].tolist()
            self.raised = Raised(int(start), by)
        if "share" in mine:
            self.share = float(mine["share"])
        if "surprise" in mine:
            self.surprise = [mine["surprise"].to(device, copy=True)]
        for name, state in self._named.items():
            state.load(under(name, tensors), device)

    def say(self, token: int, *, ended: bool, again: bool = False) -> None:
        """Takes a token that was drawn, which is pending now.

        ended: one that ends what is said. again: whether another sequence says it too, which counts it.
        """
        self.pending.append(token)
        if self.conversation is not None:
            self.conversation.spoke(token, ended=ended)
        self.spent.generated_tokens += not again

    def put(self, ids: list[int], *, instead: bool) -> None:
        """Puts tokens behind what it said. instead: of the last token that it said, which is pending."""
        if instead:
            self.pending.pop()
        self.pending.extend(ids)

    @property
    def _named(self) -> dict[str, LayerState]:
        named: dict[str, LayerState] = {f"layer{number}": each for number, each in enumerate(self.layers)}
        return named | {f"recurrence{number}": each for number, each in enumerate(self.recurrences)}

    def _known(self) -> dict[str, Any]:
        return {name: _copied(getattr(self, name)) for name in _KNOWN}

    def _tensors(self) -> dict[str, Tensor]:
        held = {
            "ids": torch.tensor(self.ids, dtype=torch.int32),
            "rounds": torch.tensor(self.rounds, dtype=torch.int32),
            "asked": torch.tensor([self.asked.start, self.asked.stop], dtype=torch.int32),
            "uncompressed": torch.tensor(self.uncompressed),
            "fitted": torch.tensor(self.fitted),
            "pending": torch.tensor(self.pending, dtype=torch.int32),
            **tensors_of(self.tokens),
        }
        if self.upcoming is not None:
            held["upcoming"] = self.upcoming
        if self.shift:
            held["shift"] = torch.tensor(self.shift)
        if self.raised is not None:
            held["raised"] = torch.tensor(self.raised, dtype=torch.float64)
        if self.share is not None:
            held["share"] = torch.tensor(self.share, dtype=torch.float64)
        surprise = self.surprises()
        return held if surprise is None else held | {"surprise": surprise}


def _copied(value: Any) -> Any:
    """A value that does not change when the original does; tensors are never changed where they lie."""
    if isinstance(value, Conversation):
        return value.fork()
    if isinstance(value, Spent):
        return replace(value)
    if isinstance(value, list):
        return [_copied(each) for each in value] if value and isinstance(value[0], list) else value.copy()
    return dict(value) if isinstance(value, dict) else value


def reading(tokens: int, asked: int, more: bool) -> list[Any]:
    """What a history says of a reading: its tokens, those of its question, and whether the text goes on."""
    return ["read", tokens, asked, more]
