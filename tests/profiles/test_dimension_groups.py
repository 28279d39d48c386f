"""How far groups of channel pairs reach, against explicit matrices of distances."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from longspan.errors import UnsupportedModel
from longspan.positions.base import Positions
from longspan.profiles import dimension_groups
from longspan.profiles.dimension_groups import GROUPS, Stretched, longest, loss
from longspan.profiles.prose import Recital, recital
from naive_llama import causal, naive_logits
from tiny import model_of, stock_logits, tiny_network, tiny_tokenizer, tokens

WINDOW = 320


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, GROUPS - 1))
def test_the_longest_factor_that_works_is_found_in_few_readings(steps, good, group):
    tried = []

    def works(asked: int, factor: int) -> bool:
        assert asked == group
        tried.append(factor)
        return factor <= 2**good

    assert longest(works, group, steps) == 2 ** min(good, steps)
    assert len(tried) <= (steps + 1).bit_length()
    assert 1 not in tried


@pytest.mark.parametrize(("group", "factor"), [(0, 4), (5, 64), (7, 1)])
def test_the_loss_is_that_of_the_stretched_distances(group, factor):
    network = tiny_network("llama", max_position_embeddings=WINDOW)  # eight pairs of channels, one a group
    ids = tokens(70).tolist()
    text = Recital(ids=ids, keys=[], asking=[range(40, 44), range(60, 69)])
    relative = torch.zeros(70, 70, GROUPS)
    for i in range(70):
        for j in range(i + 1):
            relative[i, j] = i - j
            if i - j >= 9:
                relative[i, j, group] = 9 + (i - j - 9) * factor
    logits = naive_logits(network, torch.tensor(ids), causal(70), relative)
    asking = torch.tensor([*range(40, 44), *range(60, 69)])
    expected = float(cross_entropy(logits[asking], torch.tensor(ids)[asking + 1]))
    found = loss(model_of(network).seam, text, Stretched(group=group, factor=factor, near=9))
    assert found == pytest.approx(expected, abs=1e-5)
    stock = stock_logits(network, torch.tensor(ids))
    plain = float(cross_entropy(stock[asking], torch.tensor(ids)[asking + 1]))
    assert loss(model_of(network).seam, text, Positions()) == pytest.approx(plain, abs=1e-5)
    assert (factor == 1) == (found == pytest.approx(plain, abs=1e-5))


def test_a_model_that_recites_whatever_its_positions_reaches_farthest():
    network = tiny_network("llama", max_position_embeddings=WINDOW)
    model = model_of(network)
    text = recital(tiny_tokenizer(), WINDOW)
    right = [text.ids[place + 1] for asking in text.asking for place in asking]

    def know(module: object, given: object, logits: torch.Tensor) -> torch.Tensor:
        rows = logits.flatten(0, -2)
        rows[range(len(right)), right] += 1e4
        return logits

    hook = network.get_output_embeddings().register_forward_hook(know)
    try:
        lengths = dimension_groups.measure(model.seam, tiny_tokenizer())
    finally:
        hook.remove()
    assert lengths.shape == dimension_groups.shape(model.seam)
    assert (
        lengths.tolist() == [280 * 16] * GROUPS
    )  # 320 less the neighbourhood of 40; 2⁴ is below 16 · 320 / 280


def test_a_model_that_cannot_recite_is_refused():
    model = model_of(tiny_network("llama", max_position_embeddings=WINDOW))
    with pytest.raises(
        UnsupportedModel, match=r"does not find passkeys again in 320 tokens .*give dpe its scales"
    ):
        dimension_groups.measure(model.seam, tiny_tokenizer())
