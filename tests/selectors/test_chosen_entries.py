"""Attention over chosen entries is attention over all of them when all are chosen, whatever else the plan has."""

from dataclasses import dataclass
from functools import cache

import pytest
import torch
from torch.testing import assert_close

from longspan.plan import Plan
from longspan.selectors.base import Chosen, Selector, Summary
from tiny import tiny_model, tokens

PLANS = [
    "",
    "positions=yarn(factor=2)",
    "positions=self-extend(group=2,neighbour=16)",
    "positions=dca(chunk=0.1,local=0.02)",
    "codec=int8",
    "codec=kivi(bits=4,group_size=8,residual_length=16)",
    "codec=low-rank(rank=12,recent=16)",
    "codec=million(nbits=4,residual_length=16)",
    "policy=adakv(budget=40,window=8)",
    "policy=adakv(budget=40,window=8) positions=self-extend(group=2,neighbour=16)",
    "policy=snapkv(budget=40,window=8,disposer=quantize(codec=int8))",
]


@dataclass(frozen=True, kw_only=True)
class Everything(Selector):
    """Chooses all entries. spare: places that are filled up with an entry that is not meant. block: as `reads`."""

    spare: int = 0
    block: int = 0

    @property
    def reads(self):
        return self.block

    def summary(self):
        return Nothing(self.spare)


class Nothing(Summary):
    def __init__(self, spare):
        self.spare = spare

    def extend(self, visit):
        self.covered = visit.entries

    def select(self, visit):
        heads = visit.query.shape[0]
        index = torch.arange(visit.entries).expand(heads, -1)
        filler = torch.full((heads, self.spare), visit.entries - 1)
        counts = torch.full((heads,), visit.entries) if self.spare else None
        return Chosen(torch.cat((index, filler), 1), counts)


@cache
def read(plan: Plan) -> torch.Tensor:
    """Logits `[6, vocab]` after a text, and after each of five tokens that follow one by one."""
    with tiny_model().session(plan, chunk=48) as session:
        first = session.read(tokens(120)).next_logits[None]
        return torch.cat([first, *(session.logits([token]) for token in tokens(5, seed=1).tolist())])


@pytest.mark.parametrize(("spare", "block"), [(0, 16), (3, 0), (3, 16)])
@pytest.mark.parametrize("text", PLANS)
def test_choosing_all_entries_changes_nothing(text, spare, block):
    plan = Plan.parse(text)
    chosen = Plan(**plan.parts, selector=Everything(spare=spare, block=block))
    assert_close(read(chosen), read(plan), atol=1e-4, rtol=0)
