"""Recall is the softmax mass of the keys that are left."""

import json
from dataclasses import dataclass

import pytest
import torch
from stock_attention import stock_attention

from longspan.evaluation.probes import attention_recall
from longspan.evaluation.probes.full_pass import FullPass
from longspan.evaluation.probes.visible import kept
from longspan.plan import Plan
from longspan.selectors.base import Chosen, Selector, Summary
from tiny import tiny_model, tokens

COUNT, QUERIES = 100, 6
IDS = tokens(COUNT).tolist()


@dataclass(frozen=True, kw_only=True)
class EveryThird(Selector):
    """Chooses entries 0, 3, 6, ..., in layers from `dense` on."""

    dense: int = 1

    def summary(self):
        return _Thirds()

    def skips(self, layer, layers):
        return layer < self.dense


class _Thirds(Summary):
    def extend(self, visit):
        self.covered += visit.keys(self.covered, visit.entries).shape[1]

    def select(self, visit):
        assert self.covered == visit.entries
        return Chosen(torch.arange(0, visit.entries, 3).expand(len(visit.query), -1))


def mass_of(places):
    """The oracle: by layer and head, the weight of these places, averaged over the last queries."""
    return stock_attention(IDS)[:, :, -QUERIES:][..., sorted(places)].sum(-1).mean(-1)


def recall(plan, **options):
    return attention_recall(tiny_model(), IDS, plan, **{"queries": QUERIES, "chunk": 32, **options})


@pytest.mark.parametrize(
    "plan",
    [
        "",
        "policy=snapkv(budget=1.0,window=8)",
        "policy=snapkv(budget=100,window=8,when=chunk)",
        "selector=quest(budget=4096)",
        "pattern=a-shape(sinks=0,window=512,block=16)",
        "pattern=uniprefill(share=1,first=0,every=1,sinks=0,last=8,block=16)",
        "codec=int8",
    ],
)
def test_a_full_budget_recalls_everything(plan):
    found = recall(plan, needle=range(20, 40))
    assert torch.tensor(found.mass).min() > 1 - 1e-5
    assert torch.tensor(found.mass).max() <= 1
    assert found.needle == ((1.0,) * 4,) * 3
    assert (found.mean_needle, found.plan) == (1.0, plan and str(Plan.of(plan)))


def test_a_policy_recalls_the_mass_of_what_it_keeps():
    found = recall("policy=streamingllm(budget=30,sinks=4)", needle=range(65, 85))
    places = [*range(4), *range(COUNT - 26, COUNT)]
    torch.testing.assert_close(torch.tensor(found.mass), mass_of(places), atol=1e-5, rtol=1e-4)
    assert found.needle[0] == pytest.approx((11 / 20,) * 4)  # 74 .. 84 of 65 .. 84
    assert 0.1 < found.mean < 0.9


def test_a_pattern_recalls_the_mass_of_the_blocks_it_visits():
    found = recall("pattern=a-shape(sinks=16,window=32,block=16)")
    stock = stock_attention(IDS)[:, :, -QUERIES:]
    seen = torch.zeros(QUERIES, COUNT, dtype=torch.bool)
    for row, place in enumerate(range(COUNT - QUERIES, COUNT)):
        own = place // 16 * 16
        seen[row, :16] = True
        seen[row, own - 32 : place + 1] = True
    torch.testing.assert_close(
        torch.tensor(found.mass), (stock * seen).sum(-1).mean(-1), atol=1e-5, rtol=1e-4
    )


def test_a_pattern_by_which_tokens_leave_recalls_the_mass_of_what_comes_to_a_layer():
    plan = "pattern=uniprefill(share=0.1,first=0,every=1,sinks=0,last=8,block=16)"
    found = recall(plan, needle=range(20, 40), chunk=64)
    with tiny_model().session(plan, chunk=64) as session:
        session.read(IDS)
        held = [layer.store.positions()[0].tolist() for layer in session.sequences[0].layers]
    assert len(held[0]) > len(held[1]) >= len(held[2])
    for layer, places in enumerate(held):
        torch.testing.assert_close(
            torch.tensor(found.mass[layer]), mass_of(places)[layer], atol=1e-5, rtol=1e-4
        )
        assert found.needle[layer] == pytest.approx((len({*places} & {*range(20, 40)}) / 20,) * 4)


def test_a_selector_recalls_the_mass_of_what_it_chooses():
    found = recall(Plan(selector=EveryThird()), needle=[30, 31])
    expected = mass_of(range(0, COUNT, 3))
    expected[0] = 1  # this layer is dense
    torch.testing.assert_close(torch.tensor(found.mass), expected, atol=1e-5, rtol=1e-4)
    assert found.needle == ((1.0,) * 4, (0.5,) * 4, (0.5,) * 4)


def test_a_selector_chooses_among_what_the_policy_keeps():
    policy = "streamingllm(budget=30,sinks=4)"
    found = recall(Plan(policy=policy, selector=EveryThird(dense=0)))
    left = [*range(4), *range(COUNT - 26, COUNT)]
    torch.testing.assert_close(torch.tensor(found.mass), mass_of(left[::3]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("when", ["end", "chunk"])
@pytest.mark.parametrize(
    "policy", ["snapkv(budget=40,window=8,when={})", "adakv(budget=40,window=8,when={})"]
)
def test_what_is_kept_is_what_a_session_keeps(policy, when):
    plan, model = Plan(policy=policy.format(when)), tiny_model()
    layers = kept(FullPass(model, IDS, plan, queries=QUERIES, chunk=32), IDS)
    with model.session(plan, chunk=32) as session:
        session.read(IDS)
        for mine, theirs in zip(layers, session.sequences[0].layers, strict=True):
            assert mine.store.lengths == theirs.store.lengths
            assert sum(mine.store.lengths) < 2 * COUNT
            for one, other in zip(mine.store.groups(), theirs.store.groups(), strict=True):
                assert torch.equal(one.positions(), other.positions())


def test_a_smaller_budget_recalls_less_and_rows_of_their_own_lengths_count_by_head():
    means = [recall(f"policy=adakv(budget={budget},window=8)").mean for budget in (80, 40, 12)]
    assert 1 > means[0] > means[1] > means[2] > 0


def test_the_figures_go_into_json():
    found = recall("policy=streamingllm(budget=30,sinks=4)")
    record = json.loads(json.dumps(found.to_dict()))
    assert record["mean_mass"] == found.mean
    assert record["mean_needle"] is None
    assert [each["layer"] for each in record["layers"]] == [0, 1, 2]
    assert [len(each["mass"]) for each in record["layers"]] == [4, 4, 4]


def test_a_pattern_and_a_policy_have_recalls_of_their_own():
    with pytest.raises(ValueError, match="probe the pattern alone"):
        recall("pattern=a-shape policy=snapkv(budget=40,window=8)")


def test_a_needle_outside_the_prompt_is_refused():
    with pytest.raises(ValueError, match=r"needle=100 is outside 0 .. 99"):
        recall("", needle=[100])


def test_the_model_is_its_own_again_and_progress_is_told():
    told, model = [], tiny_model()
    before = model.seam.stock(torch.tensor(IDS))
    recall("", progress=lambda one: told.append((one.processed, one.total)))
    assert told == [(4, 100), (36, 100), (68, 100), (100, 100)]
    assert torch.equal(model.seam.stock(torch.tensor(IDS)), before)
