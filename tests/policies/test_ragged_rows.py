"""Rows of different length: what they hold, what they free, and that sessions run on them."""

from dataclasses import dataclass, field

import pytest
import torch
from kept import kept
from torch.testing import assert_close

from longspan.plan import Plan
from longspan.policies.allocators.adakv import AdaKV
from longspan.policies.allocators.base import Allocator
from longspan.policies.base import Policy
from naive_llama import causal, naive_logits
from tiny import tiny_model, tokens

ENTRY = 2 * 16 * 4 + 4
"""Bytes of a key, a value and a position."""


@dataclass(frozen=True, kw_only=True)
class FavourOneHead(Policy):
    """Newer entries are better, those of the first KV head better by `ahead`."""

    ahead: float = 20.0
    allocator: Allocator = field(default_factory=lambda: AdaKV(floor=0.0), metadata={"room": "allocator"})

    def scores(self, view):
        bonus = torch.zeros(len(view.keys), 1)
        bonus[0] = self.ahead
        return view.positions + bonus


@pytest.mark.parametrize("when", ["end", "chunk"])
def test_heads_keep_different_numbers_and_free_the_rest(when):
    plan = f"policy=adakv(budget=40,window=8,when={when})"
    with tiny_model().session(plan, chunk=32) as session:
        rows = kept(session.read(tokens(200)))
        lengths = [[len(row) for row in layer] for layer in rows]
        assert all(abs(sum(layer) - 2 * 40) <= 2 for layer in lengths)  # rounded, and no more than a row has
        assert any(layer[0] != layer[1] for layer in lengths)
        assert session.usage.kv_bytes == sum(map(sum, lengths)) * ENTRY
        for layer in rows:
            for row in layer:
                assert row == sorted(set(row))
                assert row[-8:] == list(range(192, 200))


@pytest.mark.parametrize("ahead", [0.5, 20.0, 1000.0])
@pytest.mark.parametrize("chunk", [1, 5])
def test_each_head_sees_what_it_kept(ahead, chunk):
    model, ids = tiny_model(), tokens(80)
    with model.session(Plan(policy=FavourOneHead(budget=20, ahead=ahead)), chunk=64) as session:
        rows = kept(session.read(ids[:60]))
    assert len({str(layer) for layer in rows}) == 1  # scores are the same in every layer
    lengths = [len(row) for row in rows[0]]
    assert sum(lengths) == 40
    assert (min(lengths) == 0) == (ahead == 1000)
    visible = causal(80).repeat(4, 1, 1)
    for head in range(4):
        gone = sorted({*range(60)} - {*rows[0][head // 2]})
        visible[head, 60:, gone] = False
    expected = naive_logits(model.network, ids, visible)[60:]
    with model.session(Plan(policy=FavourOneHead(budget=20, ahead=ahead)), chunk=64) as session:
        session.read(ids[:60])
        logits = torch.cat([session.logits(part) for part in ids[60:].split(chunk)])
    assert_close(logits, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "more",
    [
        "selector=quest(budget=16,page=4,dense=0)",
        "codec=int8",
        "positions=self-extend(group=2,neighbour=16)",
        "pattern=a-shape(sinks=16,window=16,block=16)",
    ],
)
def test_other_parts_run_on_ragged_rows(more):
    with tiny_model().session(f"policy=adakv(budget=40,window=8,when=chunk) {more}", chunk=32) as session:
        session.read(tokens(200))
        made = [step.token for step in session.generate(max_new_tokens=40)]
        session.read(tokens(50, seed=1))
        rows = kept(session)
        assert len(made) <= 40
        assert all(sum(map(len, layer)) == 2 * 40 for layer in rows)
        assert session.logits(tokens(3)).isfinite().all()
