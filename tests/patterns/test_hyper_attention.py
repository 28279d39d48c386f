"""HyperAttention, against its recursion and its blocks in loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from readings import bias_of, check_dense, reading
from torch.testing import assert_close

from longspan.kernels.blocks import attend_blocks
from longspan.patterns.hyper_attention import HyperAttention
from tiny import stock_logits, tiny_model, tokens


def gray(bits):
    """Values of a hash in an order in which neighbours differ in one bit."""
    if bits == 0:
        return [0]
    shorter = gray(bits - 1)
    return shorter + [value + 2 ** (bits - 1) for value in reversed(shorter)]


class Naive:
    """The recursion, with the random numbers of the pattern in its order."""

    def __init__(self, pattern, given):
        self.pattern, self.given = pattern, given
        self.rows, self.keys = given.query.shape[1], given.key.shape[1]
        self.start = self.keys - self.rows
        self.generator = torch.Generator().manual_seed(pattern.seed * given.scene.layers + given.scene.layer)
        dim = given.key.shape[2]
        self.directions = torch.randn(dim, pattern.lsh_num_projs, generator=self.generator)
        self.bias = torch.full((len(given.query), self.rows, self.keys), -torch.inf)

    def run(self):
        first = self.start // self.pattern.block_size * self.pattern.block_size
        if first:
            self.between(first, self.keys, 0, first)
        self.causal(first, self.keys)
        return self.bias

    def causal(self, low, high):
        size = self.pattern.block_size
        if high - low <= self.pattern.min_seq_len:
            for position in range(max(low, self.start), high):
                self.bias[:, position - self.start, low : position + 1] = 0
            return
        middle = low + math.ceil((high - low) / 2 / size) * size
        self.between(middle, high, low, middle)
        self.causal(low, middle)
        self.causal(middle, high)

    def hash(self, vector):
        value = sum(
            2**bit for bit in range(self.pattern.lsh_num_projs) if vector @ self.directions[:, bit] > 0
        )
        return gray(self.pattern.lsh_num_projs).index(value)

    def between(self, first, end, low, high):
        size, count = self.pattern.block_size, high - low
        positions = range(max(first, self.start), end)
        if count < self.pattern.min_seq_len or len(positions) < size:
            self.bias[:, positions.start - self.start : end - self.start, low:high] = 0
            return
        drawn = min(self.pattern.sample_size, count)
        samples = [torch.randperm(count, generator=self.generator)[:drawn].tolist() for _ in self.bias]
        blocks = math.ceil(count / size)
        for head, query in enumerate(self.given.query):
            key = self.given.key[head // self.given.group]
            queries = sorted(positions, key=lambda position: self.hash(query[position - self.start]))
            keys = sorted(range(low, high), key=lambda position: self.hash(key[position]))
            for block in range(blocks):
                bounds = [len(queries) * edge // blocks for edge in (block, block + 1)]
                members = [position - self.start for position in queries[slice(*bounds)]]
                for place in samples[head]:
                    self.bias[head, members, keys[place]] = math.log(count / drawn)
                for position in keys[block * size : (block + 1) * size]:
                    self.bias[head, members, position] = 0


patterns = st.builds(
    HyperAttention,
    lsh_num_projs=st.integers(1, 5),
    block_size=st.just(16),
    sample_size=st.sampled_from([0, 1, 7, 30]),
    min_seq_len=st.sampled_from([16, 32, 50]),
    seed=st.integers(0, 9),
)


@given(patterns, st.integers(1, 110), st.integers(0, 70), st.integers(0, 99))
def test_pairs_are_those_of_the_recursion_in_loops(pattern, rows, past, seed):
    given = reading(rows, rows + past, seed=seed, layer=2, layers=3)
    assert_close(bias_of(pattern.index(given), given), Naive(pattern, given).run())


@pytest.mark.parametrize("reaching", [{"min_seq_len": 300}, {"sample_size": 300, "min_seq_len": 16}])
@pytest.mark.parametrize("past", [0, 37])
def test_a_budget_for_everything_is_causal_attention(reaching, past):
    check_dense(HyperAttention(block_size=16, **reaching), reading(90, 90 + past))


def test_a_query_meets_the_keys_of_its_own_direction():
    given = reading(512, 1024, kv_heads=1, group=1, dim=16)
    # Each of 16 directions belongs to 32 queries and 32 keys, which are far apart.
    axes = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(0))).Q
    given.query[0] = axes[torch.arange(512) // 32]
    given.key[0, :512] = axes[torch.arange(512) % 16]
    pattern = HyperAttention(lsh_num_projs=12, block_size=64, sample_size=0, min_seq_len=128)
    met = (bias_of(pattern.index(given), given)[0, :, :512] == 0).view(16, 32, 32, 16).float().mean((1, 2))
    assert met.diagonal().mean() > 4 * met.mean()


def test_what_is_sampled_stands_for_the_rest():
    given = reading(512, 1024, kv_heads=1, group=1)
    value = torch.randn(given.key.shape, generator=torch.Generator().manual_seed(1))
    given.query[:] = 0
    indices = [
        HyperAttention(block_size=64, sample_size=64, min_seq_len=512, seed=seed).index(given)
        for seed in range(30)
    ]
    merges = [attend_blocks(given.query, given.key, value, index, scale=1) for index in indices]
    sizes = torch.stack([merge.result(torch.float32)[1].exp() for merge in merges]).mean(0)
    # With all scores 0, the sum of weights counts the keys.
    assert_close(sizes[0], torch.arange(513.0, 1025), rtol=0.05, atol=0)


def test_the_same_text_is_visited_in_the_same_way_and_layers_differ():
    pattern, layers = HyperAttention(block_size=16, sample_size=5, min_seq_len=32), (0, 0, 1)
    biases = [
        bias_of(pattern.index(given), given)
        for given in (reading(100, 200, layer=i, layers=2) for i in layers)
    ]
    assert torch.equal(biases[0], biases[1])
    assert not torch.equal(biases[0], biases[2])


def test_half_precision_is_hashed_too():
    given = reading(100, 200, dtype=torch.bfloat16)
    bias_of(HyperAttention(block_size=16, min_seq_len=32).index(given), given)


@pytest.mark.parametrize("chunk", [16, 50, 2048])
def test_a_session_with_samples_of_everything_is_stock(chunk):
    model, ids = tiny_model(), tokens(200)
    plan = "pattern=hyper-attention(block_size=16,sample_size=200,min_seq_len=16)"
    with model.session(plan, chunk=chunk) as session:
        assert_close(session.logits(ids), stock_logits(model.network, ids), atol=1e-5, rtol=0)


def test_a_piece_shorter_than_a_block_is_refused():
    with pytest.raises(ValueError, match="min_seq_len=100 is outside 256"):
        HyperAttention(min_seq_len=100)
