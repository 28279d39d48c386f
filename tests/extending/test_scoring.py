"""The loss of a text against transformers, and how little is held for it."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from longspan.extending import scoring
from longspan.extending.samples import Sample
from longspan.extending.scoring import WORST, mean_loss
from longspan.positions.base import Positions
from longspan.positions.rescaled import Rescaled
from tiny import WINDOW, headed, stock_logits, tiny_model, tiny_network, tokens

FACTORS = (1.0, 1.0, 1.3, 1.75, 2.5, 3.0, 4.0, 4.5)


def sample(count: int, scored: range, seed: int = 0) -> Sample:
    return Sample(ids=tuple(tokens(count, seed).tolist()), scored=scored)


def naive(network, samples) -> float:
    """The mean over all tokens that count, from all logits at once."""
    losses = []
    for each in samples:
        ids = torch.tensor(each.ids)
        logits = stock_logits(network, ids)
        losses += [float(cross_entropy(logits[place - 1], ids[place])) for place in each.scored]
    return sum(losses) / len(losses)


@pytest.mark.parametrize("chunk", [13, 64, 1024])
@pytest.mark.parametrize(
    "samples",
    [
        [sample(200, range(1, 200))],
        [sample(200, range(1, 200)), sample(130, range(1, 130), seed=1)],
        [sample(200, range(193, 200)), sample(200, range(190, 200), seed=1)],
        [sample(129, range(128, 129))],
        [sample(2, range(1, 2))],
    ],
    ids=["all", "two", "ends", "one", "shortest"],
)
def test_the_loss_is_the_mean_over_what_counts(samples, chunk, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", chunk)
    model = tiny_model()
    assert mean_loss(model.seam, Positions(), samples) == pytest.approx(
        naive(model.network, samples), abs=1e-5
    )


def test_the_loss_is_that_under_the_given_factors():
    parameters = {
        "rope_type": "longrope",
        "rope_theta": 1e4,
        "long_factor": list(FACTORS),
        "short_factor": [1.0] * 8,
        "factor": 4.0,
        "original_max_position_embeddings": WINDOW,
    }
    changes = {"original_max_position_embeddings": WINDOW, "max_position_embeddings": 4 * WINDOW}
    network, samples = (
        tiny_network("llama", rope_parameters=parameters, **changes),
        [sample(600, range(1, 600))],
    )
    found = mean_loss(tiny_model().seam, Rescaled(factors=FACTORS, scale=4), samples)
    assert found == pytest.approx(naive(network, samples), abs=1e-5)
    assert abs(found - mean_loss(tiny_model().seam, Positions(), samples)) > 1e-4


def test_only_what_counts_reaches_the_head(monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 64)
    model = tiny_model()
    with headed(model.network) as rows:
        mean_loss(model.seam, Positions(), [sample(300, range(290, 300))])
    assert len(rows) == 10


def test_a_loss_that_is_no_number_is_the_worst(monkeypatch):
    network = tiny_network("llama")
    network.lm_head.weight.fill_(torch.nan)
    from tiny import model_of

    monkeypatch.setattr("longspan.model.self_check", lambda seam: None)
    assert mean_loss(model_of(network).seam, Positions(), [sample(20, range(1, 20))]) == WORST
