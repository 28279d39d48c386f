"""Index methods in a model: logits against matrices of distances, and other parts beside them."""

import math
from functools import cache

import pytest
import torch
from distances import UNSEEN, WINDOW, by_formula, dpe, lm_infinite, rerope, string
from torch.testing import assert_close

from naive_llama import naive_logits
from tiny import headed, model_of, stock_logits, tiny_network, tokens


@cache
def made_for_32():
    return model_of(tiny_network("llama", max_position_embeddings=WINDOW))


@pytest.fixture
def short_window():
    """A model made for 32 tokens."""
    return made_for_32()


def late(count: int) -> torch.Tensor:
    """max(1, ln(i + 1) / ln L)."""
    return (torch.arange(1, count + 1).log() / math.log(WINDOW)).clamp(min=1)


CASES = {
    "rerope": (rerope(8), late),
    "rerope(near=12,sharpen=false)": (rerope(12), None),
    "lm-infinite": (lm_infinite(10, WINDOW), None),
    "lm-infinite(starting=3,local=9)": (lm_infinite(3, 9), None),
    "string(local=4)": (string(int(0.33 * WINDOW), 4), None),
    "string(shift=1.0,local=8)": (string(WINDOW, 8), None),
    "dpe(scales=[2,8,2,8,4,4,4,3],neighbour=10)": (dpe((2, 8, 2, 8, 4, 4, 4, 3), 10), None),
    "dpe(lengths=[90,45,40],neighbour=7)": (dpe((1, 2, 3), 7), None),
}

TEMPERED = "dca(temperature=0.1,factor=2)"


@cache
def by_matrix(text: str) -> torch.Tensor:
    """Logits of 90 tokens by the distances of one of the CASES."""
    shown, query_scale = CASES[text]
    relative = by_formula(shown, 0, 90)
    return naive_logits(
        made_for_32().network,
        tokens(90),
        relative[..., 0] != UNSEEN,
        relative,
        query_scale=query_scale(90) if query_scale else None,
    )


@pytest.mark.parametrize("chunk", [7, 64, 2048])
@pytest.mark.parametrize("text", CASES)
def test_logits_are_those_of_the_matrix_of_distances(short_window, text, chunk):
    ids, expected = tokens(90), by_matrix(text)
    assert not torch.allclose(expected, stock_logits(short_window.network, ids), atol=1e-3)
    with short_window.session(f"positions={text}", chunk=chunk, window=90) as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("text", "within", "beyond"),
    [
        ("rerope", 8, 9 + 1),
        ("lm-infinite", 32, 32 + 2),
        ("string(local=4)", 10, 10 + 2),
        ("dpe(scales=[4],neighbour=16)", 16, 16 + 4),
        ("in-cache", 90, None),
        ("dca(temperature=0.1)", 24 - 4, 33),
    ],
)
def test_a_short_text_is_read_as_by_the_stock_model(short_window, text, within, beyond):
    ids = tokens(within)
    with short_window.session(f"positions={text}", window=within) as session:
        assert torch.equal(session.logits(ids), stock_logits(short_window.network, ids))
    if beyond is not None:
        with short_window.session(f"positions={text}", window=beyond) as session:
            ids = tokens(beyond)
            assert not torch.allclose(session.logits(ids), stock_logits(short_window.network, ids), atol=1e-4)


def dual_chunk(i: int, j: int) -> int:
    """DCA with its defaults on a window of 32: chunks of 24 tokens, 4 of them local."""
    between = i // 20 - j // 20
    query = i % 20 if between == 0 else min(i % 20 + 20, 24) if between == 1 else 24
    return query - j % 20


def test_dca_tempers_all_pieces_by_the_length_of_the_text(short_window):
    ids = tokens(90)
    query_scale = torch.full((90,), 0.1 * math.log(90 / WINDOW) + 1)
    relative = by_formula(dual_chunk, 0, 90)
    expected = naive_logits(
        short_window.network,
        ids,
        torch.ones(90, 90, dtype=torch.bool).tril(),
        relative,
        query_scale=query_scale,
    )
    with short_window.session("positions=dca(temperature=0.1)", window=90) as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("chunk", [7, 10])
