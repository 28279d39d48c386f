"""Products with a table, and the highest numbers of a row, whatever their shapes and formats."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longspan.kernels.choosing import highest, products


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("rows", "group", "count", "dim"),
    [(2, 7, 515, 128), (1, 1, 1, 32), (3, 5, 66, 20), (2, 4, 259, 17), (2, 60, 9, 64)],
)
def test_products_are_those_of_double_precision(dtype, rows, group, count, dim):
    table, query = (
        torch.randn(rows, count + 3, dim).to(dtype)[:, :count],
        torch.randn(rows, group, dim).to(dtype),
    )
    expected = torch.einsum("rgd,rnd->rgn", query.double(), table.double())
    torch.testing.assert_close(products(query, table).double(), expected, atol=2e-5, rtol=1e-5)


numbers = st.floats(width=32) | st.sampled_from(
    [0.0, -0.0, 1.0, 1.5, float("inf"), -float("inf"), float("nan")]
)


@given(data=st.data(), scores=st.lists(numbers, min_size=1, max_size=40))
def test_the_highest_are_the_first_of_a_stable_order(data, scores):
    count = data.draw(st.integers(1, len(scores)))
    ranks = [float("inf") if x != x else x for x in scores]
    beyond = [x != x for x in scores]
    order = sorted(range(len(scores)), key=lambda place: (not beyond[place], -ranks[place], place))
    found = highest(torch.tensor([scores, scores[::-1]]), count)
    assert sorted(ranks[place] for place in found[0].tolist()) == sorted(
        ranks[place] for place in order[:count]
    )
    assert found[0].tolist() == sorted(set(found[0].tolist()))
    if not any(x == 0 for x in scores):  # of which there are two
        assert found[0].tolist() == sorted(order[:count])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("dim", [16, 20, 64])
def test_products_do_not_depend_on_those_beside_them(dtype, dim):
    table, query = torch.randn(2, 130, dim).to(dtype), torch.randn(2, 5, dim)
    whole = products(query, table)
    assert torch.equal(products(query[:1, 3:4], table[:1, 7:9]), whole[:1, 3:4, 7:9])
