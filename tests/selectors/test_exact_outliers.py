"""ShadowKV over keys of low rank: landmarks, outliers and the outliers' keys are those of the keys as they came."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close
from visits import random, top

from longspan.codecs.low_rank import LowRank
from longspan.store.group import Exact, Group
from tiny import tiny_model, tokens

CHUNK, OUTLIERS, LOCAL = 4, 5, 8
CODEC = "codec=low-rank(rank=4,recent=16)"
SHADOW = f"selector=shadowkv(budget=16,chunk={CHUNK},outliers={OUTLIERS},local={LOCAL}) {CODEC}"


def run(session, ids, first):
    """Reads a prompt, has some tokens follow one by one, and reads the rest as a second text."""
    session.read(ids[:first])
    found = [session.logits([token]) for token in ids[first : first + 45].tolist()]
    if len(ids) > first + 45:
        session.read(ids[first + 45 :])
        found.append(session.logits([7]))
    return torch.cat(found)


def held(session, layer):
    """Landmarks and exact keys of a layer, and the groups of its store."""
    memory = session.sequences[0].layers[layer]
    (summary,) = memory.summaries.values()
    return summary.parts["digests"].means.value, summary.exact, list(memory.store.groups())


def whole(plan, ids, layer):
    """All keys of a layer of a plan that encodes none of them."""
    with tiny_model().session(plan, chunk=48) as session:
        session.read(ids)
        (group,) = [each for each in session.sequences[0].layers[layer].store.groups() if each.length]
        return group.keys().clone()


def outliers_of(rotated, chunks):
    """The authors' rule: the chunks in which some key has the smallest cosine with the mean, ascending, per head."""
    found = []
    for row in rotated:
        blocks = [row[n * CHUNK : (n + 1) * CHUNK] for n in range(chunks)]
        least = [min(float(torch.cosine_similarity(b.mean(0), key, dim=0)) for key in b) for b in blocks]
        found.append(sorted(top([-value for value in least], OUTLIERS)))
    return found


@pytest.mark.parametrize("layer", [0, 2])
def test_of_a_prompt_they_are_what_the_exact_keys_say(layer):
    ids = tokens(130)
    rotated, raw = whole("", ids, layer), whole("codec=low-rank(rank=4,recent=999)", ids, layer)
    with tiny_model().session(SHADOW, chunk=48) as session:
        session.read(ids)
        means, exact, groups = held(session, layer)
        chunks = (len(ids) - 16) // CHUNK
        assert [group.length for group in groups] == [chunks * CHUNK, len(ids) - chunks * CHUNK]
        for head, numbers in enumerate(outliers_of(rotated, chunks)):
            entries = [n * CHUNK + i for n in numbers for i in range(CHUNK)]
            assert exact.entries[head].tolist() == entries
            assert torch.equal(exact.keys[head], raw[head, entries])
            for n in range(chunks):
                assert_close(means[head, n], rotated[head, n * CHUNK : (n + 1) * CHUNK].mean(0))


def test_of_what_comes_later_they_are_so_too():
    """In the first layer, whose keys no attention has touched, over generated tokens and a second text."""
    ids = tokens(260)
    rotated, raw = whole("", ids, 0), whole("codec=low-rank(rank=4,recent=999)", ids, 0)
    with tiny_model().session(SHADOW, chunk=48) as session:
        run(session, ids, 130)
        means, exact, groups = held(session, 0)
        chunks = groups[0].length // CHUNK
        assert means.shape[1] == chunks > (130 + 45) // CHUNK
        for head, numbers in enumerate(outliers_of(rotated, chunks)):
            entries = [n * CHUNK + i for n in numbers for i in range(CHUNK)]
            assert exact.entries[head].tolist() == entries
            assert_close(exact.keys[head], raw[head, entries], atol=1e-6, rtol=1e-5)
            assert_close(means[head, -1], rotated[head, (chunks - 1) * CHUNK : chunks * CHUNK].mean(0))


@pytest.mark.parametrize(
    ("codec", "positions"),
    [(CODEC, "positions=self-extend(group=2,neighbour=24)"), (f"codec=host({CODEC},recent=16)", "")],
)
def test_where_all_chunks_are_outliers_queries_match_keys_exactly(codec, positions):
    model, ids = tiny_model(), tokens(230)
    logits = {}
    for name, plan in {
        "plain": positions,
        "lossy": f"{positions} {codec}",
        "exact": f"{positions} selector=shadowkv(budget=1,chunk={CHUNK},outliers=999,local=8) {codec}",
    }.items():
        with model.session(plan, chunk=48) as session:
            logits[name] = run(session, ids, 130)
    far = {name: float((logits[name] - logits["plain"]).norm()) for name in ("lossy", "exact")}
    assert far["lossy"] > 0.05
    assert far["exact"] < 1e-3


def test_a_fork_goes_its_own_way():
    model, ids = tiny_model(), tokens(230)
    with model.session(SHADOW, chunk=48) as alone:
        expected = run(alone, ids, 130)
    with model.session(SHADOW, chunk=48) as session:
        session.read(ids[:130])
        with session.fork() as twin:
            for token in tokens(20, seed=3).tolist():
                twin.logits([token])
            found = [session.logits([token]) for token in ids[130:175].tolist()]
        session.read(ids[175:])
        assert_close(torch.cat([*found, session.logits([7])]), expected, atol=1e-5, rtol=0)


@given(st.integers(1, 12), st.integers(0, 9), st.integers(0, 99))
def test_a_group_gives_the_exact_keys_in_their_places(count, start, seed):
    keys, draw = random(2, 20, 8, seed=seed), torch.Generator().manual_seed(seed)
    form = LowRank(rank=2).form()
    form.learn(keys, keys, keys[:, :0])
    columns, values = form.encode(keys, keys, torch.arange(2))
    entries = torch.stack([torch.randperm(20, generator=draw)[:count].sort().values for _ in range(2)])
    facts = {
        "heads": slice(0, 2),
        "length": 20,
        "form": form,
        "dtype": torch.float32,
        "key_columns": columns,
        "value_columns": values,
        "position_column": None,
        "first": 0,
        "tier": "coded",
    }
    lossy = Group(**facts).keys()
    exact = Exact(entries=entries, keys=keys.gather(1, entries[..., None].expand(-1, -1, 8)))
    group = Group(**facts, exact=exact)
    index = torch.stack([torch.randperm(20, generator=draw)[:9].sort().values for _ in range(4)])
    picked, _ = group.gather(index, torch.float32)
    some = group.keys(start, start + 7)
    for head in range(4):
        row = head // 2
        for place, entry in enumerate(index[head].tolist()):
            source = keys if entry in entries[row].tolist() else lossy
            assert_close(picked[head, place], source[row, entry])
    for row in range(2):
        for entry in range(start, start + 7):
            source = keys if entry in entries[row].tolist() else lossy
            assert_close(some[row, entry - start], source[row, entry])