def test_in_the_cache_what_was_dropped_leaves_no_gap(short_window, chunk):
    ids = tokens(60)
    relative, visible = torch.zeros(60, 60), torch.zeros(60, 60, dtype=torch.bool)
    for start in range(0, 60, chunk):
        cache = [*range(start)] if start <= 20 else [*range(4), *range(start - 16, start)]
        for i in range(start, min(start + chunk, 60)):
            held = [*cache, *range(start, i + 1)]
            for rank, j in enumerate(held):
                visible[i, j], relative[i, j] = True, len(held) - 1 - rank
    expected = naive_logits(short_window.network, ids, visible, relative)
    assert not torch.allclose(expected, naive_logits(short_window.network, ids, visible), atol=1e-3)
    plan = "positions=in-cache policy=streamingllm(budget=20,sinks=4,when=chunk)"
    with short_window.session(plan, chunk=chunk) as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)


def test_magnitude_multiplies_rotated_channels(short_window):
    ids = tokens(9)
    query_scale = torch.full((9,), 1.07**2)
    seen = torch.ones(9, 9, dtype=torch.bool).tril()
    with short_window.session("positions=string(local=4,magnitude=1.07)") as session:
        assert_close(
            session.logits(ids),
            naive_logits(short_window.network, ids, seen, query_scale=query_scale),
            atol=1e-5,
            rtol=0,
        )


@pytest.mark.parametrize("text", [*(text for text in CASES if "lengths" not in text), "in-cache", TEMPERED])
def test_generating_is_like_reading_and_a_batch_is_its_sequences_alone(short_window, text):
    plan, texts = f"positions={text}", [tokens(41, seed=1), tokens(5, seed=2), tokens(70, seed=3)]
    alone = []
    for ids in texts:
        with short_window.session(plan, chunk=16, window=90) as session, headed(short_window.network) as rows:
            alone.append([step.token for step in session.read(ids).generate(max_new_tokens=8)])
        with short_window.session(plan, window=90) as session:
            whole = session.logits(torch.cat((ids, torch.tensor(alone[-1][:-1]))))
            assert_close(whole[len(ids) - 1 :], torch.stack(rows), atol=1e-5, rtol=0)
    with short_window.session(plan, size=3, chunk=16, window=90) as session:
        steps = list(session.read(texts).generate(max_new_tokens=8))
    assert [[step.token for step in steps if step.sequence == number] for number in range(3)] == alone


@pytest.mark.parametrize(
    "rest", ["policy=snapkv(budget=90,window=8,when=chunk)", "selector=quest(budget=96,page=4)"]
)
@pytest.mark.parametrize("text", [*CASES, "in-cache"])
def test_parts_that_leave_nothing_out_change_nothing(short_window, text, rest):
    rows = []
    for plan in (f"positions={text}", f"positions={text} {rest}"):
        with (
            short_window.session(plan, chunk=16, window=90) as session,
            headed(short_window.network) as logits,
        ):
            list(session.read(tokens(70)).generate(max_new_tokens=6))
            rows.append(torch.stack(logits))
    assert_close(rows[0], rows[1], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "text", ["rerope", "lm-infinite(starting=3,local=9)", "dpe(scales=[2,8,4],neighbour=10)"]
)
def test_entries_that_a_policy_keeps_are_seen_from_where_they_stood(short_window, text):
    ids, (shown, query_scale) = (
        tokens(60),
        (CASES | {"dpe(scales=[2,8,4],neighbour=10)": (dpe((2, 8, 4), 10), None)})[text],
    )
    relative = by_formula(shown, 0, 60)
    stays = torch.ones(60, 60, dtype=torch.bool)
    for start in range(20, 60, 10):
        stays[start : start + 10, 4 : start - 16] = False
    expected = naive_logits(
        short_window.network,
        ids,
        (relative[..., 0] != UNSEEN) & stays,
        relative,
        query_scale=query_scale(60) if query_scale else None,
    )
    plan = f"positions={text} policy=streamingllm(budget=20,sinks=4,when=chunk)"
    with short_window.session(plan, chunk=10, window=60) as session:
        assert_close(session.logits(ids), expected, atol=1e-5, rtol=0)
