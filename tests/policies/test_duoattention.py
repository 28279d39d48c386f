"""Retrieval heads keep everything and streaming heads little, against a loop; sessions on real models."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kept import kept
from passage import Passage
from torch.testing import assert_close

from longspan.errors import PlanError
from longspan.parts import text_of
from longspan.plan import Plan
from longspan.policies.allocators.retrieval_heads import RetrievalHeads
from longspan.policies.duoattention import DuoAttention
from naive_llama import causal, naive_logits
from tiny import tiny_model, tokens

ENTRY = 2 * 16 * 4 + 4
"""Bytes of a key, a value and a position."""


def plan(budget: object, when: str = "end", sinks: int = 4, recent: int = 8) -> str:
    heads = f"retrieval-heads(sinks={sinks},recent={recent})"
    return f"policy=duoattention(budget={budget},when={when},allocator={heads})"


def naive_lengths(scores, seen: int, least: int, budget: int) -> dict[tuple[int, int], int]:
    """Entries of each head of a layer without a window: one head after the other keeps all while it is affordable."""
    heads = [(layer, row) for layer, rows in enumerate(scores) for row, score in enumerate(rows) if score > 0]
    lengths = dict.fromkeys(heads, min(least, seen))
    for layer, row in sorted(heads, key=lambda head: -scores[head[0]][head[1]]):
        lengths[layer, row] = seen
        if sum(lengths.values()) > budget * len(heads):
            lengths[layer, row] = min(least, seen)
            break
    return lengths


@given(st.data())
def test_the_best_heads_of_all_layers_keep_everything(data):
    layers, rows = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    full = data.draw(st.lists(st.booleans(), min_size=layers, max_size=layers).filter(any))
    score = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.7]), min_size=rows, max_size=rows)
    scores = [data.draw(score) if sees else [0.0] * rows for sees in full]
    sinks, recent = data.draw(st.integers(0, 4)), data.draw(st.integers(1, 5))
    seen = data.draw(st.integers(1, 60))
    budget = data.draw(st.integers(min(sinks + recent, seen), 60))
    policy = DuoAttention(
        budget=max(budget, sinks + recent), allocator=RetrievalHeads(sinks=sinks, recent=recent)
    )
    expected = naive_lengths(scores, seen, sinks + recent, budget)
    total = 0
    for layer in (number for number, sees in enumerate(full) if sees):
        passage = Passage(None, rows, 1)
        passage.read(seen)
        view = passage.view(
            layer=layer, layers=layers, profile=lambda name: {"heads": torch.tensor(scores)}[name]
        )
        layer_budget = policy.allocator.layer_budget(budget, view)
        counts = (
            policy.allocator.counts(policy.ranked(view, layer_budget), layer_budget, view)
            .clamp(max=seen)
            .tolist()
        )
        total += sum(counts)
        if seen - sinks - recent >= rows:
            assert counts == [expected[layer, row] for row in range(rows)]
        for row, count in enumerate(counts):
            assert count in (seen, min(seen, sinks + recent))
            chosen = policy.unit.choose(policy.ranked(view, layer_budget)[row], count, view, row).tolist()
            if count < seen:
                assert chosen == [*range(sinks), *range(seen - recent, seen)]
    assert total <= budget * rows * sum(full)


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3_text"])
@pytest.mark.parametrize("when", ["end", "chunk"])
def test_rows_of_a_session_have_the_lengths_of_their_heads(family, when):
    model = tiny_model(family)
    full = [number for number, layer in enumerate(model.seam.layers) if layer.window is None]
    budget = 80 if len(full) > 1 else 110  # of the two heads of one layer, one
    expected = naive_lengths(model.profile("heads").tolist(), 200, 12, budget)
    assert {*expected.values()} == {12, 200}
    with model.session(plan(budget, when), chunk=32) as session:
        rows = kept(session.read(tokens(200)))
        for (layer, row), length in expected.items():
            everything = [*range(200)]
            assert rows[layer][row] == (everything if length == 200 else [*range(4), *range(192, 200)])
        if len(full) == len(rows):
            held = [[expected[layer, row] for row in range(2)] for layer in full]
            # A layer of which nothing went needs no positions.
            sizes = [sum(lengths) * (ENTRY - 4 * (lengths == [200, 200])) for lengths in held]
            assert session.usage.kv_bytes == sum(sizes)
        assert sum(expected.values()) <= budget * len(expected)
        assert len([*session.generate(max_new_tokens=3)]) <= 3


def test_a_batch_of_texts_of_different_length():
    model = tiny_model()
    with model.session(plan("40%"), size=2, chunk=32) as session:
        session.read([tokens(60), tokens(150)])
        for number, seen in enumerate((60, 150)):
            expected = naive_lengths(model.profile("heads").tolist(), seen, 12, int(0.4 * seen))
            lengths = [[len(row) for row in layer] for layer in kept(session, number)]
            assert lengths == [[expected[layer, row] for row in range(2)] for layer in range(3)]


def test_fewer_heads_retrieve_as_a_text_grows_beyond_a_budget_of_tokens():
    with tiny_model().session(plan(60, "chunk"), chunk=16) as session:
        retrieving = []
        for _ in range(8):
            session.read(tokens(32))
            retrieving.append(sum(len(row) > 12 for layer in kept(session) for row in layer))
        assert retrieving == sorted(retrieving, reverse=True)
        assert retrieving[0] > retrieving[-1]


@pytest.mark.parametrize("budget", ["1.0", 200])
def test_the_full_budget_keeps_everything(budget):
    with tiny_model().session(plan(budget), chunk=64) as session, tiny_model().session(chunk=64) as empty:
        assert torch.equal(session.read(tokens(200)).next_logits, empty.read(tokens(200)).next_logits)


def test_what_a_policy_insists_on_stays_in_streaming_heads():
    text = "policy=snapkv(budget=60,window=12,allocator=retrieval-heads(sinks=2,recent=10))"
    with tiny_model().session(text) as session:
        rows = [row for layer in kept(session.read(tokens(150))) for row in layer if len(row) < 150]
    assert rows
    assert all(row == [*range(138, 150)] for row in rows)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("policy=duoattention(budget=300)", "budget=300 is outside 384"),
        ("policy=snapkv(budget=300,allocator=retrieval-heads)", "budget=300 is outside 384"),
        ("policy=duoattention(allocator=retrieval-heads(recent=0))", "recent=0 is outside 1"),
        ("policy=duoattention(allocator=retrieval-heads(sinks=-1))", "sinks=-1 is outside 0"),
    ],
)
def test_a_budget_below_sinks_and_recent_entries_is_refused(text, reason):
    with pytest.raises(PlanError, match=reason):
        Plan.parse(text)


def test_a_fraction_of_a_short_text_is_raised_to_sinks_and_recent_entries():
    with tiny_model().session(plan("5%"), chunk=64) as session:
        assert {len(row) for layer in kept(session.read(tokens(100))) for row in layer} == {12}


def test_the_defaults_are_those_of_the_paper():
    assert (RetrievalHeads().sinks, RetrievalHeads().recent) == (128, 256)
    assert text_of("policy", DuoAttention()) == "duoattention"


def test_published_gates_stand_for_measured_scores(tmp_path):
    path = tmp_path / "full_attention_heads.tsv"
    path.write_text("0.0\t1.0\n0.2\t0.1\n0.9\t0.0\n")
    allocator = f'allocator=retrieval-heads(sinks=4,recent=16,gates="{path}")'
    with tiny_model().session(f"policy=duoattention(budget=80,{allocator})", chunk=64) as session:
        rows = kept(session.read(tokens(200)))
    few = [*range(4), *range(184, 200)]
    everything = list(range(200))
    assert rows == [[few, everything], [few, few], [everything, few]]
    path.with_name("other.tsv").write_text("0.5\t0.5\n")
    other = allocator.replace("full_attention_heads", "other")
    with (
        tiny_model().session(f"policy=duoattention(budget=80,{other})") as session,
        pytest.raises(PlanError, match="are of 1 layers with 2 KV heads, this model has 3 with 2"),
    ):
        session.read(tokens(200))
    with pytest.raises(
        PlanError, match=r"gates='nowhere.tsv' has no table of numbers.*give the path of a model"
    ):
        Plan.parse("policy=duoattention(allocator=retrieval-heads(gates=nowhere.tsv))")


def naive_retrieving(gates: list[list[float]], sparsity: float) -> set[tuple[int, int]]:
    """The authors' rule: a head retrieves whose gate is not below the quantile of all gates."""
    every = sorted(gate for row in gates for gate in row)
    if sparsity >= 1:
        return set()
    place = sparsity * (len(every) - 1)
    low, part = int(place), place - int(place)
    quantile = every[low] + part * (every[min(low + 1, len(every) - 1)] - every[low])
    return {(i, j) for i, row in enumerate(gates) for j, gate in enumerate(row) if gate >= quantile}


