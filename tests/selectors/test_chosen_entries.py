"""Attention over chosen entries is attention over all of them when all are chosen, whatever else the plan has."""

from dataclasses import dataclass

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


@pytest.mark.parametrize("spare", [0, 3])
@pytest.mark.parametrize("block", [0, 16])
@pytest.mark.parametrize("text", PLANS)
def test_choosing_all_entries_changes_nothing(text, spare, block):
    model, ids, plan = tiny_model(), tokens(120), Plan.parse(text)
    chosen = Plan(**plan.parts, selector=Everything(spare=spare, block=block))
    with model.session(plan, chunk=48) as session, model.session(chosen, chunk=48) as other:
        session.read(ids)
        other.read(ids)
        assert_close(other.next_logits, session.next_logits, atol=1e-4, rtol=0)
        for token in tokens(5, seed=1).tolist():
            assert_close(other.logits([token]), session.logits([token]), atol=1e-4, rtol=0)
