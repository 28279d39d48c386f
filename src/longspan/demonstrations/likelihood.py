"""How likely a model finds the label of a text behind demonstrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from longspan.demonstrations.demonstration import Demonstration
from longspan.demonstrations.labels import log_likelihood
from longspan.demonstrations.layout import Layout
from longspan.demonstrations.selections.base import Scoring
from longspan.plan import Plan

if TYPE_CHECKING:
    from longspan.model import Model


def scoring_of(model: Model, plan: Plan, layout: Layout) -> Scoring:
    """Asks a model for likelihoods, reading what candidates share once."""

    def scoring(
        row: Sequence[Demonstration], candidates: Sequence[Demonstration], asked: Demonstration
    ) -> list[float]:
        before = [*layout.opening, *(token for each in row for token in layout.demonstration(each))]
        text, label = layout.asked(asked.text), layout.answered(asked.label)
        found = []
        with model.session(plan) as session:
            if before:
                session.read(before)
            for each in candidates:
                with session.fork() as fork:
                    fork.read([*layout.demonstration(each), *text])
                    found.append(log_likelihood(fork, label))
        return found

    return scoring