@pytest.mark.parametrize("sparsity", [0.0, 0.2, 0.34, 0.5, 0.75, 1.0])
def test_a_share_of_heads_streams_from_chunk_to_chunk(tmp_path, sparsity):
    """Against a Llama whose streaming heads see sinks, recent entries and their own chunk, the others everything."""
    gates = [[0.0, 0.91], [0.2, 0.1], [0.9, 0.4]]
    path = tmp_path / "full_attention_heads.tsv"
    path.write_text("\n".join("\t".join(map(str, row)) for row in gates))
    heads = f'retrieval-heads(sinks=4,recent=16,gates="{path}",sparsity={sparsity})'
    model, ids, chunk = tiny_model(), tokens(100), 24
    retrieving = naive_retrieving(gates, sparsity)
    layer = iter(range(3))

    def visible(query, key):
        number, seen = next(layer), causal(len(ids)).repeat(4, 1, 1)
        for row in range(2):
            if (number, row) not in retrieving:
                for start in range(0, len(ids), chunk):
                    lost = slice(4, max(4, start - 16))
                    seen[2 * row : 2 * row + 2, start : start + chunk, lost] = False
        return seen

    expected = naive_logits(model.network, ids, visible)
    with model.session(f"policy=duoattention(when=chunk,allocator={heads})", chunk=chunk) as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)
        session.read(tokens(24, seed=1))
        lengths = [[len(row) for row in rows] for rows in kept(session)]
    assert lengths == [[124 if (i, j) in retrieving else 20 for j in range(2)] for i in range(3)]
    with pytest.raises(PlanError, match="budget=80 has no effect beside sparsity"):
        Plan.parse(f"policy=duoattention(budget=80,allocator={heads})")
