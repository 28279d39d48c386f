"""Which methods exist: a name in a room leads to a class, imported only when it is asked for.

A room's package lists its methods in `METHODS`. Each of them is one file, named as the method, with its class and its
card as `CARD = Card(...)`. Users add their own with `register`, and installed packages bring theirs (`brought.py`),
named `policy.mine`, each a `Card`.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from longspan import brought
from longspan.errors import PlanError, UnknownMethod

SLOTS = ("positions", "pattern", "policy", "selector", "codec", "decode")
"""The rooms that a plan has a slot for; others hold parts of these, ways to read, to write and to converse."""

ROOMS = {
    "positions": "longspan.positions",
    "pattern": "longspan.patterns",
    "policy": "longspan.policies",
    "selector": "longspan.selectors",
    "codec": "longspan.codecs",
    "decode": "longspan.decoding",
    "unit": "longspan.policies.units",
    "allocator": "longspan.policies.allocators",
    "disposer": "longspan.policies.disposers",
    "grouping": "longspan.selectors.groupings",
    "digest": "longspan.selectors.digests",
    "scoring": "longspan.selectors.scorings",
    "reuse": "longspan.selectors.reuses",
    "embedder": "longspan.retrieval.embedders",
    "retriever": "longspan.retrieval.retrievers",
    "reranker": "longspan.retrieval.rerankers",
    "windows": "longspan.windows",
    "compressor": "longspan.compressing",
    "flow": "longspan.flows",
    "writing": "longspan.writing",
    "selection": "longspan.demonstrations.selections",
    "lesson": "longspan.demonstrations.lessons",
    "conversing": "longspan.conversing",
    "reasoner": "longspan.reasoning",
}
"""Room -> the package that lists its METHODS."""

_added: dict[str, dict[str, Card]] = {room: {} for room in ROOMS}


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is known of a method without importing it.

    name: lower case, words joined by hyphens
    target: where its class is, as "module:Class"
    paper: title of the paper
    link: https address of the paper, on arXiv where it is there
    year: when the paper appeared
    training: whether the model must be trained for it
    trained: whether the paper trains the model, or a part beside it, which is done without here
    changes: one sentence, what it changes
    field: ids of the papers of the field map that it implements
    missing: what of these papers is not here and why, in one sentence; empty where nothing is
    """

    name: str
    target: str
    paper: str
    link: str
    year: int
    training: bool
    changes: str
    field: tuple[int, ...] = ()
    trained: bool = False
    missing: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise ValueError(f"name={self.name!r} is not lower-case words and digits joined by hyphens")
        if not re.fullmatch(r"\w+(\.\w+)*:\w+(\.\w+)*", self.target):
            raise ValueError(f"target={self.target!r} is not of the form module:Class")

    @property
    def needs(self) -> Literal["needed", "in the paper, not here", "no"]:
        """Whether training is needed, in words."""
        if self.training:
            return "needed"
        return "in the paper, not here" if self.trained else "no"


def room_of(name: str) -> str:
    """The room called `name`, given as its slot ("policy") or its folder ("policies").

    Raises UnknownMethod for any other name.
    """
    for room, package in ROOMS.items():
        if name in (room, package.rpartition(".")[2]):
            return room
    raise UnknownMethod(f"no room {name!r}{did_you_mean(name, ROOMS)}; the rooms are {', '.join(ROOMS)}")


def cards(room: str | None = None) -> tuple[Card, ...]:
    """The cards of one room, or of all rooms in their order: built in, added, installed."""
    if room is None:
        return tuple(card for each in ROOMS for card in cards(each))
    return tuple(_cards(room_of(room)))


def card(room: str, name: str) -> Card:
    """The card of method `name` in `room`; UnknownMethod with the nearest names if there is none."""
    room = room_of(room)
    known = _lookup(room, name)
    if known is None:
        raise UnknownMethod(_unknown(room, name))
    return known


def find(room: str, name: str) -> type:
    """The class of method `name` in `room`, imported now.

    Raises UnknownMethod with the nearest names, or with the room that does have the name.
    """
    return _class(card(room, name))


def name_of(room: str, cls: type) -> str | None:
    """The name under which `cls` is registered in `room`, None if it is not."""
    for each in _cards(room_of(room)):
        if each.target.partition(":")[2] == cls.__qualname__ and _class(each) is cls:
            return each.name
    return None


