"""The map of the field: the papers that longspan is to cover, and what implements them."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from longspan import registry
from longspan.parameters import check_choice

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


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One paper of the map.

    id: its number in the map, which the `field` of a method's card refers to
    room: code of its room in the map, a key of ROOMS
    name: the short name of the method, benchmark or finding
    title: title of the paper
    implemented: the parts that implement it, each as "room=name", and commands that do; empty means not yet
    missing: what of it is not here and why; empty where nothing is, or nothing is implemented
    """

    id: int
    room: str
    name: str
    title: str
    implemented: tuple[str, ...] = ()
    missing: str = ""

    @property
    def state(self) -> Literal["in full", "in part", "not yet"]:
        """How much of it is implemented."""
        if not self.implemented:
            return "not yet"
        return "in part" if self.missing else "in full"

    @property
    def status(self) -> str:
        """What implements it, and what is missing; or "not yet"."""
        done = ", ".join(self.implemented)
        return {"in full": done, "in part": f"{done}; in part: {self.missing}", "not yet": "not yet"}[
            self.state
        ]


def papers(words: str | None = None, room: str | None = None) -> list[Paper]:
    """The papers in which every one of `words` occurs, best match first; without words, in the map's order.

    A word may occur anywhere in the name, the title or the room, in upper or lower case. A paper whose
    name has the word comes before one whose title has it. `room` keeps one room, given by its code;
    ValueError if there is no such room.
    """
    if room is not None:
        check_choice("room", room.upper(), ROOMS)
    wanted = (words or "").casefold().split()
    parts, missing = _implemented()
    found = []
    for id, code, name, title in _facts():
        if room is None or code == room.upper():
            paper = Paper(
                id=id,
                room=code,
                name=name,
                title=title,
                implemented=tuple(parts[id]),
                missing=" ".join(dict.fromkeys(missing[id])),
            )
            found.append((sum(_distance(word, paper) for word in wanted), paper))
    found.sort(key=lambda each: each[0])
    return [paper for distance, paper in found if distance < math.inf]


@cache
def _facts() -> tuple[tuple[int, str, str, str], ...]:
    return tuple((int(id), room, name, title) for id, room, name, title in _table("field.tsv"))


@cache
def commands() -> tuple[tuple[int, str, str], ...]:
    """Papers that a command implements, as their ids, the commands, and what is missing ("" for nothing)."""
    return tuple((int(id), command, missing) for id, command, missing in _table("field_commands.tsv"))


def _table(name: str) -> list[list[str]]:
    """The rows of a file of tab-separated values, without its head."""
    lines = files("longspan").joinpath(name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines[1:]]


def _implemented() -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """Paper id -> what implements it, and paper id -> what of it is missing."""
    cards = [
        (id, f"{room}={card.name}", card.missing)
        for room in registry.ROOMS
        for card in registry.cards(room)
        for id in card.field
    ]
    parts, missing = defaultdict[int, list[str]](list), defaultdict[int, list[str]](list)
    for id, part, lack in (*cards, *commands()):
        parts[id].append(part)
        if lack:
            missing[id].append(lack)
    return parts, missing


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
