"""Passes at load that are alike."""

from unittest.mock import patch

import torch
from torch import nn

from tiny import model_of, tiny_network, tokens


def test_passes_that_are_alike_multiply_once_and_give_the_same():
    """Only what a layer was given last, to the bit, is not computed again; nothing stays behind."""
    network = tiny_network("llama")
    borrowing = model_of(network).seam.borrowing
    ids, places = tokens(9), torch.arange(9)
    other = tokens(9, seed=1)
    linear = [each for each in network.modules() if isinstance(each, nn.Linear)]
    with torch.inference_mode():
        expected = [borrowing.run(each, places, places) for each in (ids, ids, other, ids)]
    with borrowing.once(), patch("torch.nn.functional.linear", wraps=torch.nn.functional.linear) as made:
        counts = []
        for each, theirs in zip((ids, ids, other, ids), expected, strict=True):
            before = made.call_count
            assert torch.equal(borrowing.run(each, places, places), theirs)
            counts.append(made.call_count - before)
    assert counts == [len(linear), 0, len(linear), len(linear)]
    assert not any("forward" in vars(each) for each in linear)
