"""EpiCache's budgets over layers and its scores by a patched prompt, against loops; sessions on real models."""

from itertools import pairwise

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from kept import kept
from passage import Passage
from test_tracked import chosen
from torch.testing import assert_close

from longspan.errors import PlanError
from longspan.plan import Plan
from longspan.policies.allocators.sensitivity import Sensitivity, bounded_shares
from longspan.policies.epicache import INSTRUCTION, EpiCache
from longspan.policies.tracker import Script
from tiny import embedded, tiny_model, tokens

# Budgets of layers.

WEIGHTS = st.lists(st.sampled_from([1e-38, 1e-7, 0.01, 0.05, 0.2, 0.9]), min_size=1, max_size=6)


@given(WEIGHTS, st.integers(1, 30), st.integers(0, 30), st.integers(1, 50))
def test_shares_are_in_proportion_within_their_bounds(weights, least, more, mean):
    mean, most = max(least, mean), max(least, mean) + more
    shares = bounded_shares(weights, total=mean * len(weights), smallest=least, largest=most)
    assert sum(shares) == pytest.approx(mean * len(weights))
    assert all(least <= share <= most for share in shares)
    between = [share / weight for share, weight in zip(shares, weights, strict=True) if least < share < most]
    factor = between[0] if between else None
    for share, weight in zip(shares, weights, strict=True):
        if factor is not None:
            assert share == pytest.approx(min(most, max(least, factor * weight)), rel=1e-5)


def budgets(allocator, sensitivities, budget, seen=100, observed=0):
    passage = Passage(None, 2, 2)
    passage.read(seen)
    full = [layer for layer, each in enumerate(sensitivities) if each > 0]
    views = [
        passage.view(
            observed,
            layer=layer,
            layers=len(sensitivities),
            profile=lambda name: {"sensitivity": torch.tensor(sensitivities)}[name],
        )
        for layer in full
    ]
    return [allocator.layer_budget(budget, view) for view in views]


@given(
    st.lists(st.sampled_from([0.0, 1e-38, 0.02, 0.1, 0.4]), min_size=1, max_size=6).filter(any),
    st.integers(1, 120),
    st.floats(0.0, 3.0),
    st.floats(0.0, 1.0),
)
@example([1e-38, 0.02, 1e-38, 1e-38, 0.02], 42, 1.0, 0.7421875)  # two layers get 58.5 each
def test_layers_share_exactly_the_budget(sensitivities, budget, alpha, share):
    found = budgets(Sensitivity(alpha=alpha, share=share), sensitivities, budget)
    full = [each for each in sensitivities if each > 0]
    assert sum(found) == budget * len(full)
    if budget >= 100:
        assert set(found) == {budget}
    assert all(each >= int(budget * share) for each in found)
    order = sorted(zip(full, found, strict=True))
    assert all(one[1] <= other[1] + 1 for one, other in pairwise(order))


def test_budgets_of_an_example():
    """Of 4 · 20 entries, a quarter of 20 is safe for the layer without sensitivity; the rest goes 1 : 2 : 2."""
    assert budgets(Sensitivity(alpha=1.0), [1e-38, 0.1, 0.0, 0.2, 0.2], 20) == [5, 15, 30, 30]
    assert budgets(Sensitivity(alpha=0.0), [1e-38, 0.1, 0.2], 20) == [20, 20, 20]
    assert budgets(Sensitivity(alpha=50.0, share=0.0), [0.1, 0.1, 0.2], 20) == [1, 1, 58]
    assert budgets(Sensitivity(alpha=50.0), [0.1, 0.1, 0.2], 60) == [40, 40, 100]  # there are only 100
    assert budgets(Sensitivity(alpha=50.0), [0.1, 0.2], 20, observed=8) == [8, 32]
    assert budgets(Sensitivity(alpha=50.0, base=12), [0.1, 0.2], 20, observed=8) == [12, 28]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("policy=streamingllm(allocator=sensitivity)", "write allocator=sensitivity\\(base=5\\)"),
        ("policy=snapkv(allocator=sensitivity(alpha=-1))", "alpha=-1.0 is outside 0"),
        ("policy=snapkv(allocator=sensitivity(share=2))", "share=2.0 is outside 0"),
        ("policy=snapkv(allocator=sensitivity(base=-1))", "base=-1 is outside 0"),
    ],
)
def test_parameters_that_cannot_work_are_refused(text, reason):
    with pytest.raises(PlanError, match=reason):
        Plan.parse(text)