def contract(room: str) -> type:
    """The class that the parts of `room` derive from: Policy in longspan.policies.base, and so on."""
    room = room_of(room)
    base = f"{ROOMS[room]}.base"
    if importlib.util.find_spec(base) is None:
        raise UnknownMethod(_empty(room))
    found: type = getattr(importlib.import_module(base), room.capitalize())
    return found


def register(room: str, card: Card) -> None:
    """Add a method of your own to `room` for this run; ValueError if its name is taken there."""
    room = room_of(room)
    if _lookup(room, card.name) is not None:
        raise ValueError(f"{room}={card.name} is registered already; give your method another name")
    _added[room][card.name] = card


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """ "; did you mean yarn?" for the nearest known names, "" if none is near."""
    near = difflib.get_close_matches(name.lower().replace("_", "-"), list(known), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def own(room: str) -> tuple[str, ...]:
    """The names of longspan's own methods in `room`; no file of theirs is read."""
    listed: tuple[str, ...] = importlib.import_module(ROOMS[room_of(room)]).METHODS
    return listed


_CARD = re.compile(r"^CARD = (Card\(.*?^\))$", re.MULTILINE | re.DOTALL)


@cache
def _own(room: str, name: str) -> Card:
    """The card of one of longspan's own methods, read in its file, since importing that would load torch."""
    file = files(ROOMS[room]).joinpath(f"{name.replace('-', '_')}.py")
    written = _CARD.search(file.read_text("utf-8"))
    if written is None:
        raise LookupError(
            f"{file} has no CARD = Card(...), of literals, one fact a line; write it above the class"
        )
    call = cast(ast.Call, ast.parse(written[1], mode="eval").body)
    return Card(**{str(each.arg): ast.literal_eval(each.value) for each in call.keywords})


def _cards(room: str) -> Iterator[Card]:
    """Every card of `room`; installed packages are loaded only when all others have been seen."""
    yield from (_own(room, name) for name in own(room))
    yield from tuple(_added[room].values())
    for key in brought.announced(METHODS.group):
        where, _, name = key.partition(".")
        if where not in ROOMS:
            METHODS.load(key)  # says what is wrong
        if where == room and name not in _added[room]:
            yield _load(room, name)


def _lookup(room: str, name: str) -> Card | None:
    if name in own(room):
        return _own(room, name)
    if name not in _added[room] and f"{room}.{name}" in brought.announced(METHODS.group):
        return _load(room, name)
    return _added[room].get(name)


def _announced(name: str, found: object) -> Card:
    """What a package announces as "room.name"."""
    room, _, own = name.partition(".")
    if room not in ROOMS:
        raise ValueError(f"names none of the rooms {', '.join(ROOMS)}")
    if not isinstance(found, Card) or found.name != own:
        raise ValueError(f"is not the Card of {own!r}")
    return found


METHODS = brought.Kind(
    group="longspan.methods",
    own=lambda: (f"{room}.{name}" for room in ROOMS for name in own(room)),
    read=_announced,
    error=PlanError,
)


def _load(room: str, name: str) -> Card:
    """The card of an installed package's method, kept in `_added`."""
    return _added[room].setdefault(name, METHODS.load(f"{room}.{name}"))


def _class(card: Card) -> type:
    module, _, path = card.target.partition(":")
    found: object = importlib.import_module(module)
    for step in path.split("."):
        found = getattr(found, step)
    if not isinstance(found, type):
        raise TypeError(f"{card.target}, the target of {card.name}, is not a class")
    return found


def _unknown(room: str, name: str) -> str:
    for other in ROOMS:
        if other != room and _lookup(other, name) is not None:
            return f"{room}={name}: {name} is {_article(other)}; write {_usage(other, name)}"
    known = sorted(each.name for each in cards(room))
    if not known:
        return _empty(room)
    near = did_you_mean(name, known)
    return f"no {room} method {name!r}{near or '; there are ' + ', '.join(known)}"


def _empty(room: str) -> str:
    return f"this version has no {room} methods; leave {room} out"


_HOLDERS = {
    "embedder": "retriever",
    "retriever": "flow",
    "reranker": "flow",
    "windows": "flow",
    "compressor": "flow",
    "selection": "lesson",
}
"""What holds the parts of a room, where that is no policy."""


def _article(room: str) -> str:
    kind = {
        "positions": "position scheme",
        "decode": "decoding method",
        "windows": "way to read windows",
    }.get(room, room)
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _usage(room: str, name: str) -> str:
    held = f"{room}={name}"
    return (
        held
        if room in (*SLOTS, "flow", "lesson", "writing", "conversing", "reasoner")
        else f"{_HOLDERS.get(room, 'policy')}=METHOD({held})"
    )
