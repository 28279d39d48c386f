"""What holds for the form of every codec."""

import pytest
import torch
from coded import CODECS, DIM, HEADS, every_row, ready, vectors

from longspan.codecs.int8 import Int8
from longspan.codecs.kivi import Kivi
from longspan.codecs.mapped import Mapped
from longspan.codecs.million import Million

BOTH = [torch.float32, torch.bfloat16]

codecs = pytest.mark.parametrize("codec", CODECS, ids=str)
dtypes = pytest.mark.parametrize("dtype", BOTH, ids=str)


def decoded(form, columns, dtype, rows):
    keys, values = columns
    return form.keys(keys, rows, dtype), form.values(values, rows, dtype)


@codecs
@dtypes
def test_shapes_and_dtype_come_back(codec, dtype):
    form, count = ready(codec, dtype=dtype), 3 * codec.form().block
    rows = every_row()
    columns = form.encode(vectors(count, dtype=dtype), vectors(count, dtype=dtype, seed=1), rows)
    for whole in decoded(form, columns, dtype, rows):
        assert whole.shape == (HEADS, count, DIM)
        assert whole.dtype == dtype
    for part in columns:
        assert part[0].shape[:2] == (HEADS, count)
        assert all(column.shape[:2] in ((HEADS, count), (HEADS, 3)) for column in part)


@codecs
@dtypes
def test_picked_entries_are_those_of_the_whole(codec, dtype):
    """Entries are picked one by one, per row, two query heads to a KV head: their columns come entry by entry."""
    form, rows = ready(codec, dtype=dtype), every_row()
    count = 6 * form.block
    columns = form.encode(vectors(count, dtype=dtype), vectors(count, dtype=dtype, seed=1), rows)
    wholes = decoded(form, columns, dtype, rows)
    shared = rows.repeat_interleave(2)
    index = torch.randint(count, (2 * HEADS, 5), generator=torch.Generator().manual_seed(0))

    def pick(column):
        places = index if column.shape[1] == count else index // form.block
        return column[shared[:, None], places]

    picked = tuple(tuple(pick(column) for column in part) for part in columns)
    for one, whole in zip(decoded(form, picked, dtype, shared), wholes, strict=True):
        assert torch.equal(one, whole[shared[:, None], index])


@codecs
def test_a_block_is_encoded_alike_whatever_comes_with_it(codec):
    form, rows = ready(codec), every_row()
    count = 4 * form.block
    keys, values = vectors(count), vectors(count, seed=1)
    wholes = decoded(form, form.encode(keys, values, rows), torch.float32, rows)
    middle = slice(form.block, 2 * form.block)
    for row in rows:
        alone = form.encode(keys[row : row + 1, middle], values[row : row + 1, middle], row[None])
        for one, whole in zip(decoded(form, alone, torch.float32, row[None]), wholes, strict=True):
            torch.testing.assert_close(one[0], whole[row, middle], atol=1e-5, rtol=1e-5)


@codecs
def test_no_entries_are_encoded_as_none(codec):
    form = ready(codec)
    keys, values = form.encode(vectors(0), vectors(0), every_row())
    assert all(column.shape[1] == 0 for column in (*keys, *values))


@codecs
def test_a_state_that_was_loaded_encodes_and_decodes_bit_for_bit_alike(codec):
    form, rows = ready(codec), every_row()
    twin = codec.form()
    twin.load({name: tensor.clone() for name, tensor in form.tensors().items()})
    assert twin.ready
    assert twin.nbytes == form.nbytes
    columns = form.encode(vectors(2 * form.block), vectors(2 * form.block, seed=1), rows)
    others = twin.encode(vectors(2 * form.block), vectors(2 * form.block, seed=1), rows)
    for mine, other in zip((*columns[0], *columns[1]), (*others[0], *others[1]), strict=True):
        assert torch.equal(mine, other)
    for mine, other in zip(
        decoded(form, columns, torch.float32, rows), decoded(twin, others, torch.float32, rows), strict=True
    ):
        assert torch.equal(mine, other)


@codecs
def test_a_fork_of_one_that_must_learn_learns_by_itself(codec):
    form = codec.form()
    if form.ready:
        assert form.tensors() == {}
        return
    twin = form.fork()
    queries = vectors(codec.observed, heads=2 * HEADS)
    twin.learn(vectors(40), vectors(40, seed=1), queries)
    assert twin.ready
    assert not form.ready
    assert twin.nbytes > form.nbytes == 0


@pytest.mark.parametrize("dim", [16, 48, 64, 80, 96, 128])
@pytest.mark.parametrize("codec", [Kivi(), Kivi(bits=4), *CODECS], ids=str)
def test_any_usual_head_dim_will_do(codec, dim):
    form = codec.form()
    keys, values = vectors(160, dim=dim), vectors(160, dim=dim, seed=1)
    form.learn(keys, values, vectors(codec.observed, heads=2 * HEADS, dim=dim))
    columns = form.encode(keys, values, every_row())
    for whole in decoded(form, columns, torch.float32, every_row()):
        assert whole.shape == keys.shape


def test_the_codec_within_decides_what_must_be_known():
    assert Mapped(codec=Million()).raw
    assert not Mapped(codec=Int8()).raw
    assert not Mapped().raw


def test_two_places_at_once_are_refused():
    with pytest.raises(ValueError, match="has a place of its own"):
        Mapped(codec=Mapped())