# Scores.


@given(st.data(), st.integers(1, 2), st.integers(1, 2))
def test_scores_are_the_largest_weights_of_the_prompt(data, rows, group):
    policy = EpiCache()
    passage = Passage(policy.tracking.tracker(), rows, group, seed=data.draw(st.integers(0, 99)))
    passage.read(data.draw(st.integers(1, 9)))
    passage.rehearse(3)  # of an earlier block
    passage.keep(data.draw(chosen(map(len, passage.rows))))
    passage.read(data.draw(st.integers(1, 9)))
    counts = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=2))
    passage.rehearse(*counts)
    prompt = passage.passes[-len(counts) :]
    scores = policy.scores(passage.view())
    for row, positions in enumerate(passage.rows):
        for place, position in enumerate(positions):
            paid = [
                each.weights(number, head, lambda at: at < passage.seen)[position]
                for each in prompt
                for number in range(len(each.at))
                for head in range(row * group, (row + 1) * group)
            ]
            assert_close(scores[row, place].item(), max(paid), atol=1e-6, rtol=1e-5)


def test_what_was_paid_before_new_text_is_outdated():
    policy = EpiCache()
    tracker = policy.tracking.tracker()
    passage = Passage(tracker, 2, 1)
    passage.read(9)
    passage.rehearse(2)
    assert tracker.nbytes == policy.scores(passage.view()).nbytes > 0
    passage.read(1)
    assert tracker.nbytes == 0


def test_a_tracker_goes_on_as_it_was():
    passage = Passage(EpiCache().tracking.tracker(), 2, 1)
    passage.read(9)
    passage.rehearse(2)
    again = EpiCache().tracking.tracker()
    again.load(passage.tracker.tensors())
    assert torch.equal(again.largest, passage.tracker.largest)


def test_the_prompt_is_rehearsed_after_the_instruction():
    script = Script(ids=[1], question=[], encode=lambda text: [*map(ord, text)], chunk=64)
    (ids,) = EpiCache(prompt="Hello.").rehearsals(script)
    assert "".join(map(chr, ids)) == INSTRUCTION + "Hello."


# Sessions.


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3_text"])
@pytest.mark.parametrize("when", ["end", "chunk"])
def test_layers_of_a_session_have_their_budgets(family, when):
    model = tiny_model(family)
    full = [number for number, layer in enumerate(model.seam.layers) if layer.window is None]
    expected = budgets(Sensitivity(), model.profile("sensitivity").tolist(), 40, seen=200)
    with model.session(f"policy=epicache(budget=40,when={when})", chunk=64) as session:
        rows = kept(session.read(tokens(200)))
        assert [sum(map(len, rows[layer])) for layer in full] == [2 * each for each in expected]
        assert sum(expected) == 40 * len(full)
        if when == "chunk" and len(full) == len(rows):
            assert session.peak_entries <= 2 * max(expected) + 64
        assert len([*session.generate(max_new_tokens=3)]) <= 3


def test_another_prompt_keeps_other_entries():
    def rows(prompt):
        plan = Plan(policy=EpiCache(budget=40, prompt=prompt))
        with tiny_model().session(plan, chunk=64) as session:
            return kept(session.read(tokens(200)))

    assert rows("abcdef") == rows("abcdef") != rows("XYZ")


def test_the_prompt_is_read_after_each_block_and_forgotten():
    model = tiny_model()
    model.profile("sensitivity")
    prompt = model.tokenizer(INSTRUCTION + "Hi", add_special_tokens=False)["input_ids"]
    with (
        model.session(Plan(policy=EpiCache(budget=40, prompt="Hi")), chunk=50) as session,
        embedded(model.network) as taken,
    ):
        session.read(tokens(120))
        ids = tokens(120).tolist()
        assert taken == [*ids[:50], *prompt, *ids[50:100], *prompt, *ids[100:], *prompt]
        assert session.seen == [120]


def test_the_full_budget_keeps_everything():
    text = "policy=epicache(budget=1.0)"
    with tiny_model().session(text, chunk=64) as session, tiny_model().session(chunk=64) as empty:
        assert torch.equal(session.read(tokens(200)).next_logits, empty.read(tokens(200)).next_logits)
