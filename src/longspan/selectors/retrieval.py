"""The summary that all selectors share: groups, their digests, and the selections that still hold."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from longspan.parameters import Budget, tokens
from longspan.selectors.base import Chosen, Summary, Visit
from longspan.selectors.column import Compound
from longspan.selectors.digests.base import Digest
from longspan.selectors.groupings.base import Grouping, Picked
from longspan.selectors.reuses.base import Reuse
from longspan.selectors.scorings.base import Scoring
from longspan.store.group import Exact
from longspan.store.state import State


class Retrieval(Compound, Summary):
    """Groups what has left the recent entries, digests each group, and chooses among the digests.

    budget: entries chosen by score per query head, in whole groups, a float for a fraction of the entries, None for
    no bound. sinks, local: first and last entries that are visited in any case; so are entries in no group yet.
    """

    def __init__(
        self,
        *,
        grouping: Grouping,
        digest: Digest,
        scoring: Scoring,
        reuse: Reuse,
        budget: Budget | None,
        sinks: int,
        local: int,
    ) -> None:
        self._groups = grouping.groups(sinks)
        self._digests = digest.digests()
        self._recall = reuse.recall()
        self._scoring, self._whole = scoring, reuse.whole
        self._budget, self._local = budget, local
        self._early = digest.early and not grouping.surprised

    def extend(self, visit: Visit) -> None:
        """Groups the entries that are not among the recent ones any more."""
        self._digests.watch(visit)
        self._group(visit, visit.entries - self._local)

    def leave(self, visit: Visit, stop: int) -> int:
        """Groups them before they are encoded, where the digest wants it; only whole groups leave then."""
        if not self._early:
            return stop
        stop = min(stop, visit.entries - self._local)
        self._group(visit, stop)
        return max(self.covered, min(stop, self._groups.sinks))

    @property
    def exact(self) -> Exact | None:
        """As the digests hold them."""
        return self._digests.exact

    def select(self, visit: Visit) -> Chosen | None:
        """The best groups with the sinks and the recent entries; None while all groups fit into the budget."""
        picked = None if self._recall is None else self._recall.recall(visit)
        budget = None if self._budget is None else tokens(self._budget, visit.entries)
        if self._groups.grouped <= (budget or 0):
            return None
        if picked is None:
            picked = self._pick(visit, budget)._replace(stop=self.covered)
            if self._recall is not None:
                self._recall.remember(visit, picked)
            if self._whole:
                return None
        if picked.groups.shape[-1] == self._groups.count and _even(picked):
            return None
        return self._groups.spread(picked, visit)

    def _group(self, visit: Visit, stop: int) -> None:
        formed = self._groups.extend(visit, stop)
        if formed is not None:
            self._digests.add(formed, visit)
            self.covered = self._groups.covered

    def _pick(self, visit: Visit, budget: int | None) -> Picked:
        groups, scoring = self._groups, self._scoring
        query = scoring.probe(visit.query).unflatten(0, (groups.rows, -1))
        match, sizes = self._digests.match(query, visit), groups.sizes
        if self._digests.weighs:
            visit = replace(visit, softcap=None)
        always = self._digests.always()
        if always is None:
            return scoring.pick(scoring.scores(match, sizes, visit), sizes, budget)
        # They are chosen in any case, beyond the budget, and take no part in the scores of the others.
        scores = scoring.scores(match.masked_fill(always[:, None], -torch.inf), sizes, visit)
        scores = scores.masked_fill(always[:, None], torch.inf)
        beyond = int((always * sizes).sum(1).max())
        return scoring.pick(scores, sizes, None if budget is None else budget + beyond)

    @property
    def parts(self) -> dict[str, State]:
        """Groups, digests, and what holds of earlier choices."""
        parts: dict[str, State] = {"groups": self._groups, "digests": self._digests}
        return parts if self._recall is None else parts | {"recall": self._recall}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Takes them back."""
        super().load(tensors)
        self.covered = self._groups.covered


def _even(picked: Picked) -> bool:
    """Whether each chooser has picked equally many groups."""
    return picked.counts is None or bool((picked.counts == picked.groups.shape[-1]).all())
