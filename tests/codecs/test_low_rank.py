"""Low-rank keys: against a projection in double precision, and the best that any rank can do."""

import pytest
import torch
from coded import HEADS, every_row, nbytes, vectors
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.codecs.low_rank import LowRank


def learned(rank, keys):
    form = LowRank(rank=rank).form()
    form.learn(keys, keys, torch.empty(2 * HEADS, 0, keys.shape[-1]))
    return form


def back(form, keys):
    stored = form.encode(keys, keys, every_row())
    return form.keys(stored[0], every_row(), torch.float32)


@given(st.integers(1, 16), st.integers(1, 40), st.integers(0, 99))
def test_no_keys_of_that_rank_are_nearer(rank, count, seed):
    """Eckart and Young: what is left over is the energy of the smaller singular values."""
    keys = vectors(count, seed=seed)
    error = (back(learned(rank, keys), keys) - keys).double().square().sum((1, 2))
    values = torch.linalg.svdvals(keys.double())
    assert_close(error, values[:, rank:].square().sum(1), atol=1e-3, rtol=1e-3)


@given(st.integers(1, 16), st.integers(0, 99))
def test_a_key_becomes_its_projection_on_the_directions_of_its_head(rank, seed):
    keys, later = vectors(30, seed=seed), vectors(4, seed=seed + 1)
    form = learned(rank, keys)
    mine = back(form, later)
    for head, basis in enumerate(form.tensors()["basis"].double()):
        assert_close(basis @ basis.T, torch.eye(rank, dtype=torch.double), atol=1e-5, rtol=0)
        for entry, key in enumerate(later[head].double()):
            want = sum(((key @ direction) * direction for direction in basis), torch.zeros(16).double())
            assert_close(mine[head, entry].double(), want, atol=1e-4, rtol=1e-4)


def test_keys_of_low_rank_come_back_as_they_are():
    keys = vectors(50, dim=4) @ vectors(4, seed=3)
    assert_close(back(learned(4, keys), keys), keys, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("rank", "stored"), [(5, 5), (0.5, 32), (1.0, 64), (0.3, 19)])
def test_a_key_takes_its_coordinates(rank, stored):
    form = learned(rank, vectors(100, dim=64))
    keys, values = form.encode(vectors(7, dim=64), vectors(7, dim=64), every_row())
    assert nbytes(keys) == HEADS * 7 * stored * 4
    assert nbytes(values) == HEADS * 7 * 64 * 4
    assert form.nbytes == HEADS * stored * 64 * 4


def test_a_rank_beyond_the_channels_is_refused():
    with pytest.raises(ValueError, match=r"rank=17 is outside 1 \.\. 16"):
        learned(17, vectors(5))
    with pytest.raises(ValueError, match="rank=0 is outside"):
        LowRank(rank=0)
