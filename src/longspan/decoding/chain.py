"""A model that drafts token after token."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from longspan.decoding.base import Decode, Draft, Drafter, Drawn, Exact, Host, Proposer, Verifier
from longspan.decoding.rejection import Rejection
from longspan.errors import PlanError
from longspan.parameters import check_choice, check_range
from longspan.slots import Slots


@dataclass(frozen=True, kw_only=True)
class ChainDecode(Decode):
    """Base of methods that draft a line of tokens with a model, see `drafter`."""

    gamma: int = 4
    """Tokens of a draft at most."""
    sure: float = 0.0
    """A draft ends where the drafter gives no token this probability."""
    draws: Literal["apart", "shared"] = "apart"
    """Whether drafted tokens are drawn by chance of their own, and verified by rejection; or by the chance of the
    answer, which is then the same for the same seed with and without drafts, while fewer tokens are accepted.
    """

    def __post_init__(self) -> None:
        check_range("gamma", self.gamma, 1)
        check_range("sure", self.sure, 0.0, 1.0)
        check_choice("draws", self.draws, ("apart", "shared"))

    @abstractmethod
    def drafter(self, host: Host) -> Drafter:
        """Who drafts for an answer."""

    def within(self, host: Host) -> tuple[Proposer, Verifier] | None:
        """Who drafts for the drafter, and verifies that; None for nobody."""
        return None

    def proposer(self) -> Proposer:
        """Asks the drafter."""
        return Chain(self)

    def verifier(self) -> Verifier:
        """As `draws` says."""
        return Exact() if self.draws == "shared" else Rejection()


class Chain(Proposer):
    """What a drafter would say. It needs an answer for which it drafts, see `join`."""

    def __init__(self, method: ChainDecode) -> None:
        self._method = method
        self._host: Host | None = None
        self._drafter: Drafter | None = None

    def join(self, host: Host) -> None:
        """For which answer."""
        self._host, self._drafter = host, self._method.drafter(host)

    def propose(self, ids: Sequence[int], room: int) -> Draft:
        """A line of tokens."""
        method, host, drafter = self._method, self._host, self._drafter
        if host is None or drafter is None:
            raise RuntimeError(
                "a proposer that drafts with a model was not told for which answer; call join first"
            )
        apart = method.draws == "apart"
        draws = host.apart(len(ids)) if apart else host.ahead()
        said = drafter.says(ids, draws, min(method.gamma, room), sure=method.sure, within=method.within(host))
        line = Draft.line([each.token for each in said])
        if not apart:
            return line
        drawn = {place - 1: Drawn((token,), odds) for place, (token, odds) in enumerate(said)}
        return Draft(line.ids, line.parents, drawn)


def check_whole_memory(name: str, plan: Slots) -> None:
    """Raises PlanError for a plan under which no part of the memory is left to draft over."""
    if plan.policy is not None:
        raise PlanError(
            f"{name} drafts over a part of what is kept, and policy leaves a part already; leave one of the two out"
        )
