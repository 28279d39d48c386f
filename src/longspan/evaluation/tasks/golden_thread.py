"""Spinning the Golden Thread: long plans that keep to instructions (https://arxiv.org/abs/2409.02076)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from longspan.credit import Credit
from longspan.evaluation.long_answer import LongAnswer
from longspan.evaluation.metrics.length import count_words
from longspan.evaluation.origin import Origin
from longspan.evaluation.sample import Sample
from longspan.evaluation.task import Level, Request

Check: TypeAlias = tuple[str, int, str]
"""Kind of instruction, number of the block, and the keyword that the block must have."""

KINDS = ("once", "range", "periodic")
ONCE = 5
"""Instructions for a single block, as many as in the paper."""
FEWEST = 12
"""Blocks of the shortest plan."""


@dataclass(frozen=True, kw_only=True)
class GoldenThread(LongAnswer):
    """A plan of many blocks. block: what a block is called in the text. plan: what is to be written.

    keywords: what instructions put into blocks; each is used for one instruction at most. demand: how an instruction
    is worded, with {keyword}. words: fewest words of a block.
    """

    block: str
    plan: str
    demand: str
    keywords: tuple[str, ...]
    words: int = 150

    origin: Origin = "stand-in"
    unlike: str = (
        "plans and instructions of ours; keywords in their very words instead of a judge; what is missing "
        "counts as failed"
    )
    diffusion: Level = "medium"
    scope: Level = "high"
    metric: str = (
        "mean over the once, range and periodic instructions of the share met: an instruction is met when its keyword "
        "stands in its block; blocks that are missing do not meet theirs. By rules, where the paper asks a model; "
        "completion: blocks found / blocks wanted; full: blocks with the wanted words"
    )
    paper: str = "Spinning the Golden Thread: Benchmarking Long-Form Generation in Language Models"
    link: str = "https://arxiv.org/abs/2409.02076"
    form: str = (
        "the plan and its instructions as context, the answer's form as question; each block begins with #*# and its "
        "number"
    )

    def make(self, random: Random, index: int, request: Request) -> Sample:
        """One plan, of as many blocks as the length allows."""
        keywords = random.sample(self.keywords, ONCE + 2)
        places = [random.random() for _ in range(ONCE)]
        first, span = random.uniform(0.1, 0.8), random.randint(3, 5)
        start, step = random.randint(2, 5), random.randint(3, 6)

        def build(count: int) -> tuple[Sample, str]:
            once = zip(keywords, _distinct(places, count), strict=False)
            checks = [("once", place, keyword) for keyword, place in once]
            begin = 1 + int(first * (count - span))
            checks += [("range", place, keywords[-2]) for place in range(begin, begin + span)]
            checks += [("periodic", place, keywords[-1]) for place in range(start, count + 1, step)]
            rules = [f"{self.block} {place}: {self._demand(keyword)}" for _, place, keyword in checks[:ONCE]]
            rules += [
                f"{self.block} {begin} to {self.block} {begin + span - 1}, each of them: {self._demand(keywords[-2])}",
                f"{self.block} {start} and every {step} after it ({start}, {start + step}, ...) up to the last: "
                f"{self._demand(keywords[-1])}",
            ]
            return self._sample(count, rules, checks), self._answer(count, checks)

        return self.filled(build, request, fewest=FEWEST)

    def _demand(self, keyword: str) -> str:
        return self.demand.format(keyword=keyword)

    def _sample(self, count: int, rules: list[str], checks: list[Check]) -> Sample:
        listed = "\n".join(f"{number}) {rule}" for number, rule in enumerate(rules, 1))
        return Sample(
            id="",
            context=f"{self.plan.format(count=count)}\n\nKeep to these instructions:\n{listed}",
            question=(
                f"\n\nWrite all {count} entries, from {self.block} 1 to {self.block} {count}, in order and without "
                f"leaving any out, each of at least {self.words} words. Where an instruction holds for an entry, use "
                f"its very words. Begin each entry with '#*# {self.block}' and its number, as in "
                f"'#*# {self.block} 1:', and write '*** finished ***' after the last."
            ),
            references=tuple(f"{self.block} {place}: {keyword}" for _, place, keyword in checks),
            facts={"blocks": count, "checks": [list(check) for check in checks]},
        )

    def _answer(self, count: int, checks: list[Check]) -> str:
        """An answer that meets everything, as long as the shortest one that does."""
        filling = "On this day the plan goes on as before again. " * -(-self.words // 10)
        parts = []
        for place in range(1, count + 1):
            wanted = ", ".join(keyword for _, block, keyword in checks if block == place)
            parts.append(f"#*# {self.block} {place}: {wanted}. {filling}")
        return "\n".join((*parts, "*** finished ***"))

    def score(self, output: str, sample: Sample) -> Mapping[str, float]:
        """The share of instructions met, all and by kind, completion, and the share of blocks with enough words."""
        blocks = written(output, self.block)
        count = sample.facts["blocks"]
        met: dict[str, list[bool]] = {kind: [] for kind in KINDS}
        for kind, place, keyword in sample.facts["checks"]:
            met[kind].append(_plain(keyword) in _plain(blocks.get(place, "")))
        shares = {kind: sum(values) / len(values) for kind, values in met.items()}
        found = [blocks[place] for place in range(1, count + 1) if place in blocks]
        return {
            "score": sum(shares.values()) / len(KINDS),
            "completion": len(found) / count,
            "full": sum(count_words(text) >= self.words for text in found) / count,
            **shares,
        }


def written(output: str, block: str) -> dict[int, str]:
    """The text of each block by its number; the first with any text where a number comes again."""
    heading = re.compile(rf"\W*{re.escape(block)}\s+(\d{{1,9}})\b(.*)", re.IGNORECASE | re.DOTALL)
    found: dict[int, str] = {}
    for part in output.split("#*#"):
        begun = heading.match(part)
        if begun and begun[2].strip(" :*\n"):
            found.setdefault(int(begun[1]), begun[2])
    return found


def _plain(text: str) -> str:
    """Lower-case words but articles, with single blanks between and around them."""
    words = (word for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in ("a", "an", "the"))
    return f" {' '.join(words)} "


def _distinct(places: list[float], count: int) -> list[int]:
    """Block numbers for shares of the plan; a number that is taken gives way to the next free one."""
    taken: list[int] = []
    for share in places:
        number = int(share * count)
        while number + 1 in taken:
            number = (number + 1) % count
        taken.append(number + 1)
    return taken


CREDITS = (
    Credit(
        kind="task",
        name="golden-thread",
        field=260,
        missing="Instructions are our own and looked for by their keyword, where the authors ask a model.",
    ),
)

TASKS = (
    GoldenThread(
        name="golden-thread/diary",
        description="Write a diary of many weeks in which given events happen in given weeks.",
        block="Week",
        plan="Write the diary of a biologist, with one entry for each of {count} weeks.",
        demand="the entry tells of {keyword}",
        keywords=(
            "a glider flight", "a chess tournament", "a pottery class", "the beekeepers' fair", "a fencing lesson",
            "a visit to the planetarium", "a concert of the brass band", "a lost suitcase", "a broken boiler",
            "the harvest supper", "a night at the observatory", "a letter from Lisbon", "a sailing course",
            "a blood donation", "the election of a new mayor", "a kite festival", "a meeting with a publisher",
        ),
    ),
    GoldenThread(
        name="golden-thread/menu",
        description="Write the menus of many weeks in which given dishes are served in given weeks.",
        block="Menu Week",
        plan="Write the menus of a restaurant, with starters, mains, desserts and drinks, for {count} weeks.",
        demand="the menu has {keyword}",
        keywords=(
            "venison stew", "saffron risotto", "quail with grapes", "eel in green sauce", "pumpkin gnocchi",
            "buckwheat pancakes", "lamb with apricots", "octopus salad", "walnut soup", "rhubarb trifle",
            "chestnut cake", "smoked trout", "rabbit in mustard", "fig ice cream", "juniper dumplings",
            "oyster pie", "elderflower jelly",
        ),
    ),
    GoldenThread(
        name="golden-thread/skyscraper",
        description="Describe a skyscraper floor by floor, with given uses on given floors.",
        block="Floor",
        plan="Design a skyscraper of {count} floors and describe the facilities and the look of each floor.",
        demand="the floor holds a {keyword}",
        keywords=(
            "martial arts dojo", "small cinema", "music school", "photography studio", "chess club", "dental clinic",
            "seed bank", "climbing hall", "puppet theatre", "map archive", "radio station", "glass workshop",
            "language academy", "bowling alley", "bakery museum", "court of arbitration", "wind tunnel",
        ),
    ),
    GoldenThread(
        name="golden-thread/city",
        description="Plan a city block by block, with given buildings in given blocks.",
        block="Block",
        plan="Plan a city of {count} blocks and describe what stands in each block and what it is like there.",
        demand="the block has a {keyword}",
        keywords=(
            "ferry terminal", "botanical garden", "maternity hospital", "tram depot", "fish market", "opera house",
            "velodrome", "brewery", "weather station", "law school", "skating rink", "fire brigade school",
            "pilgrims' hostel", "water tower", "bird sanctuary", "stock exchange", "circus school",
        ),
    ),
)  # fmt: skip
