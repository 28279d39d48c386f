"""A selector: a query visits every other entry, and the last ones."""

from dataclasses import dataclass

import torch

from longspan.registry import Card
from longspan.selectors.base import Chosen, Selector, Summary


class Nothing(Summary):
    """Remembers no keys, for positions alone decide."""

    def __init__(self, recent):
        self.recent = recent

    def extend(self, visit):
        self.covered = visit.entries

    def select(self, visit):
        places = torch.arange(visit.entries)
        chosen = places[(places % 2 == 0) | (places >= visit.entries - self.recent)]
        return Chosen(chosen.expand(visit.query.shape[0], -1))


@dataclass(frozen=True, kw_only=True)
class EveryOther(Selector):
    """Visits entries at even places, and so many recent ones. https://example.org/other

    recent: the last entries, which are all visited.
    """

    recent: int = 8

    def summary(self):
        return Nothing(self.recent)


CARD = Card(
    name="every-other",
    target="every_other:EveryOther",
    paper="A stranger's selector",
    link="https://example.org/other",
    year=2026,
    training=False,
    changes="Visits every other entry.",
)
ENTRY_POINTS = {"longspan.methods": {"selector.every-other": "every_other:CARD"}}
