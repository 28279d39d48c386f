"""What passes take on a network under a plan: measured by whoever runs, known to all sessions that do the same."""

from __future__ import annotations

from collections import defaultdict
from weakref import WeakKeyDictionary

from longspan.decoding.costs import Costs
from longspan.plan import Plan
from longspan.seam.seam import Seam

Paces = defaultdict[int, Costs]
"""Costs of passes by how many texts generate in them; rows are those of drafts, besides one for all texts together."""

_known: WeakKeyDictionary[Seam, dict[object, Paces]] = WeakKeyDictionary()


def paces(seam: Seam, plan: Plan) -> Paces:
    """What is known under a plan, whoever drafts."""
    kind = plan.positions, plan.policy, plan.selector, plan.codec
    return _known.setdefault(seam, {}).setdefault(kind, defaultdict(Costs))
