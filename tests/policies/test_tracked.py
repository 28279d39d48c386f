"""Policies that gather something while text is read, against loops over every query and entry."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from passage import DIM, SCALE, Passage
from torch.testing import assert_close

from longspan.errors import PlanError
from longspan.kernels.rotation import table
from longspan.parts import text_of
from longspan.plan import Plan
from longspan.policies.allocators.adakv import AdaKV
from longspan.policies.criticalkv import CriticalKV, output_norms
from longspan.policies.expected_attention import ExpectedAttention
from longspan.policies.finch import Finch
from longspan.policies.h2o import H2O
from longspan.policies.kvzip import KVzip
from longspan.policies.look_once import LookOnce
from longspan.policies.snapkv import SnapKV
from longspan.store.form import Plain
from longspan.store.layer import LayerStore
from longspan.store.ledger import Ledger


@st.composite
def chosen(draw, lengths, least=0):
    """Some places of each row, ascending."""
    return [
        sorted(draw(st.sets(st.integers(0, length - 1), min_size=min(least, length)))) for length in lengths
    ]


# H2O


def naive_received(passage: Passage, row: int, position: int, score: str) -> float:
    """What one entry got from every query that could see it, and over their number, mean over the group."""
    received = []
    for each in passage.passes:
        for number, at in enumerate(each.at):
            if at >= position and position in each.rows[row]:
                heads = range(row * passage.group, (row + 1) * passage.group)
                received += [each.weights(number, head)[position] for head in heads]
    return sum(received) / (len(received) if score == "mean" else passage.group)


@given(st.data(), st.integers(1, 2), st.integers(1, 3))
def test_h2o_scores_are_those_of_a_loop(data, rows, group):
    passage = Passage(H2O().tracking.tracker(), rows, group, seed=data.draw(st.integers(0, 99)))
    for _ in range(data.draw(st.integers(1, 3))):
        passage.read(*data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=2)))
        if data.draw(st.booleans()):
            passage.rehearse(2, 1)  # leaves no trace
        passage.keep(data.draw(chosen(map(len, passage.rows))))
    passage.passes = [each for each in passage.passes if not each.rehearsed]
    passage.read(1)
    score = data.draw(st.sampled_from(["sum", "mean"]))
    scores = H2O(recent=0.0, score=score).scores(passage.view())
    for row, positions in enumerate(passage.rows):
        expected = [naive_received(passage, row, position, score) for position in positions]
        assert_close(scores[row, : len(positions)], torch.tensor(expected), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(("recent", "kept"), [(0.0, 0), (0.5, 5), (0.26, 2), (1.0, 10)])
def test_h2o_keeps_its_share_of_recent_entries(recent, kept):
    passage = Passage(H2O().tracking.tracker(), 2, 1)
    passage.read(30)
    scores = H2O(recent=recent, budget=10).scores(passage.view())
    assert [row.isinf().nonzero().flatten().tolist() for row in scores] == [list(range(30 - kept, 30))] * 2


def test_h2o_does_not_score_what_it_has_not_watched():
    passage = Passage(None, 1, 1)
    passage.read(8)
    with pytest.raises(LookupError, match="read the text in a session that has the policy"):
        H2O().scores(passage.view())


# Look-once


def naive_look(passage: Passage, threshold: float, scaled: bool) -> dict[int, int]:
    """The last query that gave each position the threshold or more, mean over all heads."""
    latest: dict[int, int] = {}
    heads = passage.group * len(passage.rows)
    for each in passage.passes:
        for number, at in enumerate(each.at):
            given: dict[int, float] = {}
            for head in range(heads):
                for position, weight in each.weights(number, head, scale=SCALE if scaled else 1.0).items():
                    given[position] = given.get(position, 0.0) + weight / heads
            latest |= {position: at for position, mean in given.items() if mean >= threshold}
    return latest


@given(st.data(), st.integers(1, 2), st.integers(1, 3), st.booleans(), st.sampled_from([0.0, 0.01, 0.1, 0.3]))
def test_look_once_keeps_what_the_last_share_looked_at(data, rows, group, scaled, threshold):
    last = data.draw(st.sampled_from([0.0, 0.2, 0.5, 1.0]))
    policy = LookOnce(threshold=threshold, last=last, scaled=scaled)
    passage = Passage(policy.tracking.tracker(), rows, group, seed=data.draw(st.integers(0, 99)))
    for _ in range(data.draw(st.integers(1, 3))):
        passage.read(*data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=2)))
        if data.draw(st.booleans()):
            passage.rehearse(2, 1)  # leaves no trace
        passage.keep(data.draw(chosen(map(len, passage.rows))))
    passage.passes = [each for each in passage.passes if not each.rehearsed]
    passage.read(data.draw(st.sampled_from([1, 140])))
    latest, view = naive_look(passage, threshold, scaled), passage.view()
    first = passage.seen - max(1, int(passage.seen * last))
    for row, positions in enumerate(passage.rows):
        looked = [latest.get(position, -1) for position in positions]
        assert policy.scores(view)[row, : len(positions)].tolist() == looked
        assert int(policy.wanted(view)[row]) == max(1, sum(at >= first for at in looked))


# Expected attention

FREQUENCIES = torch.tensor([1.0, 0.3])
TURNS = {
    "none": lambda at: None,
    "half": lambda at: table(at, torch.tensor([1.0, 0.3, 0.1])),
    "partial": lambda at: table(at, FREQUENCIES),
    "interleaved": lambda at: table(at, FREQUENCIES, magnitude=1.1, interleaved=True),
}


def rotation_matrix(kind: str, at: int) -> torch.Tensor:
    """The rotation of one position as a matrix, pair by pair."""
    matrix = torch.eye(DIM)
    frequencies = {"none": [], "half": [1.0, 0.3, 0.1]}.get(kind, FREQUENCIES.tolist())
    for pair, frequency in enumerate(frequencies):
        one, two = (2 * pair, 2 * pair + 1) if kind == "interleaved" else (pair, pair + len(frequencies))
        angle = torch.tensor(at * frequency)
        block = torch.tensor([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]])
        magnitude = 1.1 if kind == "interleaved" else 1.0
        matrix[torch.tensor([[one], [two]]), torch.tensor([[one, two]])] = block * magnitude
    return matrix


def naive_expected(
    passage: Passage, kind: str, row: int, policy: ExpectedAttention, learned: torch.Tensor | None = None
) -> list[float]:
    """Scores of one row, from all queries at once and from matrices. learned: sinks that take part, by head."""
    average = (
        sum(rotation_matrix(kind, passage.seen + ahead) for ahead in range(policy.future)) / policy.future
    )
    at = [position for position in passage.rows[row] if position >= policy.sinks]
    scores = torch.zeros(len(at))
    for head in range(row * passage.group, (row + 1) * passage.group):
        queries = passage.raw[head, policy.sinks :]
        mean = average @ queries.mean(0)
        covariance = average @ torch.cov(queries.T, correction=0) @ average.T
        exponents = []
        for key in passage.keys[row, at]:
            spread = key @ covariance @ key * SCALE**2 / 2 if policy.covariance else 0.0
            exponents.append(key @ mean * SCALE + spread)
        exponents += [] if learned is None else [learned[head]]
        scores += torch.tensor(exponents).softmax(0)[: len(at)] / passage.group
    if policy.vnorm:
        scores = (scores + policy.epsilon) * passage.values[row, at].norm(dim=-1)
    return [float("inf")] * sum(position < policy.sinks for position in passage.rows[row]) + scores.tolist()


@pytest.mark.parametrize("kind", TURNS)
@settings(max_examples=20)
@given(st.data(), st.integers(0, 3), st.booleans(), st.booleans())
def test_expected_attention_is_that_of_matrices(kind, data, sinks, covariance, vnorm):
    policy = ExpectedAttention(
        future=5,
        sinks=sinks,
        covariance=covariance,
        vnorm=vnorm,
        epsilon=data.draw(st.sampled_from([0.0, 0.1])),
    )
    passage = Passage(policy.tracking.tracker(), 2, data.draw(st.integers(1, 2)), TURNS[kind])
    passage.read(*data.draw(st.lists(st.integers(1, 9), min_size=3, max_size=5)), 4)
    passage.rehearse(3)
    passage.keep(data.draw(chosen(map(len, passage.rows), least=1)))
    learned = data.draw(st.sampled_from([None, torch.linspace(-1, 2, 2 * passage.group)]))
    scores = policy.scores(passage.view(sinks=learned))
    for row, positions in enumerate(passage.rows):
        expected = torch.tensor(naive_expected(passage, kind, row, policy, learned))
        assert_close(scores[row, : len(positions)], expected, atol=1e-6, rtol=1e-4)


def test_expected_attention_is_by_default_the_setting_of_the_authors_evaluation():
    assert ExpectedAttention().epsilon == 0.01


@pytest.mark.parametrize("counts", [[400], [1] * 400, [37] * 10 + [30]])
def test_moments_do_not_depend_on_the_chunks(counts):
    tracker = ExpectedAttention().tracking.tracker()
    passage = Passage(None, 1, 2)
    passage.read(400)
    raw = passage.raw / 10 + 100  # a mean far from zero, which sums of squares in fp32 would not survive
    view = passage.view()
    for at in torch.arange(400).split(counts):
        tracker.watch(replace(view, query_positions=at), raw[:, at], rehearsed=False)
    exact = raw[:, 4:].double()
    centred = exact - exact.mean(1, keepdim=True)
    assert tracker.count == 396
    assert_close(tracker.mean, exact.mean(1), rtol=1e-12, atol=0)
    assert_close(tracker.covariance.double(), centred.mT @ centred / 396, rtol=0, atol=1e-8)


def test_expected_attention_of_a_text_within_the_sinks():
    passage = Passage(ExpectedAttention().tracking.tracker(), 1, 1)
    passage.read(3)
    assert ExpectedAttention().scores(passage.view()).tolist() == [[float("inf")] * 3]


# CriticalKV


def store_of(passage: Passage) -> LayerStore:
    """A store with all tokens of a passage."""
    store = LayerStore(len(passage.rows), Plain(), Ledger())
    store.append(passage.keys, passage.values)
    return store


def kept_of(store: LayerStore) -> list[list[int]]:
    """Positions by row."""
    return [row for group in store.groups() for row in group.positions().tolist()]


def naive_critical(view, row: int, count: int, policy: CriticalKV) -> list[int]:
    """Half of a row's entries by its scorer, the rest by the weighted scores, one by one."""
    scores = policy.scorer.scores(view)[row].tolist()
    weighted = []
    for score, value in zip(scores, view.values[row], strict=True):
        norm = 0.0
        for member in range(view.group):
            head = row * view.group + member
            norm += float((view.output[:, head * DIM : (head + 1) * DIM] @ value).abs().sum())
        weighted.append((score + policy.epsilon) * norm / view.group)
    by_score = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
    sure = by_score[: int(count * policy.first)]
    rest = sorted({*range(len(scores))} - {*sure}, key=weighted.__getitem__, reverse=True)
    return sorted(sure + rest[: count - len(sure)])


