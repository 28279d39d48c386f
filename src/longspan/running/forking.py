"""Which sessions can come from one reading, and which can go on side by side."""

from __future__ import annotations

from collections.abc import Sequence

from longspan.parameters import check_whole
from longspan.plan import Plan
from longspan.running.engine import Engine


def check_fork(plan: Plan, own: Plan, engine: Engine) -> None:
    """Raises ValueError unless a session that read under `own` can be forked under `plan`."""
    if plan.reading != own.reading:
        raise ValueError(
            f"plan {str(plan)!r} reads differently from this session's {str(own)!r}: only selector, decode "
            "and a policy with when=end may differ; open a session of its own"
        )
    if plan.policy == own.policy:
        return
    if own.policy is not None or plan.policy is None:
        raise ValueError(
            f"plan {str(plan)!r} has another policy than this session, whose own has acted; fork a session "
            "without a policy"
        )
    tracking = plan.policy.tracking
    if plan.policy.observed > engine.observed or (
        tracking is not None and not tracking.late and tracking not in engine.parts.trackings
    ):
        raise ValueError(
            f"the policy of {str(plan)!r} looks at more than this session gathered while reading; open the session "
            f"with forks=[{str(plan)!r}]"
        )


def forked(size: int, of: Sequence[int] | None) -> list[int]:
    """Which of so many sequences a fork has, as often as each is named; all of them by default."""
    chosen = list(range(size) if of is None else of)
    if not chosen:
        raise ValueError("of names no sequence; name at least one")
    for number in chosen:
        check_whole("of", number, 0, size - 1)
    return chosen


def check_alike(kinds: Sequence[tuple[int, Plan, int, int | None]], alone: Sequence[bool]) -> None:
    """Raises ValueError unless sessions are of one model, plan, chunk and window, given of each.

    alone: of each, whether its sequences speak for themselves.
    """
    if len(kinds) > 1 and not all(alone):
        raise ValueError(
            "a session whose windows speak as one goes on by itself; generate one after the other"
        )
    different = len(set(kinds))
    if different != 1:
        raise ValueError(
            f"sessions are of {different} kinds, allowed is 1; give sessions of one model, plan, chunk and window"
        )
