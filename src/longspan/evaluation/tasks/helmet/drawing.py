"""Which worked examples HELMET shows: rows in the order in which `datasets` shuffles them."""

from __future__ import annotations

import hashlib

import numpy as np

SHOTS = 2
"""Examples before each question."""

SEED = 42
"""Of the paper's runs, where a question has no seed of its own."""


def seed_of(question: str) -> int:
    """The seed by which examples for a question are drawn."""
    return int(hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest(), 16) % 2**31


def shuffled(count: int, seed: int) -> list[int]:
    """The numbers below `count` in the order of `datasets.Dataset.shuffle(seed)`."""
    return [int(number) for number in np.random.default_rng(seed).permutation(count)]