@given(st.integers(1, 2), st.integers(1, 3), st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.integers(0, 99))
def test_criticalkv_keeps_what_a_loop_keeps(rows, group, first, seed):
    passage = Passage(None, rows, group, seed=seed)
    passage.read(40)
    policy = CriticalKV(scorer=SnapKV(window=4, kernel=3, pooling="avg"), first=first, budget=13)
    view = passage.view(observed=policy.observed)
    store = store_of(passage)
    policy.compress(store, view)
    assert kept_of(store) == [naive_critical(view, row, 13, policy) for row in range(rows)]


@given(st.integers(0, 99))
def test_heads_of_criticalkv_compete_by_the_scorer_alone(seed):
    passage = Passage(None, 3, 2, seed=seed)
    passage.read(40)
    policy = CriticalKV(scorer=SnapKV(window=4, kernel=3, pooling="avg"), allocator=AdaKV(), budget=13)
    view = passage.view(observed=policy.observed)
    counts = AdaKV().counts(policy.scorer.scores(view), 13, view).tolist()
    store = store_of(passage)
    policy.compress(store, view)
    assert kept_of(store) == [naive_critical(view, row, count, policy) for row, count in enumerate(counts)]


def test_norms_do_not_depend_on_the_block(monkeypatch):
    passage = Passage(None, 2, 2)
    passage.read(50)
    whole = output_norms(passage.view())
    monkeypatch.setattr("longspan.policies.criticalkv.BLOCK_NUMBERS", 35)
    assert_close(output_norms(passage.view()), whole)


