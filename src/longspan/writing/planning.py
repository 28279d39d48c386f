"""The plan of a text: what its parts say and how many words each has, read with patience."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from longspan.flows.recursive_summary import words_of
from longspan.flows.replies import declines, says_nothing
from longspan.writing.prose import OPENING

LIMIT = 50
"""Parts of a plan at most, as in AgentWrite."""
FEWEST = 40
"""Words of a part at least, where the text has as many."""
EXAMPLE = "<what this part says>"
"""Stands in prompts where a part's point is to stand; a model that gives it back has said nothing."""

_NUMBERED = re.compile(r"\A[\s>*#_]*(?:\(?\d{1,3}[.):]|(?i:paragraph|section|part|chapter|step)\s+\d{1,3}\b)")
_HEAD = re.compile(
    r"\A[\s>*#_•–-]*(?:\(?\d{1,3}[.):]+\s*)*[\s*_]*"
    r"(?i:(?:paragraph|section|part|chapter|step)\s+\d{1,3}[\s*_]*[-–—:.)|]*\s*)?[\s*_]*"
    r"(?i:(?:main )?point\s*[:：])?[\s*_]*"
)
_COUNT = re.compile(
    r"(?i)[\s\-–—|,;:(\[<*_]*(?:(?:word count|words|length)\s*[:：]?[\s*_\[(<~]*(?:about |approximately |e\.g\.,? )?"
    r"(\d[\d,]*)(?:[-–](\d[\d,]*))?(?:\s*words?)?"
    r"|(?:about |~)?(\d[\d,]*)(?:[-–](\d[\d,]*))?\s*(?:words?\b|字))"
    r"[\s)\]>*_.]*"
)
_EMPTY_COUNT = re.compile(r"(?i)[\s\-–—|,;(\[<*_]*word count\s*[:：].*\Z")
_BRACKETS = re.compile(r"\A[\[<(](.*)[\])>]\Z")
_WILD = 100_000  # words that no part has
_LONGEST = 100  # words of a point
_CIRCLES = 3  # times that a list may have the same part


@dataclass(frozen=True, kw_only=True)
class Point:
    """A part of a plan. about: what it says. words: how many, 0 where nobody said. share: which share of it, if cut."""

    about: str
    words: int = 0
    share: str = ""

    @property
    def told(self) -> str:
        """What it says, for a model."""
        return f"{self.about} ({self.share})" if self.share else self.about


def points(said: str) -> list[Point]:
    """The parts that a reply lists, whatever their numbers; empty where it lists none, or more than fifty.

    Where lines have numbers or counts of words, others are remarks, or belong to the part before if they are moved in.
    A list that goes round in circles ends where it does.
    """
    if declines(said):
        return []
    found: list[tuple[Point, bool]] = []
    for line in said.splitlines():
        point, planned = _point(line), bool(_NUMBERED.match(line))
        if not point.about or _is_example(point.about) or len(words_of(point.about)) > _LONGEST:
            continue
        if not planned and OPENING.match(line):
            continue
        planned = planned or point.words > 0
        if not planned and line[:1].isspace() and found:
            before, its = found[-1]
            found[-1] = replace(before, about=f"{before.about}; {point.about}"), its
            continue
        found.append((point, planned))
    if any(planned for _, planned in found):
        found = [each for each in found if each[1]]
    else:
        found = [each for each in found if not each[0].about.endswith((":", "："))]
    listed = _straight([point for point, _ in found])
    return listed if len(listed) <= LIMIT else []


def spread(found: Sequence[Point], words: int, longest: int, parts: int = LIMIT) -> list[Point]:
    """Parts with words that together are as many as asked, none with more than `longest`.

    Counts keep their proportions; a part without one gets the mean of the others. Parts that would have fewer than
    forty words are one with their neighbour, also where there are more than `parts`; those with more than `longest`
    words are several.
    """
    known = [each.words for each in found if each.words]
    mean = sum(known) / len(known) if known else 1.0
    weights = [float(each.words or mean) for each in found]
    abouts = [each.about for each in found]
    fewest = min(FEWEST, words)
    while len(abouts) > 1 and (len(abouts) > parts or min(weights) * words < fewest * sum(weights)):
        at = weights.index(min(weights))
        other = at - 1 if at and (at + 1 == len(weights) or weights[at - 1] <= weights[at + 1]) else at + 1
        first, last = sorted((at, other))
        abouts[first : last + 1] = [f"{abouts[first]}; {abouts[last]}"]
        weights[first : last + 1] = [weights[first] + weights[last]]
    made: list[Point] = []
    for about, own in zip(abouts, shares(words, weights), strict=True):
        pieces = -(-own // longest)
        for number, size in enumerate(shares(own, [1.0] * pieces), 1):
            share = f"part {number} of {pieces} of it" if pieces > 1 else ""
            made.append(Point(about=about, words=size, share=share))
    return made


def shares(whole: int, weights: Sequence[float]) -> list[int]:
    """A number as whole shares in proportion to weights, which together are the number."""
    total, edges, so_far = sum(weights), [0], 0.0
    for weight in weights:
        so_far += weight
        edges.append(round(whole * so_far / total))
    return [end - start for start, end in pairwise(edges)]


def _straight(listed: list[Point]) -> list[Point]:
    """Up to where a list goes round in circles: where a part comes for the second time that comes more than thrice."""
    often = Counter(each.about for each in listed)
    seen: set[str] = set()
    for at, each in enumerate(listed):
        if often[each.about] > _CIRCLES and each.about in seen:
            return listed[:at]
        seen.add(each.about)
    return listed


def _point(line: str) -> Point:
    line = line.strip()
    words, counted = 0, None
    for each in _COUNT.finditer(line):
        if each.end() == len(line) or "word count" in each[0].lower():
            counted = each
    if counted is not None:
        numbers = [int(each.replace(",", "")) for each in counted.groups() if each]
        words = sum(numbers) // len(numbers)
        line = f"{line[: counted.start()]} {line[counted.end() :]}".strip()
    about = _HEAD.sub("", _EMPTY_COUNT.sub("", line), count=1).strip().strip("*_").strip()
    if inner := _BRACKETS.match(about):
        about = inner[1].strip()
    about = about.strip(" -–—|")
    said = bool(words_of(about)) and not says_nothing(about)
    return Point(about=about if said else "", words=words if 0 < words < _WILD else 0)


def _is_example(about: str) -> bool:
    return words_of(about.casefold()) == words_of(EXAMPLE.casefold())
