"""How well a model foretells the tokens that count, under given positions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from longspan.extending.samples import Sample
from longspan.plan import Plan
from longspan.positions.base import Positions
from longspan.running.moments import reserve_tokens
from longspan.running.reader import Reader
from longspan.seam.seam import Seam

CHUNK = 1024
"""Tokens that pass through the model at a time, and whose logits are held at most."""

_ROWS = 128
"""Logits whose logarithms are taken at a time."""

WORST = 700.0
"""Nats that stand for a loss that is larger or no number; e^700 is about the largest perplexity that can be written."""


def mean_loss(seam: Seam, positions: Positions, samples: Sequence[Sample]) -> float:
    """Mean negative log-likelihood of the tokens that count, in nats a token; its exponential is the perplexity.

    Every sample is read in chunks, and only the logits before tokens that count are made.
    """
    losses = math.fsum(_loss(seam, Plan(positions=positions), sample) for sample in samples)
    mean = losses / sum(len(sample.scored) for sample in samples)
    return min(mean, WORST) if math.isfinite(mean) else WORST


def _loss(seam: Seam, plan: Plan, sample: Sample) -> float:
    ids = torch.tensor(sample.ids, device=seam.device)
    with Reader(seam, plan, length=len(ids)) as reader:
        reserve_tokens(reader.sequence, len(ids) - 1)
        return math.fsum(
            _chunk(reader, ids[start : start + CHUNK + 1], sample.scored, start)
            for start in range(0, len(ids) - 1, CHUNK)
        )


def _chunk(reader: Reader, ids: Tensor, scored: range, start: int) -> float:
    """The loss of what a chunk foretells. ids: its tokens and the next one, which stand from `start` on."""
    wanted = [place for place in range(len(ids) - 1) if start + place + 1 in scored]
    logits = reader.run(ids[:-1], wanted)
    foretold = ids[1:][wanted]
    parts = zip(logits.split(_ROWS), foretold.split(_ROWS), strict=True)
    return -sum(
        float(some.float().log_softmax(-1).gather(1, following[:, None]).double().sum())
        for some, following in parts
    )
