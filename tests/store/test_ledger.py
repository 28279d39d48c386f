"""Memory counts once while anybody holds it, and never hides memory that comes where it lay."""

import torch

from longspan.store.ledger import Ledger


def test_memory_counts_once_until_the_last_of_its_owners_gives_it():
    ledger, column = Ledger(), torch.zeros(4)
    ledger.take([column])
    ledger.take([column])
    assert (ledger.held, ledger.peak) == (16, 16)
    ledger.give([column])
    assert ledger.held == 16
    ledger.give([column])
    assert ledger.held == 0


def test_what_was_forgotten_hides_nothing():
    ledger = Ledger()
    for _ in range(50):
        ledger.take([torch.zeros(4)])
    assert ledger.held == 50 * 16
