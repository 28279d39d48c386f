"""A policy that acts after every chunk bounds memory whatever the length, counted and really allocated."""

import gc

import pytest
import torch

from tiny import model_of, tiny_model, tiny_network, tokens

BUDGET, CHUNK = 96, 256
POSITION = 4
ENTRY = 2 * 16 * 4 + POSITION
ROWS = 3 * 2
PLANS = [
    f"policy=snapkv(budget={BUDGET},window=32,when=chunk)",
    f"policy=streamingllm(budget={BUDGET},when=chunk)",
    f"policy=adakv(budget={BUDGET},window=32,when=chunk)",
]


@pytest.fixture(scope="module", autouse=True)
def others_are_not_looked_at() -> None:
    """What is there before stays as it is, and there is much of it after thousands of tests."""
    gc.collect()
    gc.freeze()


def live_bytes() -> int:
    """Memory behind every tensor that is alive and came since these tests began."""
    gc.collect()
    storages = {}
    for thing in gc.get_objects():
        if type(thing) is torch.Tensor:
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


@pytest.fixture(scope="module")
def model():
    return model_of(tiny_network("llama", max_position_embeddings=20_000))


def read(model, plan, count):
    """Peak entries of a row, and bytes: held and at most as counted, and as really allocated."""
    ids = tokens(count)
    before = live_bytes()
    allocated = []

    def measure(progress):
        if progress.processed % 5120 == 6 * CHUNK:
            allocated.append(live_bytes() - before)

    with model.session(plan, chunk=CHUNK) as session:
        session.read(ids, progress=measure)
        usage = session.usage
        allocated.append(live_bytes() - before)
        return session.peak_entries, usage.kv_bytes, usage.peak_kv_bytes, allocated


@pytest.mark.parametrize("plan", PLANS)
def test_memory_is_the_same_at_2k_and_at_8k(model, plan):
    short, long = (read(model, plan, count) for count in (2048, 8192))
    if "adakv" not in plan:
        assert long[0] == short[0] == BUDGET + CHUNK
    assert long[0] <= 2 * BUDGET + CHUNK  # heads may lend each other all they have
    assert long[1] == short[1] == ROWS * BUDGET * ENTRY
    assert abs(long[2] - short[2]) <= POSITION * ROWS * (BUDGET + CHUNK)
    # Besides the entries there are the queries that SnapKV observes and the logits of the next token.
    observed = 0 if "streamingllm" in plan else 3 * 32 * 4 * 16 * 4
    assert short[3][-1] == long[3][-1] == long[1] + observed + 272 * 4
    assert {*short[3]} == {*long[3]}


@pytest.mark.parametrize(("plan", "chunk"), [(PLANS[0], 16), (PLANS[0], 50), (PLANS[1], 16)])
def test_rows_and_bytes_never_exceed_budget_and_chunk_while_generating(plan, chunk):
    with tiny_model().session(plan, chunk=chunk) as session:
        session.read(tokens(150))
        made = 0
        for _ in session.generate(max_new_tokens=2 * chunk + 10, temperature=5.0, seed=1):
            assert session.usage.kv_bytes <= ROWS * (BUDGET + chunk) * ENTRY
            made += 1
        assert made > 2 * chunk
        session.read(tokens(60, seed=1))
        assert session.peak_entries <= BUDGET + chunk
        session.logits(tokens(30, seed=2))
        assert session.peak_entries <= BUDGET + chunk


def test_a_policy_at_the_end_holds_everything_until_then(model):
    with model.session(f"policy=streamingllm(budget={BUDGET},when=end)", chunk=CHUNK) as session:
        session.read(tokens(2000))
        assert session.peak_entries == 2000
        assert session.usage.kv_bytes == ROWS * BUDGET * ENTRY


def test_closing_gives_everything_back(model):
    before = live_bytes()
    session = model.session(PLANS[0] + " selector=quest(budget=64)", chunk=CHUNK)
    list(session.read(tokens(1000)).generate(max_new_tokens=20))
    assert live_bytes() - before > session.usage.kv_bytes > 0
    session.close()
    assert session.usage.kv_bytes == 0
    del session
    assert live_bytes() == before
