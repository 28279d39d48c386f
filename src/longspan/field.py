"""The map of the field: the papers that longspan is to cover, and what implements them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Literal

from longspan import named, registry
from longspan.credit import Credit, Kind
from longspan.evaluation.catalogue import FAMILIES, module_of
from longspan.parameters import check_choice

State = Literal["in full", "in part", "left out", "not yet"]

ROOMS = {
    "ARCH": "architectures",
    "ATT": "sparse attention",
    "CMP": "compressed contexts",
    "DEC": "speculative decoding",
    "DIST": "many devices",
    "DLM": "diffusion language models",
    "EVAL": "benchmarks and evaluation",
    "FLOW": "reading and writing flows",
    "ICL": "in-context learning",
    "KV": "key-value cache",
    "MM": "images, audio and video",
    "POS": "positions",
    "PROBE": "analyses of models",
    "REASON": "long reasoning",
    "RET": "retrieval",
    "SERVE": "serving",
    "SURVEY": "surveys and theory",
    "TRAIN": "training and its data",
    "TTT": "learning at test time",
}
"""The codes of the map's rooms, in words."""


KINDS: dict[Kind, str] = {
    "method": "{}",
    "flow": "{}",
    "plan": "plan {}",
    "task": "longspan eval {}",
    "metric": "metric {}",
    "profile": "profile {}",
    "probe": "longspan probe {}",
    "recipe": "longspan extend ({})",
    "command": "longspan {}",
    "function": "{}",
}
"""The kinds of parts that implement papers, each with how one of a name is shown."""

CREDITED = (
    "evaluation",
    "evaluation.metrics.effective",
    "extending",
    "flows",
    "positions",
    "profiles",
    "reasoning",
    "retrieval",
)
"""The modules of longspan that say in CREDITS which papers their parts without a card implement; tasks say it too."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part that implements a paper. kind: what it is. name: as it is named in use. missing: as in `Credit`."""

    kind: Kind
    name: str
    missing: str = ""


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One paper of the map.

    id: its number in the map, which the `field` of a method's card refers to
    room: code of its room in the map, a key of ROOMS
    name: the short name of the method, benchmark or finding
    title: title of the paper
    parts: what implements it; empty means not yet, or left out
    reason: why it is left out; empty where it is not
    """

    id: int
    room: str
    name: str
    title: str
    parts: tuple[Part, ...] = ()
    reason: str = ""

    @property
    def implemented(self) -> tuple[str, ...]:
        """The parts that implement it, by name."""
        return tuple(part.name for part in self.parts)

    @property
    def missing(self) -> str:
        """What of it is not here and why; empty where nothing is, or nothing is implemented."""
        return " ".join(dict.fromkeys(part.missing for part in self.parts if part.missing))

    @property
    def state(self) -> State:
        """How much of it is implemented."""
        if not self.parts:
            return "left out" if self.reason else "not yet"
        return "in part" if self.missing else "in full"

    @property
    def status(self) -> str:
        """What implements it, and what is missing; or why it is left out; or "not yet"."""
        done = ", ".join(self.implemented)
        return {
            "in full": done,
            "in part": f"{done}; in part: {self.missing}",
            "left out": f"left out: {self.reason}",
            "not yet": "not yet",
        }[self.state]


def papers(words: str | None = None, room: str | None = None) -> list[Paper]:
    """The papers in which every one of `words` occurs, best match first; without words, in the map's order.

    A word may occur anywhere in the name, the title or the room, in upper or lower case. A paper whose
    name has the word comes before one whose title has it. `room` keeps one room, given by its code;
    ValueError if there is no such room.
    """
    if room is not None:
        check_choice("room", room.upper(), ROOMS)
    wanted = (words or "").casefold().split()
    parts = _parts()
    found = []
    for id, code, name, title, reason in _facts():
        if room is None or code == room.upper():
            paper = Paper(id=id, room=code, name=name, title=title, parts=tuple(parts[id]), reason=reason)
            found.append((sum(_distance(word, paper) for word in wanted), paper))
    found.sort(key=lambda each: each[0])
    return [paper for distance, paper in found if distance < math.inf]


def counts(found: Iterable[Paper]) -> dict[Kind, dict[State, int]]:
    """How many of the papers a kind of part implements, in full or in part; a paper may have parts of several kinds."""
    counted: dict[Kind, dict[State, int]] = {kind: {"in full": 0, "in part": 0} for kind in KINDS}
    for paper in found:
        for kind in {part.kind for part in paper.parts}:
            counted[kind][paper.state] += 1
    return counted


def credits() -> Iterator[Credit]:
    """What parts without a card say of papers: those of longspan's modules, then those of its tasks."""
    for name in CREDITED:
        yield from import_module(f"longspan.{name}").CREDITS
    for family in FAMILIES:
        yield from getattr(module_of(family), "CREDITS", ())


@cache
def _facts() -> tuple[tuple[int, str, str, str, str], ...]:
    lines = files("longspan").joinpath("field.tsv").read_text(encoding="utf-8").splitlines()
    rows = ([*line.split("\t"), ""][:5] for line in lines[1:])
    return tuple((int(id), room, name, title, reason) for id, room, name, title, reason in rows)


def _parts() -> dict[int, list[Part]]:
    """Paper id -> what implements it."""
    found = defaultdict[int, list[Part]](list)
    for room in registry.ROOMS:
        for card in registry.cards(room):
            kind: Kind = "flow" if room == "flow" else "method"
            for id in card.field:
                found[id].append(Part(kind=kind, name=f"{room}={card.name}", missing=card.missing))
    for plan in named.plans():
        for id in plan.field:
            found[id].append(Part(kind="plan", name=KINDS["plan"].format(plan.name), missing=plan.missing))
    for each in credits():
        shown = KINDS[each.kind].format(each.name)
        found[each.field].append(Part(kind=each.kind, name=shown, missing=each.missing))
    return found


def _distance(word: str, paper: Paper) -> float:
    """How far `word` is from naming `paper`: 0 is its name, infinity does not occur."""
    name, title, code = paper.name.casefold(), paper.title.casefold(), paper.room.casefold()
    fits = (
        word == name,
        word == code,
        name.startswith(word),
        word in name,
        word in title,
        word in ROOMS[paper.room],
    )
    return fits.index(True) if True in fits else math.inf
