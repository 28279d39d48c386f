"""The summary that all selectors share: groups, their digests, and the selections that still hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from longspan.errors import PlanError
from longspan.kernels.choosing import Ranking
from longspan.parameters import Budget, tokens
from longspan.selectors.base import Chosen, Outlook, Summary, Visit
from longspan.selectors.column import Compound
from longspan.selectors.digests.base import Digest
from longspan.selectors.groupings.base import Grouping, Picked
from longspan.selectors.reuses.base import Reuse
from longspan.selectors.scorings.base import Scoring
from longspan.store.group import Exact
from longspan.store.state import State

Compare: TypeAlias = Literal["rotated", "unrotated", "edge"]


class Retrieval(Compound, Summary):
    """Groups what has left the recent entries, digests each group, and chooses among the digests.

    budget: entries chosen by score per query head, in whole groups, a float for a fraction of the entries, None for
    no bound. sinks, local: first and last entries that are visited in any case; so are entries in no group yet.
    compare: as in `Retrieve`.
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
        compare: Compare = "rotated",
    ) -> None:
        self._groups = grouping.groups(sinks)
        self._digests = digest.digests()
        self._recall = reuse.recall()
        self._scoring, self._whole = scoring, reuse.whole
        self._budget, self._local, self._compare = budget, local, compare
        self._early = digest.early and not grouping.surprised

    def extend(self, visit: Visit) -> None:
        """Groups the entries that are not among the recent ones any more."""
        visit = self._met(visit)
        self._digests.watch(visit)
        self._group(visit, visit.entries - self._local)

    def leave(self, visit: Visit, stop: int) -> int:
        """Groups them before they are encoded, where the digest wants it; only whole groups leave then."""
        if not self._early:
            return stop
        stop = min(stop, visit.entries - self._local)
        self._group(self._met(visit), stop)
        return max(self.covered, min(stop, self._groups.sinks))

    @property
    def exact(self) -> Exact | None:
        """As the digests hold them."""
        return self._digests.exact

    def select(self, visit: Visit) -> Chosen | None:
        """The best groups with the sinks and the recent entries; None while all groups fit into the budget."""
        visit = self._met(visit)
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

    def ranking(self, entries: int) -> Outlook:
        """The pages with their digests; everything while all of them fit into the budget."""
        size, grouped = self._groups.sizes, max(self.covered, self._groups.sinks)
        if not isinstance(size, int) or self._budget is None:
            raise ValueError("groups are ranked beforehand where all are of one size, for a budget")
        budget = tokens(self._budget, entries)
        until = grouped + size + self._local if isinstance(self._budget, int) else entries + 1
        limit = min(max(1, budget // size), self._groups.count)
        if self._groups.grouped <= budget or limit == self._groups.count:
            return Outlook(None, until)
        found = Ranking(
            table=self._digests.table(),
            bounded=self._digests.bounded,
            sinks=self._groups.sinks,
            size=size,
            limit=limit,
        )
        return Outlook(found, until)

    def _met(self, visit: Visit) -> Visit:
        """Queries and keys as they are to meet."""
        if self._compare == "rotated":
            return visit
        if visit.placed is None or visit.raw is None:
            raise PlanError(
                f"compare={self._compare} needs keys that are stored before their rotation; leave it out"
            )
        place = self._local if self._compare == "edge" else None
        return replace(visit, query=visit.placed(place), keys=visit.raw)

    def _group(self, visit: Visit, stop: int) -> None:
        formed = self._groups.extend(visit, stop)
        if formed is not None:
            self._digests.add(formed, visit)
            self.covered = self._groups.covered

    def _pick(self, visit: Visit, budget: int | None) -> Picked:
        sizes, always = self._groups.sizes, self._digests.always()
        parts = self._scoring.probes(visit.query, self._groups.count)
        scores = self._scoring.joined([self._scored(query, always, visit) for query in parts])
        if always is None:
            return self._scoring.pick(scores, sizes, budget)
        beyond = int((always * sizes).sum(1).max())
        return self._scoring.pick(scores, sizes, None if budget is None else budget + beyond)

    def _scored(self, query: Tensor, always: Tensor | None, visit: Visit) -> Tensor:
        """The groups' scores by some queries `[heads, k, dim]`."""
        match = self._digests.match(query.flatten(0, 1).unflatten(0, (self._groups.rows, -1)), visit)
        scene = visit.scene
        if self._digests.weighs and scene.softmax.softcap is not None:
            visit = replace(visit, scene=replace(scene, softmax=replace(scene.softmax, softcap=None)))
        if always is None:
            return self._scoring.scores(match, self._groups.sizes, visit)
        # They are chosen in any case, beyond the budget, and take no part in the scores of the others.
        scores = self._scoring.scores(
            match.masked_fill(always[:, None], -torch.inf), self._groups.sizes, visit
        )
        return scores.masked_fill(always[:, None], torch.inf)

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