def test_criticalkv_needs_the_output_matrix():
    passage = Passage(None, 1, 1)
    passage.read(40)
    policy = CriticalKV(scorer=SnapKV(window=4), budget=10)
    with pytest.raises(PlanError, match="layer 0 of this model has none; make its scorer the policy"):
        policy.compress(store_of(passage), passage.view(observed=4, following=lambda: None))


def test_a_policy_within_a_policy_has_a_text_form():
    text = "policy=criticalkv(budget=200,scorer=snapkv(window=48))"
    plan = Plan.parse(text)
    assert str(plan) == text
    assert plan.policy.scorer == SnapKV(window=48)
    assert Plan.parse(str(Plan(policy=CriticalKV()))).policy == CriticalKV()
    assert text_of("policy", CriticalKV(scorer=H2O(recent=0.0))) == "criticalkv(scorer=h2o(recent=0))"


def test_criticalkv_asks_for_what_its_scorer_needs():
    assert CriticalKV(scorer=SnapKV(window=32)).observed == 32
    assert CriticalKV(scorer=SnapKV(window=32)).min_entries == 32
    assert CriticalKV(scorer=H2O()).tracking == H2O().tracking
    assert CriticalKV(scorer=KVzip(), when="chunk").tracking == KVzip().tracking
    assert CriticalKV(scorer=Finch()).guided
    assert not CriticalKV().guided
    # Value norms count once: a scorer's own are switched off.
    assert CriticalKV(scorer=ExpectedAttention())._inner == ExpectedAttention(vnorm=False)
    passage = Passage(ExpectedAttention().tracking.tracker(), 2, 2)
    passage.read(40)
    scores = CriticalKV(scorer=ExpectedAttention(), budget=10).scores(passage.view())
    assert_close(scores, ExpectedAttention(vnorm=False, budget=10).scores(passage.view()))
    with pytest.raises(ValueError, match="budget=16 is outside 32"):
        CriticalKV(scorer=SnapKV(window=32), budget=16)


@pytest.mark.parametrize("given", [{"budget": 0.25}, {"when": "chunk"}, {"allocator": AdaKV()}])
def test_what_has_no_effect_in_a_scorer_is_refused(given):
    (name,) = given
    with pytest.raises(ValueError, match=f"scorer sets {name}=.* give {name} to criticalkv itself"):
        CriticalKV(scorer=SnapKV(**given))


def test_shares_of_a_scorer_are_of_the_budget_that_counts():
    passage = Passage(H2O().tracking.tracker(), 1, 1)
    passage.read(40)
    policy = CriticalKV(scorer=H2O(recent=0.5), budget=10)
    assert policy.scores(passage.view()).isinf().sum() == 5
