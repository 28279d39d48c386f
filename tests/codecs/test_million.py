"""MILLION: against a search through the codebooks, what is learned, what it takes."""

import math

import pytest
import torch
from coded import HEADS, every_row, nbytes, ready, vectors
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from longspan.codecs.million import Million


def nearest_piece(piece, book):
    return min(book, key=lambda centroid: math.dist(centroid, piece))


@given(st.sampled_from([(1, 2), (1, 4), (2, 4), (4, 4)]), st.integers(1, 9), st.integers(0, 99))
def test_each_piece_comes_back_as_the_nearest_centroid_of_its_subspace(sizes, count, seed):
    channels, nbits = sizes
    form = ready(Million(channels=channels, nbits=nbits), dim=8)
    keys, values = vectors(count, dim=8, seed=seed), vectors(count, dim=8, seed=seed + 1)
    stored = form.encode(keys, values, every_row())
    books = {name: book.tolist() for name, book in form.tensors().items()}
    for name, x, mine in (
        ("keys", keys, form.keys(stored[0], every_row(), torch.float32)),
        ("values", values, form.values(stored[1], every_row(), torch.float32)),
    ):
        assert len(books[name]) == 8 // channels
        assert all(len(book) == 2**nbits for book in books[name])
        for vector, came_back in zip(x.flatten(0, 1).tolist(), mine.flatten(0, 1).tolist(), strict=True):
            want = []
            for place, book in enumerate(books[name]):
                want += nearest_piece(vector[place * channels : (place + 1) * channels], book)
            assert_close(torch.tensor(came_back), torch.tensor(want), atol=1e-5, rtol=0)


def test_few_different_vectors_come_back_as_they_are():
    keys = vectors(1, seed=1).expand(-1, 40, -1) * torch.tensor([1.0, 2.0]).repeat(20)[:, None]
    form = Million(nbits=4).form()
    form.learn(keys, keys, torch.empty(6, 0, 16))
    stored = form.encode(keys, keys, every_row())
    assert_close(form.keys(stored[0], every_row(), torch.float32), keys)


def test_more_centroids_come_nearer():
    keys = vectors(800)
    errors = []
    for nbits in (2, 4, 8):
        form = Million(nbits=nbits).form()
        form.learn(keys, keys, torch.empty(6, 0, 16))
        stored = form.encode(keys, keys, every_row())
        errors.append(float((form.keys(stored[0], every_row(), torch.float32) - keys).square().mean()))
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


def test_it_waits_for_a_vector_per_centroid():
    form = Million(nbits=4).form()
    form.learn(vectors(5), vectors(5, seed=1), torch.empty(6, 0, 16))
    assert not form.ready
    assert form.nbytes == 0
    form.learn(vectors(6), vectors(6, seed=1), torch.empty(6, 0, 16))
    assert form.ready


def test_what_fills_up_short_rows_is_not_learned_from():
    keys, values = vectors(40), vectors(40, seed=1)
    short = keys.clone()
    short[0, 30:] = 0
    form = Million(nbits=4, niter=0).form()
    form.learn(short, values, torch.empty(6, 0, 16))
    assert not bool((form.tensors()["keys"] == 0).all(-1).any())


@pytest.mark.parametrize(
    ("channels", "nbits", "size"), [(2, 8, 32), (1, 4, 32), (4, 8, 16), (1, 2, 16), (2, 4, 16)]
)
def test_a_vector_of_64_channels_takes_its_bits_and_nothing_else(channels, nbits, size):
    form = Million(channels=channels, nbits=nbits, niter=0).form()
    form.learn(vectors(100, dim=64), vectors(100, dim=64), torch.empty(6, 0, 64))
    stored = form.encode(vectors(7, dim=64), vectors(7, dim=64), every_row())
    assert [nbytes(part) for part in stored] == [HEADS * 7 * size] * 2
    assert form.nbytes == 2 * 2**nbits * 64 * 4


def test_codebooks_are_kept_in_the_models_dtype():
    form = ready(Million(nbits=4), dtype=torch.bfloat16)
    assert form.nbytes == 2 * 2**4 * 16 * 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"channels": 3}, "channels=3 is not one of 1, 2, 4"),
        ({"nbits": 12}, "nbits=12 is not one of 2, 4, 8"),
        ({"niter": -1}, "niter=-1 is outside"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        Million(**parameters)
